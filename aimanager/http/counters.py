"""Where limits are counted, unless it is Redis: in this process, or in a file that several workers share."""

from __future__ import annotations

import threading
import time
from typing import Any

from limits.storage import Storage

try:
    import pysqlite3 as driver
except ImportError:
    import sqlite3 as driver

MEMORY, SQLITE = "aimanager-memory", "aimanager-sqlite"
MANY = 100_000  # Counters, before those that have run out are looked for.

_COUNT = """
INSERT INTO counters (key, count, expires) VALUES (:key, :amount, :until)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN expires <= :now THEN :amount ELSE count + :amount END,
    expires = CASE WHEN expires <= :now THEN :until ELSE expires END
RETURNING count, expires
"""


class MemoryCounters(Storage):
    """Counters of a single process. Fixed windows only, which is why it needs no thread that tidies up."""

    STORAGE_SCHEME = [MEMORY]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._lock = threading.Lock()
        self._counters: dict[str, tuple[int, float]] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        return self.count(key, expiry, amount)[0]

    def count(self, key: str, expiry: float, amount: int = 1) -> tuple[int, float]:
        """Count, and say how many there are and until when they count."""
        now = time.time()
        with self._lock:
            count, until = self._counters.get(key, (0, 0.0))
            if until <= now:
                count, until = 0, now + expiry
                self._make_room(now)
            self._counters[key] = counter = count + amount, until
            return counter

    def _make_room(self, now: float) -> None:
        if len(self._counters) >= MANY:
            self._counters = {key: counter for key, counter in self._counters.items() if counter[1] > now}

    def get(self, key: str) -> int:
        count, until = self._counters.get(key, (0, 0.0))
        return count if until > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counters.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            gone, self._counters = len(self._counters), {}
        return gone

    def clear(self, key: str) -> None:
        with self._lock:
            self._counters.pop(key, None)


class SQLiteCounters(Storage):
    """Counters that the worker processes of one machine share: a small SQLite file.

    Fixed windows only. One statement counts, so two processes never admit one request too many. Losing the file costs
    nothing but a fresh count, so it is never synced to disk.
    """

    STORAGE_SCHEME = [SQLITE]

    def __init__(self, uri: str, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._path = uri.removeprefix(f"{SQLITE}://")
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
        return self.count(key, expiry, amount)[0]

    def count(self, key: str, expiry: float, amount: int = 1) -> tuple[int, float]:
        """Count, and say how many there are and until when they count."""
        now = time.time()
        values = {"key": key, "amount": amount, "now": now, "until": now + expiry}
        return self._connection.execute(_COUNT, values).fetchone()

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
