"""The thread of the hub: what is to be looked at and when, paced by what it costs, and chores every so often."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

log = logging.getLogger(__name__)

PACE = {
    "run": 0.05,
    "run-facts": 0.05,
    "run-marks": 0.5,
    "run-logs": 0.2,
    "run-alerts": 0.2,
    "project-alerts": 0.5,
    "project": 0.5,
    "home": 2.0,
}  # Seconds between two messages to the same room.
REST = 4  # A round that took a second is followed by at least four of rest.
LOG_EVERY = 60.0


class Agenda:
    """Calls the handler of a topic (`run-marks:7`) once it is due, and each chore every so many seconds, one after the other.

    What they raise is logged, once a minute at most, and does not end the thread.
    """

    def __init__(
        self, handlers: Mapping[str, Callable[[int], None]], chores: Sequence[tuple[float, Callable[[], None]]]
    ) -> None:
        self._handlers, self._chores = handlers, chores
        self._due_at: dict[str, float] = {}  # When to look at a topic.
        self._not_before: dict[str, float] = {}  # Until when a topic rests.
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._logged_at = 0.0
        self.closed = False

    def start(self) -> None:
        """Start the thread if it does not run."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live-hub", daemon=True)
                self._thread.start()

    def call(self, topic: str) -> None:
        """Look at a topic as soon as it has rested; on any thread."""
        with self._changed:
            if topic not in self._due_at:
                self._due_at[topic] = self._not_before.get(topic, 0.0)
                self._changed.notify()

    def rest(self, topic: str, spent: float) -> None:
        """Let a topic rest, the longer the more its last round has cost."""
        pace = PACE[topic.partition(":")[0]]
        self._not_before[topic] = time.monotonic() + max(pace, REST * spent)

    def go_on(self, topic: str, spent: float) -> None:
        """Look at a topic again, after only as long as its last round took."""
        self._not_before[topic] = time.monotonic() + spent
        self.call(topic)

    def forget_rested(self) -> None:
        now = time.monotonic()
        self._not_before = {topic: until for topic, until in self._not_before.items() if until > now}

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self.closed = True
            self._changed.notify()

    def _run(self) -> None:
        began = time.monotonic()
        upcoming = [began + every for every, _ in self._chores]
        while not self.closed:
            for topic in self._wait(min(upcoming)):
                kind, _, number = topic.partition(":")
                self._run_safely(self._handlers[kind], int(number))
            for place, (every, chore) in enumerate(self._chores):
                if upcoming[place] <= time.monotonic():
                    self._run_safely(chore)
                    upcoming[place] = time.monotonic() + every

    def _wait(self, until: float) -> list[str]:
        """The topics whose time has come; waits for the first of them, or until the next chore."""
        with self._changed:
            first = min([until, *self._due_at.values()])
            if first > time.monotonic() and not self.closed:
                self._changed.wait(first - time.monotonic())
            now = time.monotonic()
            ready = [topic for topic, at in self._due_at.items() if at <= now]
            for topic in ready:
                del self._due_at[topic]
            return ready

    def _run_safely(self, work: Callable[..., None], *arguments: int) -> None:
        try:
            work(*arguments)
        except Exception:  # The database may be away for a while: the chores look again every few seconds.
            if time.monotonic() - self._logged_at > LOG_EVERY:
                self._logged_at = time.monotonic()
                log.exception("The live hub could not read the store; it keeps trying")
