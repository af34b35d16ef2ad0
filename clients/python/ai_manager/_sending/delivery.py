"""One spool's way to the server: the run is made, then window after window is sent, then how it ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ai_manager._notices import Notices
from ai_manager._sending import ending
from ai_manager._sending.creation import create, goes_on_with_another
from ai_manager._sending.facts import Facts
from ai_manager._sending.pace import Heartbeat, Pace
from ai_manager._sending.points import Points
from ai_manager._spool.cursor import Cursor
from ai_manager._spool.folder import Folder
from ai_manager._spool.source import Leftover, Source, next_window
from ai_manager._spool.window import Window
from ai_manager._spool.writer import Spool
from ai_manager._transport import Transport
from ai_manager.errors import ServerError


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
        self.done = threading.Event()
        self.before_close: Callable[[], None] = lambda: None  # What belongs to the run is still said then.
        self.is_first: Callable[[], bool] = lambda: True  # Whether all that came before in the same run is sent.
        self.is_waiting = False  # Because it is not.
        self.parent: Delivery | None = None  # Of the run that this one is forked from, if that is of this process.
        self.refused = ""  # The server's reason, while it does not let this run be written.
        self.refusals = 0  # How often it said so.
        self.last_step: int | None = None  # Of the run that goes on.
        self.stored_config: dict[str, Any] | None = None  # What the server had of it when it was made.
        self.stop_requested = False  # What the last answer said.
        self.cursor = Cursor.load(folder.path) if folder else Cursor()
        self.run_id: int | None = self.cursor.run_id or facts.get("run_id")
        self.spool = source if isinstance(source, Spool) else None  # None for another process's.
        self._source = source
        self._inherited = bool(facts.get("inherited"))  # Whether another process began this run, and says how it ends.
        self._window: Window | None = None  # The one that is being sent.
        self._points = Points(self.cursor, folder, notices, is_uncertain=self.spool is None)
        self._said = Facts(self.cursor, folder, notices, self._inherited)
        self._pace = Pace()
        # A child process's silence says nothing about the run, of which its parent speaks.
        self._heartbeat = Heartbeat(is_wanted=self.is_live and not self._inherited)

    # What has become of it.

    @property
    def is_live(self) -> bool:
        """Whether this process writes the spool."""
        return self.spool is not None

    @property
    def closed(self) -> bool:
        """Whether the run was finished here, delivered or not."""
        return self.spool is not None and self.spool.is_over

    @property
    def delivered(self) -> int:
        """Values that the server has."""
        return self._points.delivered

    @property
    def rejected(self) -> int:
        """Values that it never will take."""
        return self._points.rejected

    @property
    def unsent(self) -> int:
        """Values of this process that the server has not confirmed."""
        return max(0, self.spool.logged - self.delivered - self.rejected) if self.spool else 0

    @property
    def dropped(self) -> int:
        """Values that will never arrive."""
        return self.rejected + (self.spool.dropped if self.spool else 0)

    @property
    def keeps_in_memory(self) -> bool:
        """Whether something undelivered dies with this process."""
        return self.spool is not None and not self.done.is_set() and self.spool.in_memory

    def has_passed(self, place: tuple[int, int]) -> bool:
        """Whether the server has everything before a place in the log."""
        return self.done.is_set() or (self.cursor.segment, self.cursor.offset) >= place

    # What the process that logs does with it.

    def close(self, status: str, exit_: dict[str, Any] | None) -> None:
        """Say how the run ended; nothing is taken afterwards. When it ended is said by the server, as it said the start."""
        self.before_close()
        if self.spool:
            value = {"status": status} if exit_ is None else {"status": status, "exit": exit_}
            self.spool.end({"kind": "finish", "value": value})

    def hurry(self, until: float = 0.0) -> None:
        """Send without a pause, also what was refused: somebody waits, or the credentials are new."""
        self._pace.hurry(until)

    def say_what_is_left(self) -> None:
        """One line on what is not delivered, and how it will be."""
        if self.done.is_set() or not self.spool:
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
        if self.spool:
            if self.facts["mode"] == "online":
                self.say_what_is_left()
            self.spool.flush()
            self.spool.close()
        if self.folder:
            self.folder.release()
        self.done.set()

    # When.

    def due_in(self, now: float) -> float | None:
        """Seconds until `advance` has something to do; None when there is nothing."""
        retry = self._pace.retry_in(now)
        if retry:
            return retry
        if self.spool is None:
            return self._pace.look_in(now)
        is_idle = self._window is None and not self._is_cut and not self.spool.waits
        if self.run_id is None and not (self._inherited and is_idle):
            return 0.0
        if self._window is not None or self.closed:
            return 0.0
        if is_idle:
            self._pace.rest()
            return None if self.run_id is None else self._heartbeat.due_in(now)
        return self._pace.batch_in(now)

    @property
    def _is_cut(self) -> bool:
        """Whether a whole window waits."""
        assert self.spool is not None  # noqa: S101
        return self.spool.cut_at > (self.cursor.segment, self.cursor.offset) and self.spool.cut_at[1] > 0

    # What.

    def advance(self, transport: Transport, project_id: int) -> None:
        """Do the one next thing. Raises what the transport raised when it has to be tried again."""
        # Asked before the windows: whatever was logged before the end is then in one of them.
        is_over = self.closed or self._source.is_final
        run_id = self.run_id
        if run_id is None:
            if self._inherited and is_over and self._next_window() is None:
                self._end()
            elif not (goes_on_with_another(self.facts) and self._must_wait()):
                self._create(transport, project_id)
            return
        window = self._next_window()
        if window is not None:
            self._send_window(transport, run_id, window)
        elif is_over:
            self._send_end(transport, run_id)
        elif self._heartbeat.due_in(time.monotonic()) == 0.0:
            self._hear(self._heartbeat.send(transport, run_id))

    def _must_wait(self) -> bool:
        """Whether something else comes first, because what is next is about all that the run has."""
        self.is_waiting = not self.is_first()
        if self.is_waiting:
            self._pace.wait()
        return self.is_waiting

    def _create(self, transport: Transport, project_id: int) -> None:
        if self.parent and self.parent.run_id:
            self.facts["fork"]["run_id"] = self.parent.run_id
        answer = create(transport, project_id, self.facts, self.notices)
        last_step = answer.get("last_step")
        self.last_step = last_step if isinstance(last_step, int) else None
        stored_config = answer.get("config")
        self.stored_config = stored_config if isinstance(stored_config, dict) else None
        self.run_id = self.cursor.run_id = answer["id"]
        self.name = str(answer.get("name") or self.name or f"run {self.run_id}")
        self.cursor.save()

    def _next_window(self) -> Window | None:
        """The window that is being sent, or the next."""
        if self._window is None:
            self._window = self._own_window() if self.spool else next_window(self._source, self.cursor)
            if self._window is not None:
                self._points.begin()
                self._said.begin(self._window)
            elif isinstance(self._source, Leftover):
                self._source.look()  # If it has ended now, what it wrote before is read before that is believed.
        return self._window

    def _own_window(self) -> Window | None:
        """The next window of our own spool; where there is none, what was logged since the last one becomes one."""
        assert self.spool is not None  # noqa: S101
        for _ in range(2):
            if not self._is_cut:
                self.spool.cut()
            if not self._is_cut:
                break
            window = next_window(self._source, self.cursor)
            if window is not None:
                return window
        return None

    def _send_window(self, transport: Transport, run_id: int, window: Window) -> None:
        if window.damaged:
            self.notices.once("damaged", "records that cannot be read were left out: %d", window.damaged)
        if not self._points.are_sent(window):
            self._send_points(transport, run_id, window)
        elif self._said.rewinds_next and self._must_wait():
            return
        elif not self._said.are_said and self._said.say_next(transport, run_id):
            self._accepted()
        if self._points.are_sent(window) and self._said.are_said and not self.done.is_set():
            self._pass(window)

    def _send_points(self, transport: Transport, run_id: int, window: Window) -> None:
        try:
            answer = self._points.send(transport, run_id, window)
        except ServerError as error:
            if error.status == 404 and error.from_api:
                self._stop("the run is gone")
            elif error.status == 403:
                self._refuse("the run may not be written: " + error.detail)
            else:
                raise
            return
        if answer is not None:
            self._pace.sent()
            self._heartbeat.heard()
            self._accepted()
        if answer:
            self._pace.obey(answer.get("flush_after_ms"))
            self._hear(answer)

    def _pass(self, window: Window) -> None:
        self.cursor.pass_window(window.end, bool(window.rows), self._said.lines)
        self._points.end()
        self._window = None
        self._pace.rest()
        self.cursor.save()
        self._source.forget(self.cursor.segment)

    def _hear(self, answer: dict[str, Any] | None) -> None:
        if answer is not None:
            self.stop_requested = answer.get("stop_requested") is True

    def _accepted(self) -> None:
        self.refused = ""
        self._pace.accepted()

    def _refuse(self, reason: str) -> None:
        """The server does not let this run be written. It may change its mind: the spool keeps everything."""
        self.refused = reason
        self.refusals += 1
        self.notices.again("refused run", "%s. Values are kept on disk, trying again now and then", reason)
        self._pace.refused()

    # The end.

    def _send_end(self, transport: Transport, run_id: int) -> None:
        """All is sent. A process that died without a word is spoken for, unless the run goes on elsewhere."""
        if self.folder and not self.is_live:
            ending.send_last_lines(self._said, self.folder, transport, run_id)
        # One that has a key may go on anywhere by now.
        may_go_on = self._inherited or self.facts.get("goes_on") or "key" in self.facts["run"]
        if not (self._said.have_an_end or self.closed or may_go_on):
            ending.say_unknown(self._said, transport, run_id)
        self._end()

    def _end(self) -> None:
        if self.spool:
            self.spool.close()
        if self.folder:
            self.folder.remove()
        self.done.set()

    def _stop(self, reason: str) -> None:
        """Nothing more can reach this run. Logged first: a caller that waits for the end may look for the reason at once."""
        self.notices.once("stopped", "no more points are sent to run %s: %s", self.run_id, reason)
        self.cursor.stopped = reason
        self.cursor.save()
        if self.spool:
            with self.spool.lock:
                self._points.rejected += self.unsent
                self.spool.is_over = True
            self.spool.close()
        if self.folder:
            self.folder.release()
        self.done.set()
