"""How long to leave a server alone that does not answer well, and what to say of it."""

from __future__ import annotations

import random
import time

from ai_manager._notices import Notices, log
from ai_manager._sending.pace import SLOW_RETRY, SLOWEST_RETRY
from ai_manager.errors import AIManagerError, AuthenticationError, ServerError, UnreachableError

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 45.0  # Under a minute, so that everything has arrived a minute after the server is back.
HURRIED_BACKOFF = 0.5  # While somebody waits for the end.


class Backoff:
    """Pauses that grow, without end; after refused credentials longer ones. Times are of the monotonic clock."""

    def __init__(self, notices: Notices) -> None:
        self.retry_at = 0.0
        self.heard_at = time.monotonic()  # When the server answered well.
        self.failures = 0  # In a row.
        self.refused: AuthenticationError | None = None
        self.refusals = 0  # How often the credentials were refused.
        self._server_set_delay = False  # By a Retry-After, which also those obey who are in a hurry.
        self._notices = notices
        # A generator of its own: drawing from the common one would change what a seeded training does.
        self._random = random.Random()  # noqa: S311

    @property
    def failing(self) -> bool:
        """Whether the latest attempt failed."""
        return self.failures > 0

    def answered(self) -> None:
        """The server answered well."""
        if self.failures > 1:
            log.info("AI Manager: the server answers again")
        self.heard_at = time.monotonic()
        self.failures = 0
        self._server_set_delay = False
        self.refused = None

    def go_on(self) -> None:
        """Credentials turned out to be good."""
        self.refused = None
        self.retry_at = 0.0
        self.heard_at = time.monotonic()

    def hurry(self) -> None:
        """Somebody waits."""
        if not self._server_set_delay:
            self.retry_at = 0.0

    def failed(self, error: Exception, hurried_until: float) -> float:
        """Say what went wrong, once in a while, and how many seconds to wait."""
        self.failures += 1
        first, longest = FIRST_BACKOFF, LONGEST_BACKOFF
        if isinstance(error, AuthenticationError):
            self.refused = error
            self.refusals += 1
            first, longest = SLOW_RETRY / 2, SLOWEST_RETRY
        delay = min(first * 2 ** min(self.failures, 10), longest)
        delay *= self._random.uniform(0.5, 1)
        now = time.monotonic()
        if now < hurried_until and not self.refused:
            delay = min(delay, HURRIED_BACKOFF)
        retry_after = error.retry_after if isinstance(error, ServerError) else None
        self._server_set_delay = retry_after is not None
        delay = max(delay, retry_after or 0.0)
        self._say(error)
        self.retry_at = now + delay
        return delay

    def _say(self, error: Exception) -> None:
        kept = "Values are kept on disk, trying again"
        if isinstance(error, AuthenticationError):
            self._notices.once(
                ("auth", str(error)), "%s. Values are kept on disk; give manager.sign_in() the right ones", error
            )
        elif not isinstance(error, AIManagerError):
            self._notices.again(type(error), "an error in the sender, trying again: %r", error)
        elif not isinstance(error, UnreachableError) or self.failures > 1:
            # A single broken connection is nothing to tell about.
            self._notices.again("away", "%s. " + kept, error)
