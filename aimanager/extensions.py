"""The parts that live as long as the application, and proxies by which services reach them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app
from flask_jwt_extended import JWTManager
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session
from werkzeug.local import LocalProxy

from .config import Settings
from .db.engine import Database
from .http.login_throttle import LoginThrottle
from .http.rate_limits import RateLimits
from .http.seats import Seats
from .live import Hub, LiveBus
from .models import Base
from .services.flush_pacing import FlushPacing
from .services.health import Readiness
from .services.heartbeats import Heartbeats
from .services.last_use import LastUse
from .services.token_claims import TokenClaims
from .store import MetricStore
from .store.console import Console

# Rows keep their values after a commit: what was stored is what is answered, without reading it again.
db = SQLAlchemy(metadata=Base.metadata, session_options={"expire_on_commit": False})
jwt = JWTManager()


@dataclass(frozen=True)
class Parts:
    """What one application is made of; `app.extensions["aimanager"]`."""

    settings: Settings
    database: Database
    metric_store: MetricStore
    console: Console
    live_bus: LiveBus
    hub: Hub
    seats: Seats
    rate_limits: RateLimits
    login_throttle: LoginThrottle
    readiness: Readiness
    key_usage: LastUse
    session_usage: LastUse
    token_claims: TokenClaims
    heartbeats: Heartbeats
    flush_pacing: FlushPacing

    def close(self) -> None:
        """Say goodbye to viewers and end all threads; the engine's connections stay to whoever opened them."""
        self.hub.close()
        self.live_bus.close()
        self.metric_store.close()
        self.key_usage.close()
        self.session_usage.close()
        self.heartbeats.close()


def parts() -> Parts:
    """Those of the application at hand."""
    return current_app.extensions["aimanager"]


def _part(name: str) -> Any:
    return LocalProxy(lambda: getattr(parts(), name))


settings = cast(Settings, _part("settings"))
database = cast(Database, _part("database"))
metric_store = cast(MetricStore, _part("metric_store"))
console = cast(Console, _part("console"))
live_bus = cast(LiveBus, _part("live_bus"))
hub = cast(Hub, _part("hub"))
login_throttle = cast(LoginThrottle, _part("login_throttle"))


@contextmanager
def writing() -> Iterator[Session]:
    """A transaction of `db.session` that may write: behind the gate, committed at the end.

    What was read before is read again inside, so that a decision is never made on a stale row.
    A block within a block belongs to the outer one. Raises DatabaseBusy if its turn does not come in time.
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
