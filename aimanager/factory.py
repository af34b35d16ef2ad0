"""The application, put together: settings, parts, routes, and what happens around a request."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy.exc import OperationalError

from .api import init_api
from .api.responses import run_out
from .config import ConfigurationError, Settings
from .db import schema
from .db.engine import Database, engine_options, prepare
from .db.write_gate import gate_for
from .extensions import Parts, db, jwt
from .http import csrf, hooks
from .http.assets import StaticFiles
from .http.auth import check_every_route_has_a_rule
from .http.errors import init_errors
from .http.fast_path import FastPath
from .http.login_throttle import LoginThrottle
from .http.rate_limits import RateLimits
from .http.routing import init_routing
from .http.seats import Seats
from .http.signing_key import audience, secret_key
from .http.strict_json import StrictJson
from .live import open_bus
from .live.memory import MemoryBus
from .models import ApiKey, Session
from .services.flush_pacing import FlushPacing
from .services.health import Readiness
from .services.heartbeats import Heartbeats
from .services.last_use import LastUse
from .services.sessions import LIFETIME
from .services.token_claims import TokenClaims
from .store import SqlStore
from .store.console import Console
from .upkeep import tidy
from .web import web
from .ws import init_ws, open_hub

ROOT = Path(__file__).parent.parent


def create_app(settings: Settings | None = None, *, background: bool = True) -> Flask:
    """The application. Raises ConfigurationError with one sentence when it cannot start.

    Without `background` it is for a command: it starts no threads and, instead of migrating, refuses an old schema.
    """
    settings = settings or Settings.from_env()
    os.umask(os.umask(0o077) | 0o077)  # What the server writes is for its owner only.
    _make_data_dir(settings)
    logging.getLogger("aimanager").setLevel(settings.log_level.upper())
    app = FastPath("aimanager", root_path=str(ROOT), template_folder="templates", static_folder=None)
    app.json = StrictJson(app)
    app.config.from_mapping(_flask_config(settings))
    database = _open_database(app, settings, migrate=background and settings.auto_migrate)
    parts = app.extensions["aimanager"] = _make_parts(app, settings, database, background)
    static = StaticFiles(ROOT, settings.bundle)
    init_routing(app)
    init_errors(app)
    _add_routes(app, static)
    hooks.install(app, parts, static)
    check_every_route_has_a_rule(app)
    if background:
        tidy.start(app, parts.metric_store)
        parts.key_usage.start()
        parts.session_usage.start()
        parts.heartbeats.start()
    return app


def _make_data_dir(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(
            f"{settings.data_dir} cannot be the data directory ({error.strerror}): set AI_MANAGER_DATA_DIR to another."
        ) from None


def _flask_config(settings: Settings) -> dict[str, Any]:
    # There is no SECRET_KEY: whoever is signed in has a token, and Flask's own session stays unused.
    key = secret_key(settings)
    our_audience = audience(settings, key)
    return {
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
        "JWT_ENCODE_AUDIENCE": our_audience,
        "JWT_DECODE_AUDIENCE": our_audience,
        "JWT_DECODE_LEEWAY": timedelta(seconds=5),
    }


def _open_database(app: Flask, settings: Settings, migrate: bool) -> Database:
    db.init_app(app)
    jwt.init_app(app)
    with app.app_context():
        prepare(db.engine, settings)
        database = Database(db.engine, gate_for(db.engine.url))
    try:
        (schema.upgrade if migrate else schema.check)(database)
    except ConfigurationError:
        database.engine.dispose()
        raise
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise ConfigurationError(f"The database cannot be used, see AI_MANAGER_DATABASE_URL: {reason}") from None
    return database


def _make_parts(app: Flask, settings: Settings, database: Database, background: bool) -> Parts:
    store, rate_limits = SqlStore(database), RateLimits(settings)
    console = Console(database, settings.console_limit)
    # A command has nobody to listen for, and its messages are only hints.
    bus = open_bus(settings) if background else MemoryBus()
    return Parts(
        settings=settings,
        database=database,
        metric_store=store,
        console=console,
        live_bus=bus,
        hub=open_hub(app, store, bus, describe=run_out, last_lines=console.last_lines),
        seats=Seats(settings.sockets, settings.sockets_per_user),
        rate_limits=rate_limits,
        login_throttle=LoginThrottle(rate_limits),
        readiness=Readiness(settings, database, bus, lambda: rate_limits.counters.check()),
        key_usage=LastUse(database, ApiKey.id, ApiKey.last_used_at, every=60.0),
        session_usage=LastUse(database, Session.jti, Session.seen_at, every=300.0),
        token_claims=TokenClaims(),
        heartbeats=Heartbeats(database),
        flush_pacing=FlushPacing(settings.workers, os.cpu_count() or 1, settings.ingest_limits),
    )


def _add_routes(app: Flask, static: StaticFiles) -> None:
    init_api(app)
    init_ws(app)
    app.register_blueprint(web)
    static.add_route(app)
    app.jinja_env.globals["csrf_token"] = csrf.csrf_token
