"""One database for everything: how it is opened, and the gate through which all its writes go.

SQLite lets one connection write at a time and answers everybody else with "database is locked" after polling.
So writers queue here instead: a lock among the threads of a process, `flock` on a file beside the database among
processes, and `BEGIN IMMEDIATE` so that a transaction which means to write never has to upgrade a read lock.
PostgreSQL needs none of this: its gate is open to everybody.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url

from .config import Settings
from .generation import Generation
from .lookup import Lookups

AUTO_VACUUM = "INCREMENTAL"  # Of a new file.
SQLITE_PRAGMAS = {
    "journal_mode": "WAL",
    "busy_timeout": 30000,
    "foreign_keys": "ON",
    "trusted_schema": "OFF",
    "journal_size_limit": 64 * 1024 * 1024,
    "cache_size": -16000,
    "temp_store": "MEMORY",
}


class Gate:
    """One writer at a time; re-entrant within a thread. `path` is the file that processes lock, None for none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._file: int | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        self._lock.acquire()
        try:
            if self._path and self._depth == 0:
                fcntl.flock(self._handle(), fcntl.LOCK_EX)
            self._depth += 1
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._file is not None and self._depth == 0:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._lock.release()

    def _handle(self) -> int:
        # A lock belongs to the open file, which a forked child shares with its parent: each opens its own.
        if self._file is None or self._pid != os.getpid():
            assert self._path is not None  # noqa: S101 - only called with a path
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._pid = os.getpid()
        return self._file


class OpenGate(Gate):
    """PostgreSQL serialises writers by row; nobody waits here."""

    def __init__(self) -> None:
        super().__init__(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


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
            with self.gate, self.engine.connect() as connection:
                raw: Any = connection.connection.driver_connection
                raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction behind the gate: committed at the end, rolled back by an exception."""
        with self.gate, self.engine.connect() as connection, connection.execution_options(write=True).begin():
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
        "connect_args": {"check_same_thread": False, "timeout": 30},
    }


def prepare(engine: Engine, settings: Settings) -> None:
    """Make every connection of the engine behave: pragmas, and transactions that begin as they mean to go on."""
    if engine.dialect.name != "sqlite":
        return
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
        words = "BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN"
        # By the driver's own call: every read and every commit begins here, and SQLAlchemy's costs many times this.
        raw: Any = connection.connection.driver_connection
        try:
            raw.execute(words)
        except failure as error:
            raise sa.exc.DBAPIError.instance(words, None, error, failure) from error


def sqlite_path(url: sa.URL) -> Path | None:
    """The file of a SQLite database, None of another kind."""
    return Path(url.database or "").absolute() if url.drivername.startswith("sqlite") else None


def gate_for(url: sa.URL) -> Gate:
    """The gate of this database; all engines of a process on one file share it."""
    path = sqlite_path(url)
    if path is None:
        return OpenGate()
    with _gates_lock:
        return _gates.setdefault(path, Gate(path.with_name(path.name + ".lock")))


def generation_of(url: sa.URL) -> Generation | None:
    """What tells the processes of a SQLite database that a service has written; PostgreSQL is asked each time."""
    path = sqlite_path(url)
    if path is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    return Generation(path.with_name(path.name + ".generation"))


_gates: dict[Path, Gate] = {}
_gates_lock = threading.Lock()
