"""What can go wrong, one sentence per status, and its two dresses: JSON for programs, a page for people."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from flask import Flask, Response, g, jsonify, render_template, request
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from werkzeug.exceptions import HTTPException
from werkzeug.routing.exceptions import WebsocketMismatch

from .damage import told
from .store import DamagedPoints

log = logging.getLogger(__name__)

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

# Paths of the JSON API: always answered in JSON, whatever a client says it accepts.
API_PREFIXES = ("/auth", "/projects", "/runs", "/metrics", "/ws", "/openapi.json", "/healthz", "/readyz", "/csp-report")


SQLITE_ERROR = 1  # What SQLite says to a statement that makes no sense; others call that a ProgrammingError.


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
    def field(cls, name: str, msg: str, type: str = "value_error", source: str = "body") -> Invalid:
        return cls([{"loc": [source, name], "msg": msg, "type": type}])

    def body(self) -> dict[str, Any]:
        return {"detail": self.detail, "errors": self.errors}


class Taken(Invalid):
    """A name that somebody else has: a 400 with a sentence of its own."""

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
    """What is stored cannot be read any more. The server itself is well."""

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


def wants_page() -> bool:
    """A person at a browser, asking for something that is not the API."""
    if request.path.startswith(API_PREFIXES):
        return False
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def dressed(error: AIManagerError) -> Response:
    if wants_page():
        answer = Response(
            render_template("error.html", status=error.status, detail=error.detail, error=error), error.status
        )
    else:
        answer = jsonify(error.body())
        answer.status_code = error.status
    answer.headers.update(error.headers)
    return answer


def _from_http(error: HTTPException) -> AIManagerError:
    """Werkzeug's own refusals, in our words; its redirects do not come here."""
    status = error.code or 500
    sentence = SENTENCES.get(status, error.name)
    if isinstance(error, WebsocketMismatch):
        sentence += ": this address speaks WebSocket, version 13"
    elif status == 400:
        sentence += ": the request could not be understood"
    mended = AIManagerError(sentence)
    mended.status = status
    mended.headers = {
        name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After", "WWW-Authenticate"}
    }
    if status == 401:
        mended.headers.setdefault("WWW-Authenticate", "Bearer")
    if status in {429, 503}:
        mended.headers.setdefault("Retry-After", "1")
    return mended


def init_errors(app: Flask) -> None:
    """One handler for ours, one for Werkzeug's, one for points that are damaged, one for a database that is away, one for
    what nobody foresaw."""

    @app.errorhandler(AIManagerError)
    def ours(error: AIManagerError) -> Response:
        return dressed(error)

    @app.errorhandler(HTTPException)
    def theirs(error: HTTPException) -> Response | HTTPException:
        if error.code is None or error.code < 400:
            return error
        return dressed(_from_http(error))

    @app.errorhandler(DamagedPoints)
    def damaged(damage: DamagedPoints) -> Response:
        return dressed(Damaged(told(damage)))

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    @app.errorhandler(NoFreeConnection)
    def database_away(error: Exception) -> Response:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if getattr(cause, "sqlite_errorcode", None) == SQLITE_ERROR:
            return unforeseen(error)
        # Restarted, full, or too busy: one line, as there may be thousands of them.
        log.error("the database did not answer in request %s: %s", g.get("request_id", "-"), cause)
        return dressed(Unavailable())

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> Response:
        log.exception("unhandled error in request %s", g.get("request_id", "-"))
        return dressed(AIManagerError())
