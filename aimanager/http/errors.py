"""How an error is answered: as JSON for programs, as a page for people."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, jsonify, render_template, request
from flask_limiter import RateLimitExceeded
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from werkzeug.exceptions import HTTPException
from werkzeug.routing.exceptions import WebsocketMismatch

from ..errors import SENTENCES, AIManagerError, Damaged, Unavailable
from ..extensions import parts
from ..services.damage import describe_damage
from ..store import DamagedConsole, DamagedPoints
from .unread_body import discard_body

log = logging.getLogger(__name__)

# Where no route is, the first part of the path decides: below these everything is the API's.
API_PARTS = frozenset({"auth", "projects", "runs", "metrics", "ws", "openapi.json", "healthz", "readyz", "csp-report"})


SQLITE_ERROR = 1  # What SQLite says to a statement that makes no sense; others call that a ProgrammingError.


def wants_page() -> bool:
    """A person at a browser, asking for something that is not the API: that one answers in JSON, whatever is accepted."""
    if request.blueprint not in {None, "web"} or (request.endpoint is None and request.path.split("/")[1] in API_PARTS):
        return False
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def error_response(error: AIManagerError) -> Response:
    discard_body(request.environ)
    if wants_page():
        response = Response(
            render_template("error.html", status=error.status, detail=error.detail, error=error), error.status
        )
    else:
        response = jsonify(error.body())
        response.status_code = error.status
    response.headers.update(error.headers)
    return response


def _from_http(error: HTTPException) -> AIManagerError:
    """Werkzeug's own refusals, in our words; its redirects do not come here."""
    status = error.code or 500
    sentence = SENTENCES.get(status, error.name)
    if isinstance(error, WebsocketMismatch):
        sentence += ": this address speaks WebSocket, version 13"
    elif status == 400:
        sentence += ": the request could not be understood"
    reworded = AIManagerError(sentence)
    reworded.status = status
    reworded.headers = {
        name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After", "WWW-Authenticate"}
    }
    if status == 401:
        reworded.headers.setdefault("WWW-Authenticate", "Bearer")
    if status in {429, 503}:
        reworded.headers.setdefault("Retry-After", "1")
    return reworded


def init_errors(app: Flask) -> None:
    """One handler for ours, one for Werkzeug's, one for points that are damaged, one for a database that is away, one for
    what nobody foresaw."""

    @app.errorhandler(AIManagerError)
    def ours(error: AIManagerError) -> Response:
        return error_response(error)

    @app.errorhandler(RateLimitExceeded)
    def too_many(error: RateLimitExceeded) -> Response:
        return error_response(parts().rate_limits.refusal(error, request))

    @app.errorhandler(HTTPException)
    def theirs(error: HTTPException) -> Response | HTTPException:
        if error.code is None or error.code < 400:
            return error
        return error_response(_from_http(error))

    @app.errorhandler(DamagedPoints)
    def damaged(damage: DamagedPoints) -> Response:
        return error_response(Damaged(describe_damage(damage)))

    @app.errorhandler(DamagedConsole)
    def damaged_console(damage: DamagedConsole) -> Response:
        log.error("console output cannot be read: %s", damage)
        return error_response(
            Damaged(f"Lines {damage.first} to {damage.last} of this run's console output are damaged")
        )

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    @app.errorhandler(NoFreeConnection)
    def database_away(error: Exception) -> Response:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if getattr(cause, "sqlite_errorcode", None) == SQLITE_ERROR:
            return unforeseen(error)
        # Restarted, full, or too busy: one line, as there may be thousands of them.
        log.error("the database did not answer in request %s: %s", g.get("request_id", "-"), cause)
        return error_response(Unavailable())

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> Response:
        log.exception("unhandled error in request %s", g.get("request_id", "-"))
        return error_response(AIManagerError())
