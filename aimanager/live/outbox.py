"""A thread that sends topics, so that publishing never waits for a socket."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

# Far more runs than are written to at once; beyond it the listeners' polling of the database has to do.
LIMIT = 10_000


class Outbox:
    """Holds topics, each at most once, until `deliver` has taken them; a delivery that fails is forgotten.

    `deliver(topics)` runs on the outbox's own thread and may raise OSError; the next try then waits for
    `pause` seconds, in which topics pile up without growing beyond a bound.
    """

    def __init__(self, name: str, deliver: Callable[[list[str]], None], pause: float = 0.5) -> None:
        self._name, self._deliver, self._pause = name, deliver, pause
        self._topics: dict[str, None] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def put(self, topic: str) -> None:
        """Take a topic along on the next delivery."""
        with self._changed:
            if self._closed.is_set() or len(self._topics) >= LIMIT:
                return
            self._topics[topic] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Forget what has not been delivered and end the thread."""
        with self._changed:
            self._closed.set()
            self._changed.notify()
        if self._thread:
            self._thread.join(timeout=2)

    def _take(self) -> list[str]:
        with self._changed:
            while not self._topics and not self._closed.is_set():
                self._changed.wait()
            topics, self._topics = list(self._topics), {}
            return topics

    def _run(self) -> None:
        while not self._closed.is_set():
            topics = self._take()
            if not topics:
                continue
            try:
                self._deliver(topics)
            except Exception as error:  # Whatever went wrong, the next topics get another try.
                log.debug("%s: %d topics are lost: %s", self._name, len(topics), error)
                self._closed.wait(self._pause)
