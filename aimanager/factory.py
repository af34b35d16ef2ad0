"""The application, put together: settings, parts, faces."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from flask import Flask, Request
from flask.json.provider import JSONProvider
from flask.sessions import SessionInterface
from sqlalchemy.exc import OperationalError

from .api import init_api
from .api.schemas import run_out
from .config import ConfigurationError, Settings
from .db import schema
from .db.engine import Database, engine_options, prepare
from .db.gate import gate_for
from .extensions import db, jwt
from .http import csrf
from .http.assets import init_assets
from .http.auth import check_every_route_has_a_rule, identify, init_auth
from .http.errors import init_errors
from .http.headers import init_headers
from .http.limits import init_limits
from .http.routing import init_routing
from .http.signing_key import audience, secret_key
from .live import open_bus
from .services import projects
from .services.health import Readiness
from .services.key_usage import KeyUsage
from .services.sessions import LIFETIME
from .store import MetricStore, SqlStore

ROOT = Path(__file__).parent.parent
TIDY_EVERY = 10.0  # Seconds; a run that is due calls earlier.
log = logging.getLogger(__name__)


class NoSession(SessionInterface):
    """Whoever is signed in has a token; Flask's own session stays empty and is never sent."""

    def open_session(self, app: Flask, request: Request) -> None:
        return None


class Application(Flask):
    """Flask without what is not used here: a session in a signed cookie, and views that are coroutines. Both cost more at
    each request than what is done for one."""

    session_interface = NoSession()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


class StrictJson(JSONProvider):
    """Strict JSON, written by orjson."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)


def create_app(settings: Settings | None = None) -> Flask:
    """The application: settings, parts, faces. Raises ConfigurationError with one sentence when it cannot start."""
    settings = settings or Settings.from_env()
    os.umask(os.umask(0o077) | 0o077)  # What the server writes is for its owner only.
    _make_data_dir(settings)
    logging.getLogger("aimanager").setLevel(settings.log_level.upper())
    app = Application("aimanager", root_path=str(ROOT), template_folder="templates", static_folder=None)
    app.json = StrictJson(app)
    app.config.from_mapping(_flask_config(settings))
    _open_parts(app, settings)
    init_routing(app)
    init_errors(app)
    app.before_request(identify)
    init_headers(app)
    _open_faces(app, settings)
    init_limits(app, settings)
    init_auth(app)
    check_every_route_has_a_rule(app)
    return app


def _make_data_dir(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(
            f"{settings.data_dir} cannot be the data directory ({error.strerror}): set AI_MANAGER_DATA_DIR to another."
        ) from None


def _flask_config(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": (key := secret_key(settings)),
        "MAX_CONTENT_LENGTH": 16 * 1024 * 1024,
        "MAX_UNPACKED_LENGTH": 64 * 1024 * 1024,
        "MAX_FORM_PARTS": 100,
        "MAX_FORM_MEMORY_SIZE": 500_000,
        "PROPAGATE_EXCEPTIONS": False,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(settings),
        "JWT_SECRET_KEY": key,
        "JWT_ALGORITHM": "HS256",
        "JWT_DECODE_ALGORITHMS": ["HS256"],
        "JWT_TOKEN_LOCATION": ["headers", "cookies"],
        "JWT_ACCESS_TOKEN_EXPIRES": LIFETIME,
        "JWT_ENCODE_AUDIENCE": (ours := audience(settings, key)),
        "JWT_DECODE_AUDIENCE": ours,
        "JWT_DECODE_LEEWAY": timedelta(seconds=5),
    }


def _open_parts(app: Flask, settings: Settings) -> None:
    db.init_app(app)
    jwt.init_app(app)
    with app.app_context():
        prepare(db.engine, settings)
        database = Database(db.engine, gate_for(db.engine.url))
    try:
        (schema.upgrade if settings.auto_migrate else schema.check)(database)
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise ConfigurationError(f"The database cannot be used, see AI_MANAGER_DATABASE_URL: {reason}") from None
    app.extensions["aimanager"] = {
        "settings": settings,
        "database": database,
        "metric_store": SqlStore(database),
        "live_bus": (bus := open_bus(settings)),
        "readiness": Readiness(settings, database, bus),
        "key_usage": (key_usage := KeyUsage(database)),
    }
    key_usage.start()
    store = app.extensions["aimanager"]["metric_store"]
    threading.Thread(target=_look_after, args=(app, store), name="store-tidy", daemon=True).start()


def _look_after(app: Flask, store: MetricStore) -> None:
    """Remove what was deleted, seal and merge, until the store is closed. Any process ends what another one began."""
    while not store.closed:
        try:
            with app.app_context():
                projects.sweep()
            store.tidy(wait=TIDY_EVERY)
        except Exception:
            if not store.closed:
                log.exception("the metric store could not be tidied; it is tried again")
                time.sleep(TIDY_EVERY)


def _open_faces(app: Flask, settings: Settings) -> None:
    from .web import web
    from .ws import init_ws

    init_api(app)
    init_ws(app, describe=run_out)
    app.register_blueprint(web)
    app.jinja_env.globals["csrf_token"] = csrf.csrf_token
    app.after_request(csrf.keep_token)
    init_assets(app, ROOT / "static")
    if settings.trusted_proxies:
        from werkzeug.middleware.proxy_fix import ProxyFix

        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
