"""When a run's next request is due. All times are of the monotonic clock, in seconds."""

from __future__ import annotations

import time
from typing import Any

from ai_manager._transport import Transport
from ai_manager.errors import ServerError

GATHER = 0.05  # To wait for company after the first point of a batch.
PAUSE = 1.0  # Between batches while the server does not say otherwise.
HEARTBEAT = 15.0  # Of silence after which a heartbeat is sent, while the server does not say otherwise.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 600.0
LOOK_AGAIN = 0.2  # Between two looks whether what comes first is sent.
SLOW_RETRY, SLOWEST_RETRY = 60.0, 600.0  # After which what the server refused is tried again.


class Pace:
    """Batches as often as the server wants them; what it refuses is tried again now and then."""

    def __init__(self) -> None:
        self._pause = PAUSE
        self._sent_at = float("-inf")
        self._waiting_since: float | None = None
        self._hurried_until = 0.0
        self._retry_at, self._retry_pause = float("-inf"), SLOW_RETRY

    def retry_in(self, now: float) -> float:
        """Seconds until what was refused is tried again; 0 when nothing is refused."""
        return max(0.0, self._retry_at - now)

    def batch_in(self, now: float) -> float:
        """Seconds until what waits is to be sent."""
        if self._waiting_since is None:
            self._waiting_since = now
        if now < self._hurried_until:
            return 0.0
        return max(0.0, self._waiting_since + GATHER - now, self._sent_at + self._pause - now)

    def look_in(self, now: float) -> float:
        """Seconds until another process's spool is to be looked at again."""
        return max(0.0, self._sent_at + min(self._pause, PAUSE) - now)

    def rest(self) -> None:
        """Nothing waits."""
        self._waiting_since = None

    def hurry(self, until: float) -> None:
        """Send without a pause, also what was refused."""
        self._retry_at = float("-inf")
        self._hurried_until = until

    def sent(self) -> None:
        """The server has a batch."""
        self._sent_at = time.monotonic()

    def obey(self, flush_after_ms: Any) -> None:
        """The server says when it wants the next batch."""
        self._pause = seconds(flush_after_ms, PAUSE)

    def wait(self) -> None:
        """Something of another process comes first."""
        self._retry_at = time.monotonic() + LOOK_AGAIN

    def refused(self) -> None:
        """The server does not let the run be written."""
        self._retry_at = time.monotonic() + self._retry_pause
        self._retry_pause = min(2 * self._retry_pause, SLOWEST_RETRY)

    def accepted(self) -> None:
        """It does."""
        self._retry_pause = SLOW_RETRY


class Heartbeat:
    """Says that a run is alive though it logs nothing."""

    def __init__(self, is_wanted: bool) -> None:
        self.is_wanted = is_wanted  # An older server takes none.
        self._every = HEARTBEAT
        self._heard_at = float("-inf")
        self._announced = False  # Whether the server knows that heartbeats come.

    def due_in(self, now: float) -> float | None:
        """Seconds until the next; None for never."""
        if not self.is_wanted:
            return None
        return max(0.0, self._heard_at + self._every - now) if self._announced else 0.0

    def heard(self) -> None:
        """The server heard of the run in another way."""
        self._heard_at = time.monotonic()

    def send(self, transport: Transport, run_id: int) -> dict[str, Any] | None:
        """The server's answer, None for none: what it thinks of heartbeats stops nothing else. Raises UnreachableError."""
        self._heard_at = time.monotonic()
        self._announced = True
        try:
            answer = transport.call("POST", f"/runs/{run_id}/heartbeat")
        except ServerError as error:
            if error.status == 404 or not error.passes:
                self.is_wanted = False
            return None
        self._every = seconds(answer.get("heartbeat_after_ms"), HEARTBEAT)
        return answer


def seconds(milliseconds: Any, default: float) -> float:
    """How much later the server wants to hear of us again, within reason."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)):
        return default
    return min(max(milliseconds / 1000.0, SHORTEST_PAUSE), LONGEST_PAUSE)
