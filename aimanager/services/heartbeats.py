"""Signs of life between points: noted in memory at once, written for all runs together, so that a beat costs no commit.

What is noted but not written is lost with the process, and made good by the next beat.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ..db.engine import Database
from ..models import Run
from ..models.base import now

log = logging.getLogger(__name__)

WRITE_EVERY = 4.0  # Seconds; with the turn to write it stays below `run_state.HEARTBEAT_DELAY`.
PATIENCE = 30.0  # Seconds to wait for the turn to write; nobody waits for it but this thread.

_WRITE = (
    sa.update(Run)
    .where(Run.id == sa.bindparam("run_id"), Run.status == "running")
    # A run that is alive has not changed.
    .values(alive_at=sa.bindparam("beat_at"), has_heartbeat=True, updated_at=Run.updated_at)
)


class Heartbeats:
    """Takes the heartbeats of one process's clients and writes them by a thread of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = threading.Condition()
        self._pending: dict[int, datetime] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="heartbeats", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def note(self, run_id: int) -> None:
        """The run is alive just now."""
        with self._changed:
            self._pending[run_id] = now()
            self._changed.notify()

    def write(self) -> None:
        """Write what is noted, in one transaction. Raises SQLAlchemyError."""
        with self._changed:
            pending, self._pending = self._pending, {}
        if pending:
            rows = [{"run_id": run_id, "beat_at": beat_at} for run_id, beat_at in sorted(pending.items())]
            with self._database.writing(PATIENCE) as connection:
                connection.execute(_WRITE, rows)

    def close(self) -> None:
        """Write what is noted, and end the thread."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closed.is_set())
            self._closed.wait(WRITE_EVERY)  # Others come meanwhile.
            try:
                self.write()
            except SQLAlchemyError as error:
                log.warning("heartbeats could not be written: %s", error)
            if self._closed.is_set():
                return
