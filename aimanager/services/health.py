"""Whether the server can do its work: one word for each part.

The database is probed by a thread of its own, and only read, so that the answer comes in time whatever the database does.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa

from ..config import Settings
from ..db import schema
from ..db.engine import Database
from ..live import LiveBus

# Without these nothing can be served. Without the others it is slower or less exact, everywhere at once: to send requests
# elsewhere would not help.
NEEDED = {"database", "schema", "disk"}
KEPT = 1.0  # Seconds: a load balancer that asks often must not be a load itself.
PATIENCE = 1.5  # Seconds that the database has for its answer.
LEAST_FREE = 0.05  # Of the disk.


class Readiness:
    """The state of each part of this process, at most a second old."""

    def __init__(
        self, settings: Settings, database: Database, bus: LiveBus, counters_answer: Callable[[], bool]
    ) -> None:
        """`counters_answer` asks whether rate limits are counted where they should be."""
        self._settings = settings
        self._database = database
        self._bus = bus
        self._counters_answer = counters_answer
        self._lock = threading.Lock()
        self._probe: _Probe | None = None

    def checks(self) -> dict[str, str]:
        """One word for each part, by its name."""
        probe = self._current_probe()
        schema_state = probe.answer(PATIENCE)
        usage = shutil.disk_usage(self._settings.data_dir)
        return {
            "database": "down" if schema_state is None else "ok",
            "schema": schema_state or "unknown",
            "disk": "full" if usage.free < usage.total * LEAST_FREE else "ok",
            "bus": "ok" if self._bus.healthy else "down",
            "limits": "ok" if probe.counters_answer else "local",
        }

    @staticmethod
    def verdict(checks: dict[str, str]) -> str:
        """`ok`, `degraded` when requests are still served, or `unavailable`."""
        faulty = {name for name, word in checks.items() if word != "ok"}
        return "unavailable" if faulty & NEEDED else "degraded" if faulty else "ok"

    def _current_probe(self) -> _Probe:
        with self._lock:
            probe = self._probe
            # One that has no answer yet is waited for: a database that hangs holds one thread, not one a request.
            if probe is None or (probe.ended and time.monotonic() - probe.started > KEPT):
                probe = self._probe = _Probe(self._database, self._counters_answer)
                probe.start()
        return probe


class _Probe(threading.Thread):
    """Asks the database and the shared counters once."""

    def __init__(self, database: Database, ask_counters: Callable[[], bool]) -> None:
        super().__init__(name="readiness", daemon=True)
        self.started = time.monotonic()
        self.counters_answer = True
        self._ask_counters = ask_counters
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
            self.counters_answer = self._ask_counters()
            self._done.set()

    def answer(self, patience: float) -> str | None:
        """`ok` or `old` for the schema, None if the database did not answer within so many seconds of the start."""
        self._done.wait(max(0.0, self.started + patience - time.monotonic()))
        return self._schema
