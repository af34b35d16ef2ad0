"""What can go wrong: a tree of errors, and one sentence for each status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SENTENCES = {
    400: "Validation error",
    401: "Could not validate credentials",
    403: "Not enough permissions",
    404: "Resource not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "The request took too long to arrive",
    409: "The request conflicts with what is stored",
    413: "The request body is too large",
    414: "The address is too long",
    415: "Unsupported media type",
    421: "This server does not answer for that host",
    429: "Too many requests",
    431: "The request headers are too large",
    500: "Internal server error",
    503: "The server cannot answer just now, please try again",
}


class AIManagerError(Exception):
    """An error with an HTTP status. `detail` is the whole sentence; `headers` go with the answer."""

    status = 500

    def __init__(self, detail: str | None = None, headers: dict[str, str] | None = None) -> None:
        self.detail = detail or SENTENCES[self.status]
        self.headers = headers or {}
        super().__init__(self.detail)

    def body(self) -> dict[str, Any]:
        return {"detail": self.detail}


class Invalid(AIManagerError):
    """Input that fails validation. `errors` is a list of `{"loc", "msg", "type"}`; the first makes the sentence."""

    status = 400

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        self.errors = list(errors)
        super().__init__(f"Validation error: {self.errors[0]['msg']}")

    @classmethod
    def field(cls, name: str, msg: str, kind: str = "value_error", source: str = "body") -> Invalid:
        return cls([{"loc": [source, name], "msg": msg, "type": kind}])

    def body(self) -> dict[str, Any]:
        return {"detail": self.detail, "errors": self.errors}


class Taken(Invalid):
    """A name that is taken: a 400 with a sentence of its own."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__([{"loc": ["body", name], "msg": sentence, "type": "taken"}])
        self.detail = sentence


class Unauthorized(AIManagerError):
    status = 401

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, {"WWW-Authenticate": "Bearer"})


class Forbidden(AIManagerError):
    status = 403


class NotFound(AIManagerError):
    status = 404


class Conflict(AIManagerError):
    status = 409


class TooLarge(AIManagerError):
    status = 413


class Unsupported(AIManagerError):
    status = 415


class Damaged(AIManagerError):
    """Stored data is damaged. The server itself works."""

    status = 500


class TooMany(AIManagerError):
    """`retry_after` is in whole seconds."""

    status = 429

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail, {"Retry-After": str(max(1, retry_after))})


class Unavailable(AIManagerError):
    status = 503

    def __init__(self, detail: str | None = None, retry_after: int = 1) -> None:
        super().__init__(detail, {"Retry-After": str(max(1, retry_after))})
