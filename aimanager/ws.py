"""Sockets: `ws/<run_id>` for a run's points and facts, `ws/projects/<project_id>` for the news of a project, `ws/home` for
those of all projects of the caller. Through each of them the viewer may watch other runs besides: one socket is enough for a page.

Everything is decided before the handshake, where a refusal is an ordinary answer: the caller, the
Origin, the right to read, a free place. After it the handler only waits for the end; the hub does the
sending.
"""

from __future__ import annotations

import logging
import selectors
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from flask import Blueprint, Flask, g, request
from flask_sock import Sock
from simple_websocket import Server
from sqlalchemy.exc import SQLAlchemyError

from .errors import Forbidden, Invalid, NotFound, Unauthorized, Unavailable
from .extensions import db, hub, metric_store, parts
from .http.auth import requires
from .http.client_address import client_address
from .http.csrf import same_origin
from .http.rate_limits import budget
from .http.route_docs import takes
from .live import Hub, LiveBus, Viewer, frames
from .live.hub import DELETED, FORBIDDEN, SIGNED_OUT
from .live.questions import LARGEST_ID, runs_to_watch
from .live.sockets import ENVIRON_KEY
from .live.source import PointSource
from .models import Run
from .principal import Principal
from .services import projects, runs, sessions, tickets
from .store import MetricStore

log = logging.getLogger(__name__)

MAX_WATCHED = 100  # Runs a socket; a chart draws no more.
WATCH_EVERY = (
    0.25  # Seconds between two choices of runs: each one asks the database. Of those between, the last one counts.
)
# What the WebSocket library needs; other headers must not be able to upset its handshake.
HANDSHAKE = {
    "HTTP_HOST",
    "HTTP_UPGRADE",
    "HTTP_CONNECTION",
    "HTTP_SEC_WEBSOCKET_KEY",
    "HTTP_SEC_WEBSOCKET_VERSION",
}


class Reader(threading.Thread):
    """The library's thread for one socket; it never holds up the end of the process."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, daemon=True)


SERVER_OPTIONS = {
    "ping_interval": 20,
    "max_message_size": 16_384,  # Viewers ask whether we are there, or for a hundred runs.
    "thread_class": Reader,
    "selector_class": selectors.PollSelector,  # Costs no file descriptor, unlike epoll.
}

PONG = frames.message("pong")

sockets = Blueprint("ws", __name__)
sock = Sock()


def init_ws(app: Flask) -> None:
    """Register the routes of the sockets."""
    app.config["SOCK_SERVER_OPTIONS"] = SERVER_OPTIONS
    app.register_blueprint(sockets)


def open_hub(
    app: Flask,
    store: MetricStore,
    bus: LiveBus,
    describe: Callable[[Run], dict[str, Any]],
    last_lines: Callable[[Sequence[int]], Mapping[int, int]],
) -> Hub:
    """The hub of an application; `describe` makes the JSON of a run as the API answers it, `last_lines` says how far the
    consoles of runs are."""
    return Hub(cast(PointSource, store), bus, _described(app, describe), _rechecked(app), _owner_of(app), last_lines)


@sock.route("/ws/<id:run_id>", bp=sockets)
@requires("public_or_read")
@budget("page")
@takes("ticket", {"type": "string"}, "From `POST /auth/ws-ticket`, where headers cannot be sent")
@takes(
    "since",
    {"type": "integer", "minimum": 0, "maximum": LARGEST_ID},
    "The last id that was received: every later point comes first",
)
def run(ws: Server, run_id: int) -> None:
    """A run's points after `?since=`, then as they come, and its facts when they change."""
    serve(ws, g.viewer)


@sock.route("/ws/projects/<id:project_id>", bp=sockets)
@requires("public_or_read")
@budget("page")
@takes(
    "since",
    {"type": "integer", "minimum": 0, "maximum": LARGEST_ID},
    "When the list was read, in milliseconds since 1970: what has changed since is said at once",
)
def project(ws: Server, project_id: int) -> None:
    """A word whenever the project's list of runs has changed."""
    serve(ws, g.viewer)


@sock.route("/ws/home", bp=sockets)
@requires("user")
@budget("page")
def home(ws: Server) -> None:
    """A word whenever something has changed in one of the caller's projects."""
    serve(ws, g.viewer)


def serve(ws: Server, viewer: Viewer) -> None:
    """Answer what the viewer sends until the socket is closed by either side: it asks whether we are there, or to watch runs."""
    db.session.remove()  # A socket stays open for hours and needs no connection to the database.
    viewer.socket.on_closed = ws.event.set
    hub.join(viewer)
    wanted: dict[int, int] | None = None
    next_watch = 0.0
    try:
        while ws.connected and ws.thread.is_alive():
            message = ws.receive(timeout=60 if wanted is None else max(0.0, next_watch - time.monotonic()))
            if message is not None:
                # A viewer that is passed over has bytes on their way, which is an answer too.
                viewer.socket.offer(PONG)
                asked = runs_to_watch(message)
                wanted = wanted if asked is None else asked
            if wanted is not None and time.monotonic() >= next_watch:
                _watch(viewer, wanted)
                wanted, next_watch = None, time.monotonic() + WATCH_EVERY
    finally:
        hub.leave(viewer)
        viewer.socket.close()


def _watch(viewer: Viewer, wanted: dict[int, int]) -> None:
    """Watch those of the runs that the viewer may read; a ticket opens one run and no other."""
    first = [] if viewer.principal.kind == "ticket" else list(wanted)[:MAX_WATCHED]
    try:
        readable = runs.readable(first, viewer.principal)
        heads = metric_store.heads(readable)
    except SQLAlchemyError as error:  # The viewer comes back and asks again.
        log.warning("runs could not be watched: %s", error)
        viewer.socket.close()
        return
    finally:
        db.session.remove()
    for run_id in wanted.keys() - readable:
        hub.refuse(viewer, run_id)
    cursors = dict.fromkeys(readable, 0) | {run_id: head.last_id for run_id, head in heads.items()}
    for run_id, last_id in cursors.items():
        if (
            wanted[run_id] > last_id
        ):  # The database was restored: the points end earlier than those that the viewer has.
            hub.resync(viewer, run_id, last_id)
    hub.watch(viewer, {run_id: min(wanted[run_id], last_id) for run_id, last_id in cursors.items()})


@sockets.before_request
def admit() -> None:
    """Check everything before the handshake, while a refusal can still be an ordinary answer."""
    guarded = request.environ.get(ENVIRON_KEY)
    if guarded is None or request.headers.get("Sec-WebSocket-Version") != "13" or not _has_key():
        raise Invalid.field("Upgrade", "this address speaks WebSocket, version 13", source="header")
    _check_origin(g.principal)
    if hub.closed:
        raise Unavailable("The server is about to restart, please try again")
    arguments = request.view_args or {}
    if "run_id" in arguments:
        viewer = _run_viewer(arguments["run_id"], g.principal, guarded)
    elif "project_id" not in arguments:
        viewer = Viewer(guarded, f"home:{g.principal.user_id}", g.principal)
    else:
        projects.get(arguments["project_id"], g.principal)
        since = _since()
        made_at = None if since is None else since / 1000
        viewer = Viewer(guarded, f"project:{arguments['project_id']}", g.principal, since=made_at)
    g.seat = parts().seats.take(viewer.principal, client_address())
    if ticket := _ticket():
        tickets.spend(ticket)  # Only now: a caller who got no place may try again with it.
    g.viewer = viewer
    for name in [name for name in request.environ if name.startswith("HTTP_") and name not in HANDSHAKE]:
        del request.environ[name]


@sockets.teardown_request
def give_back(error: BaseException | None) -> None:
    """Whoever was admitted leaves its place, however the request ended."""
    if seat := g.pop("seat", None):
        parts().seats.give_back(seat)


def _run_viewer(run_id: int, principal: Principal, guarded: Any) -> Viewer:
    since = _since()
    if ticket := _ticket():
        principal = tickets.holder(ticket, run_id)
    runs.project_of(run_id, principal)
    # Read before the handshake: a point that comes right after it is new to this viewer.
    heads = metric_store.heads([run_id])
    head = heads[run_id].last_id if heads else 0
    # A viewer that is ahead of a restored database continues from where the points end.
    cursor = head if since is None else min(since, head)
    return Viewer(guarded, f"run:{run_id}", principal, cursor=cursor, goal=head)


def _ticket() -> str | None:
    """A ticket is for one run; other sockets take none."""
    return request.args.get("ticket") if "run_id" in (request.view_args or {}) else None


def _since() -> int | None:
    text = request.args.get("since")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or int(text) > LARGEST_ID:
        raise Invalid.field("since", "since must be the last id that was received", source="query")
    return int(text)


def _has_key() -> bool:
    key = request.headers.get("Sec-WebSocket-Key", "")
    return len(key) == 24 and key.isascii() and key.isprintable()


def _check_origin(principal: Principal) -> None:
    """A browser sends cookies to us from any page, and says from which."""
    origin = request.headers.get("Origin")
    if origin is None:
        if principal.kind == "cookie":
            raise Forbidden("Not enough permissions: a socket that is opened with a cookie names its Origin")
    elif not same_origin(origin):
        raise Forbidden("Not enough permissions: the request comes from another site")


def _described(app: Flask, describe: Callable[[Run], dict[str, Any]]) -> Callable[[int], dict[str, Any] | None]:
    def described(run_id: int) -> dict[str, Any] | None:
        with app.app_context():
            run = db.session.get(Run, run_id)
            return describe(run) if run else None

    return described


def _owner_of(app: Flask) -> Callable[[int], int | None]:
    def owner_of(project_id: int) -> int | None:
        with app.app_context():
            return projects.owner_of(project_id)

    return owner_of


def _rechecked(app: Flask) -> Callable[[Viewer], int | None]:
    def rechecked(viewer: Viewer) -> int | None:
        kind, _, number = viewer.room.partition(":")
        with app.app_context():
            # A socket that watches runs is known by the credential with which it was opened.
            if viewer.host is None and not sessions.still_holds(viewer.principal):
                return SIGNED_OUT
            try:
                if kind == "run":
                    runs.project_of(int(number), viewer.principal)
                elif kind == "project":
                    projects.get(int(number), viewer.principal)
            except NotFound:
                return DELETED
            except (Unauthorized, Forbidden):
                return FORBIDDEN
        return None

    return rechecked
