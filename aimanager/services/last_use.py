"""When each API key and each session was last used: for people, so a request that brings one never waits for it to be written."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ..db.engine import Database
from ..models.base import now

log = logging.getLogger(__name__)

PATIENCE = 60.0  # Seconds to wait for the turn to write; nobody waits for it but this thread.


class LastUse:
    """Writes down the last use of rows by a thread of its own. What is noted but not written is lost with the process.

    A row is named by its column `key`, and written at most once in so many seconds.
    """

    def __init__(
        self, database: Database, key: sa.orm.InstrumentedAttribute[Any], used_at: sa.orm.InstrumentedAttribute[Any],
        every: float,
    ) -> None:  # fmt: skip
        self._database = database
        self._every = every
        self._statement = (
            sa.update(key.class_).where(key == sa.bindparam("key_id")).values({used_at: sa.bindparam("used_at")})
        )
        self._changed = threading.Condition()
        self._pending: dict[int | str, datetime] = {}
        self._written: dict[int | str, float] = {}  # When a key may be written again, on the monotonic clock.
        self._closed = False
        self._thread = threading.Thread(target=self._write_all, name="last-use", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def note(self, key_id: int | str) -> None:
        """It was used just now."""
        if self._written.get(key_id, 0.0) > (moment := time.monotonic()):
            return
        with self._changed:
            self._written[key_id] = moment + self._every
            self._pending[key_id] = now()
            self._changed.notify()

    def close(self) -> None:
        """Write what is pending, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closed)
                pending, self._pending = self._pending, {}
                if not pending:
                    return
            try:
                self._write(pending)
            except SQLAlchemyError as error:
                log.warning("the last use of %d credentials could not be written: %s", len(pending), error)

    def _write(self, pending: dict[int | str, datetime]) -> None:
        rows = [{"key_id": key_id, "used_at": used_at} for key_id, used_at in sorted(pending.items())]
        with self._database.writing(PATIENCE) as connection:
            connection.execute(self._statement, rows)
