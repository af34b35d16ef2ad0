"""The parts that live as long as the application, and proxies by which services reach them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from flask import Request, current_app, g, request
from flask_jwt_extended import JWTManager
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session
from werkzeug.local import LocalProxy

from .config import Settings
from .models import Base

if TYPE_CHECKING:
    from .db.engine import Database
    from .http.limits import LoginThrottle
    from .live import Hub, LiveBus
    from .services.health import Readiness
    from .services.key_usage import KeyUsage
    from .store import MetricStore


# Rows keep their values after a commit: what was stored is what is answered, without reading it again.
db = SQLAlchemy(metadata=Base.metadata, session_options={"expire_on_commit": False})
jwt = JWTManager()


def here() -> tuple[Request, Any]:
    """The request at hand and its `g`. Flask's names for them look them up at every use, which is dear where all
    requests pass."""
    return request._get_current_object(), g._get_current_object()  # type: ignore[attr-defined]


def _part(name: str) -> Any:
    context = current_app._get_current_object  # type: ignore[attr-defined]
    return LocalProxy(lambda: context().extensions["aimanager"][name])


settings = cast(Settings, _part("settings"))
database = cast("Database", _part("database"))
metric_store = cast("MetricStore", _part("metric_store"))
live_bus = cast("LiveBus", _part("live_bus"))
hub = cast("Hub", _part("hub"))
login_throttle = cast("LoginThrottle", _part("login_throttle"))
readiness = cast("Readiness", _part("readiness"))
key_usage = cast("KeyUsage", _part("key_usage"))


@contextmanager
def writing() -> Iterator[Session]:
    """A transaction of `db.session` that may write: behind the gate, committed at the end.

    What was read before is read again inside, so that a decision is never made on a stale row.
    A block within a block belongs to the outer one.
    """
    session = db.session()
    if session.info.get("writing"):
        yield session
        return
    session.rollback()
    with database.gate.turn() as patience:
        session.info["writing"] = True
        try:
            session.connection(execution_options={"write": True, "patience": patience})
            yield session
            session.commit()
            if database.generation:
                database.generation.count_up()
        except BaseException:
            session.rollback()
            raise
        finally:
            session.info["writing"] = False
