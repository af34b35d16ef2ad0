"""How the database is opened, read in one snapshot, and written in one transaction behind its gate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url

from ..config import Settings
from . import presence
from .generation import Generation
from .lookups import Lookups
from .write_gate import PATIENCE, Gate, gate_for, sqlite_path

AUTO_VACUUM = "INCREMENTAL"  # Of a new file.
SQLITE_PRAGMAS = {
    "journal_mode": "WAL",
    "busy_timeout": int(1000 * PATIENCE),  # For writers that know nothing of the gate, such as a `sqlite3` shell.
    "foreign_keys": "ON",
    "trusted_schema": "OFF",
    "journal_size_limit": 64 * 1024 * 1024,
    "cache_size": -16000,
    "temp_store": "MEMORY",
}


class Database:
    """An engine and its gate."""

    def __init__(self, engine: Engine, gate: Gate) -> None:
        self.engine = engine
        self.gate = gate
        self.generation = generation_of(engine.url)
        self.lookups = Lookups(engine, self.generation)

    @classmethod
    def open(cls, settings: Settings) -> Database:
        url = make_url(settings.database_url)
        engine = sa.create_engine(url, **engine_options(settings))
        prepare(engine, settings)
        return cls(engine, gate_for(url))

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot: several statements see the same state of the database."""
        with self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin() as transaction:
                yield connection
                transaction.rollback()

    def checkpoint(self) -> None:
        """Bring SQLite's log into its file, as far as no reader is in the way; nobody waits for it but writers."""
        if self.is_sqlite:
            with self.gate.turn(), self.engine.connect() as connection:
                raw: Any = connection.connection.driver_connection
                raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextmanager
    def writing(self, patience: float | None = PATIENCE) -> Iterator[Connection]:
        """One transaction behind the gate: committed at the end, rolled back by an exception.

        Raises DatabaseBusy (an OperationalError) if its turn does not come within `patience` seconds; None waits on.
        """
        with (
            self.gate.turn(patience) as left,
            self.engine.connect() as connection,
            connection.execution_options(write=True, patience=left).begin(),
        ):
            yield connection


def engine_options(settings: Settings) -> dict[str, Any]:
    """What `create_engine` needs for this database; also handed to Flask-SQLAlchemy."""
    if not settings.database_url.startswith("sqlite"):
        timeouts = "-c statement_timeout=60000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"
        commit = "on" if settings.durability == "durable" else "off"
        return {
            "hide_parameters": True,
            "pool_pre_ping": True,
            "pool_size": 8,
            "max_overflow": 24,
            "connect_args": {
                "connect_timeout": 5,
                # A network that swallows packets is noticed; a server that accepts them and says nothing is not.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 20_000,
                "options": f"-c timezone=utc -c synchronous_commit={commit} {timeouts}",
            },
        }
    try:
        import pysqlite3 as driver  # A newer SQLite than most systems have, without the WAL-reset race.
    except ImportError:
        import sqlite3 as driver
    return {
        "hide_parameters": True,  # What people sent has no business in a log.
        "module": driver,
        "pool_size": 16,
        "max_overflow": settings.threads,
        "connect_args": {"check_same_thread": False, "timeout": PATIENCE},
    }


def prepare(engine: Engine, settings: Settings) -> None:
    """Make every connection of the engine behave: pragmas, and transactions that begin as they mean to go on."""
    if engine.dialect.name != "sqlite":
        return
    path = sqlite_path(engine.url)
    assert path is not None  # noqa: S101 - it is SQLite
    presence.announce(engine, path)
    pragmas = SQLITE_PRAGMAS | {"synchronous": "FULL" if settings.durability == "durable" else "NORMAL"}

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # The driver must not begin transactions of its own.
        # First, and only for a file without a page yet: on any other it is a write, past the gate and on a full disk.
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            connection.execute(f"PRAGMA auto_vacuum={AUTO_VACUUM}")
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name}={value}")

    failure = engine.dialect.loaded_dbapi.Error

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        statement = "BEGIN IMMEDIATE" if options.get("write") else "BEGIN"
        patience: float | None = options.get("patience")
        # By the driver's own call: every read and every commit begins here, and SQLAlchemy's costs many times this.
        raw: Any = connection.connection.driver_connection
        # What was waited for the gate is not waited once more for writers that know nothing of it.
        hurry = None if patience is None or patience > 0.9 * PATIENCE else int(1000 * patience)
        try:
            if hurry is not None:
                raw.execute(f"PRAGMA busy_timeout={hurry}")
            raw.execute(statement)
        except failure as error:
            raise sa.exc.DBAPIError.instance(statement, None, error, failure) from error
        finally:
            if hurry is not None:
                raw.execute(f"PRAGMA busy_timeout={SQLITE_PRAGMAS['busy_timeout']}")


def generation_of(url: sa.URL) -> Generation | None:
    """What tells the processes of a SQLite database that a service has written; PostgreSQL is queried each time."""
    path = sqlite_path(url)
    if path is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    return Generation(path.with_name(path.name + ".generation"))
