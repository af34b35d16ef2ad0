"""Whether the server can do its work: one word for each part.

The database is asked by a thread of its own and only read, so that the answer comes in time whatever the database does.
"""

from __future__ import annotations

import shutil
import threading
import time

import sqlalchemy as sa

from ..config import Settings
from ..db import schema
from ..db.engine import Database
from ..live import LiveBus

KEPT = 1.0  # Seconds: a load balancer that asks often must not be a load itself.
PATIENCE = 1.5  # Seconds that the database has for its answer.
LEAST_FREE = 0.05  # Of the disk.


class Readiness:
    """The state of each part of this process, at most a second old."""

    def __init__(self, settings: Settings, database: Database, bus: LiveBus) -> None:
        self._settings = settings
        self._database = database
        self._bus = bus
        self._lock = threading.Lock()
        self._probe: _Probe | None = None

    def checks(self) -> dict[str, str]:
        """`{"database": "ok", ...}`; anything but `ok` means that requests are better sent elsewhere."""
        state = self._ask_database()
        usage = shutil.disk_usage(self._settings.data_dir)
        return {
            "database": "down" if state is None else "ok",
            "schema": state or "unknown",
            "disk": "full" if usage.free < usage.total * LEAST_FREE else "ok",
            "bus": "ok" if self._bus.healthy else "down",
        }

    def _ask_database(self) -> str | None:
        """`ok` or `old` for its schema, None if the database does not answer in time."""
        with self._lock:
            probe = self._probe
            # One that has no answer yet is waited for: a database that hangs holds one thread, not one a request.
            if probe is None or (probe.ended and time.monotonic() - probe.started > KEPT):
                probe = self._probe = _Probe(self._database)
                probe.start()
        return probe.answer(PATIENCE)


class _Probe(threading.Thread):
    """Asks the database once."""

    def __init__(self, database: Database) -> None:
        super().__init__(name="readiness", daemon=True)
        self.started = time.monotonic()
        self._database = database
        self._schema: str | None = None
        self._done = threading.Event()

    @property
    def ended(self) -> bool:
        return self._done.is_set()

    def run(self) -> None:
        try:
            with self._database.reading() as connection:
                self._schema = "ok" if schema.is_current(connection) else "old"
        except sa.exc.SQLAlchemyError:
            self._schema = None
        finally:
            self._done.set()

    def answer(self, patience: float) -> str | None:
        self._done.wait(max(0.0, self.started + patience - time.monotonic()))
        return self._schema
