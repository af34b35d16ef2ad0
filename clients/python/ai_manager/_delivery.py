"""One spool's way to the server: the run is made, then window after window is sent, then how it ended."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from ai_manager import _facts
from ai_manager._columns import JSON, Row, as_frame, as_json, columns_of
from ai_manager._notices import Notices
from ai_manager._spool.cursor import Cursor, derived
from ai_manager._spool.folder import LAST_LINES, Folder
from ai_manager._spool.source import Leftover, Source, next_window
from ai_manager._spool.window import Window
from ai_manager._spool.writer import Spool
from ai_manager._transport import Transport
from ai_manager.errors import ServerError, UnreachableError

GATHER = 0.05  # Seconds to wait for company after the first point of a batch.
PAUSE = 1.0  # Seconds between batches while the server does not say otherwise.
HEARTBEAT = 15.0  # Seconds of silence after which a heartbeat is sent, while the server does not say otherwise.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 600.0
SLOW_RETRY, SLOWEST_RETRY = 60.0, 600.0  # Seconds after which what the server refused is tried again.
UNKNOWN_END = "the process ended without saying how: it was killed, or the machine stopped"


class Delivery:
    """Sends what a spool holds, in order and once; one request for each call of `advance`.

    A batch is what is between two cuts, and its number follows from the log, so that it is the same batch with the
    same number however often it is sent and by whom. The cursor is saved when the server has a window.
    """

    def __init__(self, source: Source, folder: Folder | None, facts: dict[str, Any], notices: Notices) -> None:
        self.facts = facts  # What the run is: see `Folder`.
        self.folder = folder
        self.notices = notices
        self.name: str | None = facts["run"].get("name")
        self.config: dict[str, Any] = dict(facts["run"].get("config") or {})
        self.done = threading.Event()
        self.before_close: Callable[[], None] = lambda: None  # What belongs to the run is still said then.
        self.refused = ""  # The server's reason, while it does not let this run be written.
        self.refusals = 0  # How often it said so.
        self.rejected = 0  # Values that it never will take.
        self.delivered = 0  # Values that it has.
        self.last_step: int | None = None  # Of the run that goes on.
        self.stop_requested = False  # What the last answer said.
        self.cursor = Cursor.load(folder.path) if folder else Cursor()
        self.run_id: int | None = self.cursor.run_id or facts.get("run_id")
        self._source = source
        self._spool = source if isinstance(source, Spool) else None  # None for another process's.
        self._inherited = bool(facts.get("inherited"))  # Whether another process began this run, and says how it ends.
        self._window: Window | None = None
        self._part = 0  # The first part of the window that is not sent.
        self._requests: list[_facts.Request] | None = None
        self._use_no_number = False  # A refused batch used up no number.
        self._lines = 0  # Batches of console output of the window that the server has.
        self._takes_lines = True  # An older server does not.
        self._is_uncertain = self._spool is None  # Whether the batch may have been stored already.
        self._ended = False  # Whether the log said how the run ended.
        self._pause, self._heartbeat = PAUSE, HEARTBEAT
        self._sent_at = self._heard_at = float("-inf")  # By the monotonic clock, as all waiting is.
        self._waiting_since: float | None = None
        self._retry_at, self._retry_pause = float("-inf"), SLOW_RETRY
        self._hurried_until = 0.0
        self._takes_heartbeats = self._spool is not None  # An older server does not.
        self._announced = False  # Whether the server knows that heartbeats come.

    @property
    def is_live(self) -> bool:
        """Whether this process writes the spool."""
        return self._spool is not None

    @property
    def closed(self) -> bool:
        """Whether the run was finished here, delivered or not."""
        return self._spool is not None and self._spool.is_over

    def close(self, status: str, exit_: dict[str, Any] | None) -> None:
        """Say how the run ended; nothing is taken afterwards. When it ended is said by the server, as it said the start."""
        self.before_close()
        if self._spool:
            value = {"status": status} if exit_ is None else {"status": status, "exit": exit_}
            self._spool.end({"kind": "finish", "value": value})

    @property
    def unsent(self) -> int:
        """Values of this process that the server has not confirmed."""
        return max(0, self._spool.logged - self.delivered - self.rejected) if self._spool else 0

    @property
    def dropped(self) -> int:
        """Values that will never arrive."""
        return self.rejected + (self._spool.dropped if self._spool else 0)

    @property
    def keeps_in_memory(self) -> bool:
        """Whether something undelivered dies with this process."""
        return self._spool is not None and not self.done.is_set() and self._spool.in_memory

    def say_what_is_left(self) -> None:
        """One line on what is not delivered, and how it will be."""
        if self.done.is_set() or not self._spool:
            return
        who = f"run {self.name!r}" if self.name else "a run"
        if self.folder is None or self.keeps_in_memory:
            words = "%s: values not delivered yet: %d. They are only in memory and lost when the process ends"
            self.notices.once("left", words, who, self.unsent)
        else:
            words = "%s: values not delivered yet: %d. They are kept in %s; the next run here sends them, or `ai-manager sync`"
            self.notices.once("left", words, who, self.unsent, self.folder.path)

    def leave(self) -> None:
        """This process ends: what is not delivered is for others to send."""
        if self.done.is_set():
            return
        if self._spool:
            if self.facts["mode"] == "online":
                self.say_what_is_left()
            self._spool.flush()
            self._spool.close()
        if self.folder:
            self.folder.release()
        self.done.set()

    # When.

    def due_in(self, now: float) -> float | None:
        """Seconds until `advance` has something to do; None when there is nothing."""
        if self._retry_at > now:
            return self._retry_at - now
        if self._spool is None:
            return max(0.0, self._sent_at + min(self._pause, PAUSE) - now)
        is_idle = self._window is None and not self._is_cut and not self._spool.waits
        if self.run_id is None and not (self._inherited and is_idle):
            return 0.0
        if self._window is not None or self.closed:
            return 0.0
        if is_idle:
            self._waiting_since = None
            return self._heartbeat_due_in(now)
        if self._waiting_since is None:
            self._waiting_since = now
        if now < self._hurried_until:
            return 0.0
        return max(0.0, self._waiting_since + GATHER - now, self._sent_at + self._pause - now)

    @property
    def _is_cut(self) -> bool:
        """Whether a whole window waits."""
        assert self._spool is not None  # noqa: S101
        return self._spool.cut_at > (self.cursor.segment, self.cursor.offset) and self._spool.cut_at[1] > 0

    def hurry(self, until: float = 0.0) -> None:
        """Send without a pause, also what was refused: somebody waits, or the credentials are new."""
        self._retry_at = float("-inf")
        self._hurried_until = until

    def has_passed(self, place: tuple[int, int]) -> bool:
        """Whether the server has everything before a place in the log."""
        return self.done.is_set() or (self.cursor.segment, self.cursor.offset) >= place

    # What.

    def advance(self, transport: Transport, project_id: int) -> None:
        """Do the one next thing. Raises what the transport raised when it has to be tried again."""
        # Asked before the windows: whatever was logged before the end is then in one of them.
        is_over = self.closed or self._source.is_final
        if self._inherited and self.run_id is None and is_over and not self._has_window():
            self._end()
        elif self.run_id is None:
            self._create(transport, project_id)
        elif self._has_window():
            self._send_window(transport)
        elif is_over:
            self._send_end(transport)
        elif self._heartbeat_due_in(time.monotonic()) == 0.0:
            self._send_heartbeat(transport)

    def _has_window(self) -> bool:
        """Whether there is a window to send; the one that is being sent, or the next."""
        if self._window is None:
            self._window = self._own_window() if self._spool else next_window(self._source, self.cursor)
            self._part, self._requests, self._lines = 0, None, 0
            if self._window is None and isinstance(self._source, Leftover):
                self._source.look()  # If it has ended now, what it wrote before is read before that is believed.
        return self._window is not None

    def _own_window(self) -> Window | None:
        """The next window of our own spool; where there is none, what was logged since the last one becomes one."""
        assert self._spool is not None  # noqa: S101
        for _ in range(2):
            if not self._is_cut:
                self._spool.cut()
            if not self._is_cut:
                break
            window = next_window(self._source, self.cursor)
            if window is not None:
                return window
        return None

    def _create(self, transport: Transport, project_id: int) -> None:
        """Make the run, or go on with the one that has its key. What the server does not take of it is said and left out."""
        path, key = f"/runs/?project_id={project_id}", str(self.facts["key"])
        described = self.facts["run"]
        plain = {field: value for field, value in described.items() if field not in ("key", "resume")}
        for suffix, body in (("", described), ("-plain", plain), ("-bare", {"config": {}, "tags": []})):
            if suffix == "-plain" and plain == described:
                continue
            try:
                answer = transport.call("POST", path, body, key=key + suffix)
                break
            except ServerError as error:
                is_missing = error.status == 404 and error.from_api and body.get("resume") == "must"
                if suffix == "-bare" or not (error.is_refusal or error.status == 413 or is_missing):
                    raise
                # The points matter more than the description.
                what = "key" if "key" in body else "name, config or tags"
                self.notices.once(("about", suffix), "the server refused this run's %s (%s)", what, error.detail)
        last_step = answer.get("last_step")
        self.last_step = last_step if isinstance(last_step, int) else None
        self.run_id = self.cursor.run_id = whole(answer, "id")
        self.name = str(answer.get("name") or self.name or f"run {self.run_id}")
        self._save()

    # Windows.

    def _send_window(self, transport: Transport) -> None:
        window = self._window
        assert window is not None  # noqa: S101
        if window.damaged:
            self.notices.once("damaged", "records that cannot be read were left out: %d", window.damaged)
        if window.rows and self._part < 1 << self.cursor.depth:
            self._send_part(transport, window)
        else:
            self._send_fact(transport, window)
        is_sent = not window.rows or self._part >= 1 << self.cursor.depth
        if is_sent and not self._requests_of(window) and not self.done.is_set():
            self._pass(window)

    def _send_part(self, transport: Transport, window: Window) -> None:
        client, number, rows = self._part_of(window)
        if not rows:
            self._part += 1
            return
        kind = transport.points_kind
        body = (as_json if kind == JSON else as_frame)(client, number, columns_of(rows))
        try:
            answer = transport.call("POST", f"/metrics/{self.run_id}/bulk", body, kind=kind)
            whole(answer, "last_id")
        except ServerError as error:
            if error.status == 415 and kind != JSON:
                transport.points_kind = JSON  # An older server: it has kept nothing, and gets JSON from now on.
                return
            self._is_uncertain = self._is_uncertain or error.passes
            self._refused_part(window, rows, body, error)
            return
        except UnreachableError:
            self._is_uncertain = True
            raise
        self._part_is_there(rows)
        self._pause = _pause(answer.get("flush_after_ms"), PAUSE)
        self.stop_requested = answer.get("stop_requested") is True

    def _part_of(self, window: Window) -> tuple[str, int, list[Row]]:
        """The client, number and rows of the part whose turn it is. The first has the window's own number."""
        size = -(-len(window.rows) >> self.cursor.depth) or 1
        rows = window.rows[self._part * size : (self._part + 1) * size]
        if self._part == 0:
            return self.cursor.client, self.cursor.number, rows
        words = f"part {self._part} of {self.cursor.number} in {1 << self.cursor.depth}"
        return derived(self.cursor.client, words), 1, rows

    def _part_is_there(self, rows: list[Row]) -> None:
        self._part += 1
        self.delivered += sum(len(row.values) for row in rows)
        self._is_uncertain = False
        self._sent_at = self._heard_at = time.monotonic()
        self._accepted()

    def _refused_part(self, window: Window, rows: list[Row], body: bytes, error: ServerError) -> None:
        """Send less at once, go on without the batch or under another name, or stop; or raise to try again."""
        points = sum(len(row.values) for row in rows)
        if (error.status == 413 or (error.status == 400 and not error.from_api)) and len(rows) > 1:
            # A proxy, or the server, takes no bodies of this size. Said before anything is sent by the new measure.
            self.cursor.depth += 1
            self._part = 0
            self._save()
        elif error.is_refusal or (error.status == 413 and error.from_api):
            self.rejected += points
            self.notices.again("refused", "the server refused %d values: %s", points, error.detail)
            if self.folder:
                self.folder.reject(f"{window.segment:06d}-{window.start}-{self._part}", body, error.detail)
            self._part += 1
            if self._part == 1:
                self._use_no_number = True
        elif error.status == 409:
            self._out_of_turn(rows, error)
        elif error.status == 404 and error.from_api:
            self._stop("the run is gone")
        elif error.status == 403:
            self._refuse("the run may not be written: " + error.detail)
        else:
            raise error

    def _out_of_turn(self, rows: list[Row], error: ServerError) -> None:
        """The server expects another number.

        If it is the next one, it has this batch: an earlier answer was lost. Else it counts differently: it was restored
        from a copy, or somebody uses our name. Then it did not keep this batch, and another name starts the count afresh.
        """
        expected = re.search(r"(\d+)\D*$", error.detail)
        number = 1 if self._part else self.cursor.number
        if self._part or (self._is_uncertain and expected and int(expected[1]) == number + 1):
            self._part_is_there(rows)
            return
        self.notices.once("count", "the server lost count of this run's batches (%s); starting again", error.detail)
        self.cursor.begin_anew()
        self._save()

    def _requests_of(self, window: Window) -> list[_facts.Request]:
        """What is still to be said of the facts in the window."""
        if self._requests is None:
            key = f"{self.cursor.origin}-{window.segment}-{window.start}"
            self._requests = _facts.requests_of(window.facts, key, self._inherited)
            self._ended = self._ended or any(fact.get("kind") == "finish" for fact in window.facts)
        return self._requests

    def _send_fact(self, transport: Transport, window: Window) -> None:
        requests = self._requests_of(window)
        if requests:
            self._say(transport, requests[0])
            requests.pop(0)

    def _say(self, transport: Transport, request: _facts.Request) -> None:
        """Say something about the run. What the server does not take is kept aside and not repeated."""
        assert self.run_id is not None  # noqa: S101
        if request.path == _facts.LINES:
            self._say_lines(transport, request)
            return
        try:
            _facts.send(transport, self.run_id, request)
        except ServerError as error:
            if error.passes:
                raise
            self.notices.again("facts", "the server refused a change of run %s: %s", self.run_id, error.detail)
            if self.folder and error.is_refusal:
                self.folder.reject(f"fact-{time.time_ns()}", json.dumps(request).encode(), error.detail)
        else:
            self._accepted()

    def _say_lines(self, transport: Transport, request: _facts.Request) -> None:
        """Send console output, each batch once. What nobody takes is left out: it must not be in the way of the points."""
        if not self._takes_lines:
            return
        body = {**self.cursor.batch_of_lines(self._lines), **request.body}
        try:
            transport.call("POST", f"/runs/{self.run_id}{request.path}", body)
        except ServerError as error:
            if error.status == 409:
                self.cursor.begin_lines_anew(self._lines)
                self._save()
                raise
            if error.status in (404, 405):
                self._takes_lines = False
            elif error.status in (400, 413, 422):
                self.notices.again("lines", "output of run %s was not taken: %s", self.run_id, error.detail)
            else:
                raise
        else:
            self._lines += 1
            self._accepted()

    def _pass(self, window: Window) -> None:
        self.cursor.pass_window(window.end, bool(window.rows), self._lines)
        if self._use_no_number:
            self._use_no_number = False
            self.cursor.begin_anew()
        self._window = self._requests = self._waiting_since = None
        self._save()
        self._source.forget(self.cursor.segment)

    # Signs of life, and the end.

    def _heartbeat_due_in(self, now: float) -> float | None:
        """A child process's silence says nothing about the run, of which its parent speaks."""
        if not self._takes_heartbeats or self._inherited or self.run_id is None:
            return None
        return max(0.0, self._heard_at + self._heartbeat - now) if self._announced else 0.0

    def _send_heartbeat(self, transport: Transport) -> None:
        """Say that the run is alive though it logs nothing. What the server thinks of it stops nothing else."""
        self._heard_at = time.monotonic()
        self._announced = True
        try:
            answer = transport.call("POST", f"/runs/{self.run_id}/heartbeat")
        except ServerError as error:
            if error.status == 404 or not error.passes:
                self._takes_heartbeats = False
            return
        self._heartbeat = _pause(answer.get("heartbeat_after_ms"), HEARTBEAT)
        self.stop_requested = answer.get("stop_requested") is True

    def _send_end(self, transport: Transport) -> None:
        """All is sent. A process that died without a word is spoken for, unless the run goes on elsewhere."""
        self._send_last_lines(transport)
        # One that has a key may go on anywhere by now.
        may_go_on = self._inherited or self.facts.get("goes_on") or "key" in self.facts["run"]
        if not (self._ended or self.closed or may_go_on):
            run = transport.call("GET", f"/runs/{self.run_id}")
            if run.get("status") == "running":
                words = {"status": "killed", "exit": {"code": None, "signal": None, "error": UNKNOWN_END}}
                self._say(transport, _facts.Request("PUT", "", words))
        self._end()

    def _send_last_lines(self, transport: Transport) -> None:
        """What a process that died printed at the end, which often says why."""
        if self.is_live or self.folder is None:
            return
        path = self.folder.path / LAST_LINES
        if not path.exists():
            return
        from ai_manager._capture.console import left_lines

        lines = left_lines(path)[-_facts.MOST_LINES :]
        if lines:
            self._say_lines(transport, _facts.Request("POST", _facts.LINES, {"lines": lines}))
        with contextlib.suppress(OSError):
            path.unlink()

    def _end(self) -> None:
        if self._spool:
            self._spool.close()
        if self.folder:
            self.folder.remove()
        self.done.set()

    def _stop(self, reason: str) -> None:
        """Nothing more can reach this run. Logged first: a caller that waits for the end may look for the reason at once."""
        self.notices.once("stopped", "no more points are sent to run %s: %s", self.run_id, reason)
        self.cursor.stopped = reason
        self._save()
        if self._spool:
            with self._spool.lock:
                self.rejected += self.unsent
                self._spool.is_over = True
            self._spool.close()
        if self.folder:
            self.folder.release()
        self.done.set()

    def _refuse(self, reason: str) -> None:
        """The server does not let this run be written. It may change its mind: the spool keeps everything."""
        self.refused = reason
        self.refusals += 1
        self.notices.again("refused run", "%s. Values are kept on disk, trying again now and then", reason)
        self._retry_at = time.monotonic() + self._retry_pause
        self._retry_pause = min(2 * self._retry_pause, SLOWEST_RETRY)

    def _accepted(self) -> None:
        self.refused, self._retry_pause = "", SLOW_RETRY

    def _save(self) -> None:
        """Keep the cursor; where that fails, more is sent again some day, and known by its number."""
        if self.folder:
            with contextlib.suppress(OSError):
                self.cursor.save(self.folder.path)


def whole(answer: dict[str, Any], key: str) -> int:
    """A number that the answer must hold to be this server's; without it nothing counts as done."""
    value = answer.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnreachableError(f"the answer does not look like an AI Manager's: no {key!r} in it")
    return value


def _pause(milliseconds: Any, default: float) -> float:
    """How many seconds later the server wants to hear of us again, within reason."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)):
        return default
    return min(max(milliseconds / 1000.0, SHORTEST_PAUSE), LONGEST_PAUSE)
