"""Counters that several worker processes of one machine share: a small SQLite file of its own.

Losing it costs nothing but a fresh count, so it is never synced to disk.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from limits.storage import Storage

try:
    import pysqlite3 as driver
except ImportError:
    import sqlite3 as driver

SCHEME = "aimanager-sqlite"

_COUNT = """
INSERT INTO counters (key, count, expires) VALUES (:key, :amount, :until)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN expires <= :now THEN :amount ELSE count + :amount END,
    expires = CASE WHEN expires <= :now THEN :until ELSE expires END
RETURNING count
"""


class SQLiteStorage(Storage):
    """Fixed windows only. One statement counts, so two processes never admit one request too many."""

    STORAGE_SCHEME = [SCHEME]

    def __init__(self, uri: str, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._path = uri.removeprefix(f"{SCHEME}://")
        self._local = threading.local()

    @property
    def _connection(self) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = driver.connect(self._path, isolation_level=None, timeout=10)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS counters (key TEXT PRIMARY KEY, count INTEGER, expires REAL) WITHOUT ROWID"
            )
            self._local.connection = connection
        return connection

    @property
    def base_exceptions(self) -> type[Exception]:
        return driver.Error

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.time()
        values = {"key": key, "amount": amount, "now": now, "until": now + expiry}
        return self._connection.execute(_COUNT, values).fetchone()[0]

    def get(self, key: str) -> int:
        row = self._connection.execute(
            "SELECT count FROM counters WHERE key = ? AND expires > ?", (key, time.time())
        ).fetchone()
        return row[0] if row else 0

    def get_expiry(self, key: str) -> float:
        row = self._connection.execute("SELECT expires FROM counters WHERE key = ?", (key,)).fetchone()
        return row[0] if row else time.time()

    def check(self) -> bool:
        return self._connection.execute("SELECT 1").fetchone() == (1,)

    def reset(self) -> int:
        return self._connection.execute("DELETE FROM counters").rowcount

    def clear(self, key: str) -> None:
        self._connection.execute("DELETE FROM counters WHERE key = ?", (key,))
