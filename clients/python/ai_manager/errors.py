"""What can go wrong. Only the constructor, `check()` and wrong use raise these; `run.log` never does."""

from __future__ import annotations


class AIManagerError(Exception):
    """The root of every error of this package."""


class ConfigurationError(AIManagerError, ValueError):
    """The program asks for the impossible: a malformed address, missing credentials, an unknown status."""


class AuthenticationError(AIManagerError):
    """The server knows neither this user name and password nor this API key."""


class UnreachableError(AIManagerError):
    """No usable answer: connection refused, time-out, a redirect, or something in between that is no AI Manager."""


class ServerError(AIManagerError):
    """The server answered with an error; `status` is the HTTP status, `detail` the server's own sentence."""

    def __init__(self, status: int, detail: str, retry_after: float | None = None, from_api: bool = True) -> None:
        super().__init__(f"the server answered {status}: {detail}")
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.from_api = from_api  # False when the body is not the API's JSON, as from a proxy in between.

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in (408, 429) or self.status >= 500 or not self.from_api

    @property
    def is_refusal(self) -> bool:
        """Whether the server itself has looked at what was sent and will never take it."""
        return self.from_api and self.status in (400, 422)


class StopRequested(AIManagerError):
    """Somebody asked the run to stop, and `run.raise_if_stopped()` was called."""
