"""One run's way to the server: what was logged, what is on its way, and how the run ended."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from typing import Any

from ai_manager._columns import JSON
from ai_manager._notices import Notices
from ai_manager._queue import Batch, Buffer, MemoryBuffer, Row
from ai_manager._transport import Transport
from ai_manager.errors import ServerError, UnreachableError

BATCH_POINTS = 10_000
GATHER = 0.05  # Seconds to wait for company after the first point of a batch.
PAUSE = 1.0  # Seconds between batches while the server does not say otherwise.
HEARTBEAT = 15.0  # Seconds of silence after which a heartbeat is sent, while the server does not say otherwise.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 600.0


class Channel:
    """Everything that is still to be told about one run, in the order in which it must be told.

    The run's own thread puts rows, config and the final status in; the sender calls `advance`, one request a
    call. Batches are numbered from 1 for a random client id and one is in flight: it keeps its number and its
    bytes until the server took or refused it, so that a lost answer never doubles a point.
    """

    def __init__(self, name: str | None, config: dict[str, Any], tags: list[str], notices: Notices) -> None:
        self.name = name
        self.config = config
        self.tags = tags
        self.notices = notices
        self.run_id: int | None = None
        self.done = threading.Event()
        self.dropped = 0
        self._key = uuid.uuid4().hex  # Makes the creation of the run harmless to repeat, also by a forked child.
        self._inherited = False  # Whether a parent process began this run, and hence decides how it ends.
        self._config_changed = False
        self._final: dict[str, Any] | None = None
        self._pause = PAUSE
        self._heartbeat = HEARTBEAT
        self._heard_at = 0.0  # When the server last got points or a heartbeat.
        self.stop_requested = False  # What the last answer said.
        self.total_steps: int | None = None
        self._takes_heartbeats = True  # An older server does not.
        self._announced = False  # Whether the server knows that heartbeats come.
        self._sent_at = 0.0  # By the monotonic clock, as all waiting is.
        self._waiting_since: float | None = None
        self.buffer: Buffer = MemoryBuffer()
        self.parked: deque[tuple[bytes, str]] = deque(maxlen=10)  # The latest refused batches and the reasons.
        self._begin_client()

    def _begin_client(self) -> None:
        """A new identity towards the server, with nothing sent yet."""
        self.lock = threading.RLock()  # Re-entrant: a signal handler or a finaliser may log while `log` runs.
        self._client = str(uuid.uuid4())
        self._sent = 0
        self._batch: Batch | None = None

    # What the run's own threads do.

    def put(self, row: Row) -> bool:
        """Keep a row for sending; True when the sender may be asleep and should be told."""
        with self.lock:
            if self.done.is_set() or self._final is not None:
                self.dropped += len(row.values)
                self.notices.once("over", "values logged to %r after its end are not kept", self.name or "a run")
                return False
            idle = self.buffer.points == 0
            if not self.buffer.put(row):
                self.dropped += len(row.values)
                self.notices.once("full", "the memory for unsent points is full; new ones are dropped until it drains")
            return idle

    def update_config(self, config: dict[str, Any]) -> None:
        """Add settings to a run that has started."""
        with self.lock:
            self.config = {**self.config, **config}
            self._config_changed = self._config_changed or self.run_id is not None

    def close(self, status: str) -> None:
        """Say how the run ended; nothing is taken afterwards. When it ended is said by the server, as it said the start."""
        with self.lock:
            if self._final is None:
                self._final = {"status": status}

    @property
    def closed(self) -> bool:
        """Whether the run was finished here, delivered or not."""
        return self._final is not None

    @property
    def unsent(self) -> int:
        """Points that the server has not confirmed."""
        with self.lock:
            return self.buffer.points + (self._batch.points if self._batch else 0)

    def after_fork(self) -> None:
        """In a child: the parent sends what it logged and says how the run ends; we send our own."""
        self._begin_client()
        self.buffer.clear()
        self._inherited = True
        self._config_changed = False
        has_ended = self.closed or self.done.is_set()
        self.done = threading.Event()  # The old one may be locked by a thread that does not exist here.
        if has_ended:
            self.done.set()

    # What the sender does.

    def due_in(self, now: float) -> float | None:
        """Seconds until `advance` has something to do; None when there is nothing."""
        is_idle = not (self.buffer.points or self._batch or self._config_changed)
        if self.run_id is None and not (self._inherited and is_idle):
            return 0.0
        if self._batch or self.closed or self.buffer.points >= BATCH_POINTS:
            return 0.0
        if is_idle:
            self._waiting_since = None
            return self._heartbeat_due_in(now)
        if self._waiting_since is None:
            self._waiting_since = now
        return max(0.0, self._waiting_since + GATHER - now, self._sent_at + self._pause - now)

    def advance(self, transport: Transport, project_id: int) -> None:
        """Do the one next thing. Raises what the transport raised when it has to be tried again."""
        if self._inherited and self.closed and not self.unsent:
            self.done.set()
        elif self.run_id is None:
            self._create(transport, project_id)
        elif self.unsent:
            self._send_batch(transport)
        elif self._config_changed:
            self._send_config(transport)
        elif self._final is not None:
            self._change_run(transport, self._final)
            self.done.set()
        elif self._heartbeat_due_in(time.monotonic()) == 0.0:
            self._send_heartbeat(transport)

    def _heartbeat_due_in(self, now: float) -> float | None:
        """A forked child's silence says nothing about the run, of which its parent speaks."""
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

    def _create(self, transport: Transport, project_id: int) -> None:
        with self.lock:
            description: dict[str, Any] = {"config": self.config, "tags": self.tags}
            self._config_changed = False
        if self.name is not None:
            description["name"] = self.name
        if self.total_steps is not None:
            description["total_steps"] = self.total_steps
        path = f"/runs/?project_id={project_id}"
        try:
            answer = transport.call("POST", path, description, key=self._key)
        except ServerError as error:
            if error.status not in (400, 413, 422):
                raise
            # The points matter more than the description: go on without what the server does not take.
            self.notices.once("about", "the server refused this run's name, config or tags (%s)", error.detail)
            answer = transport.call("POST", path, {"config": {}, "tags": []}, key=self._key + "-bare")
        self.run_id = whole(answer, "id")
        self.name = str(answer.get("name") or self.name or f"run {self.run_id}")

    def _send_batch(self, transport: Transport) -> None:
        batch = self._batch
        if batch is None:
            # In one go, or for a moment nobody would know of these rows.
            with self.lock:
                rows = self.buffer.take(BATCH_POINTS)
                batch = self._batch = Batch(rows, self._client, self._sent + 1, transport.points_kind)
        try:
            answer = transport.call("POST", f"/metrics/{self.run_id}/bulk", batch.body, kind=batch.kind)
            whole(answer, "last_id")
        except ServerError as error:
            if error.status == 415 and batch.kind != JSON:
                # An older server: it has kept nothing, and gets JSON from now on.
                transport.points_kind = JSON
                batch.turn_into_json()
                return
            self._refused(batch, error)
            return
        self._sent += 1
        self._batch = self._waiting_since = None
        self._sent_at = self._heard_at = time.monotonic()
        self._pause = _pause(answer.get("flush_after_ms"), PAUSE)
        self.stop_requested = answer.get("stop_requested") is True

    def _refused(self, batch: Batch, error: ServerError) -> None:
        """Go on without the batch, or under a new identity, or not at all; or raise to try again."""
        if error.status in (400, 413, 422):
            # A refused batch used up no number: the next one takes it.
            self._batch = None
            self.dropped += batch.points
            self.parked.append((batch.body, error.detail))
            self.notices.once("refused", "the server refused %d points: %s", batch.points, error.detail)
        elif error.status == 409 and self._sent:
            # The server counts differently: it was restored from a copy, or somebody uses our id. Either way
            # it did not keep this batch, for then it would have been a repeat. A new id starts the count
            # afresh.
            self.notices.once("count", "the server lost count of this run's batches (%s); starting again", error.detail)
            self._client = str(uuid.uuid4())
            self._sent = 0
            batch.address(self._client, 1)
        elif error.status in (403, 404) and error.from_api:
            self._stop("the run is gone" if error.status == 404 else "the run may not be written: " + error.detail)
        else:
            raise error

    def _stop(self, reason: str) -> None:
        """Nothing more can reach this run. Logged first: a caller that waits for the end may look for the reason at once."""
        self.notices.once("stopped", "no more points are sent to run %s: %s", self.run_id, reason)
        with self.lock:
            self.dropped += self.unsent
            self.buffer.clear()
            self._batch = None
            self.done.set()

    def _send_config(self, transport: Transport) -> None:
        with self.lock:
            self._config_changed = False
            config = self.config
        try:
            self._change_run(transport, {"config": config})
        except Exception:
            self._config_changed = True
            raise
        self._waiting_since = None

    def _change_run(self, transport: Transport, changes: dict[str, Any]) -> None:
        """Change the run's facts; a refusal is said and not repeated, for it would only be refused again."""
        try:
            transport.call("PUT", f"/runs/{self.run_id}", changes)
        except ServerError as error:
            if error.passes:
                raise
            self.notices.once("facts", "the server refused a change of run %s: %s", self.run_id, error.detail)


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
