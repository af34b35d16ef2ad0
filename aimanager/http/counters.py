"""Where limits are counted: in this process, in a file that several workers share, or in Redis.

All three are storages of the `limits` library for its fixed windows, which Flask-Limiter asks too. `count` is what
they do at once and the library does in two questions. None of them grows without end: each new counter takes two that
have run out away, and beyond MOST the one that would have run out first.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from typing import Any

from limits.storage import Storage, storage_from_string

from ..config import Settings

try:
    import pysqlite3 as driver
except ImportError:
    import sqlite3 as driver

log = logging.getLogger(__name__)

MEMORY, SHARED = "aimanager-memory", "aimanager+"
MOST = 100_000  # Counters that are kept.
SWEPT = 2  # Expired counters that are removed when one is made: more than come in, so they never pile up.


def storage_uri(settings: Settings) -> str:
    """The storage of a server of this size."""
    if settings.redis_url:
        return SHARED + settings.redis_url
    return f"{MEMORY}://" if settings.workers == 1 else f"{SHARED}sqlite://{settings.data_dir / 'limits.db'}"


class Counters(Storage):
    """What we ask of a storage beyond the library."""

    away = False
    """Whether each process counts by itself at present, as the storage that they share does not answer."""

    def count(self, key: str, expiry: float, amount: int = 1) -> tuple[int, float]:
        """Count, and say how many there are and until when they count, in seconds since 1970."""
        raise NotImplementedError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        return self.count(key, expiry, amount)[0]


class MemoryCounters(Counters):
    """Counters of a single process. Fixed windows only, which is why it needs no thread that tidies up."""

    STORAGE_SCHEME = [MEMORY]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, most: int = MOST, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._most = most
        self._lock = threading.Lock()
        self._counters: dict[str, tuple[int, float]] = {}
        # The end of each counter's window, the first one in front; those of counters that were restarted are stale.
        self._ends: list[tuple[float, str]] = []

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def count(self, key: str, expiry: float, amount: int = 1) -> tuple[int, float]:
        now = time.time()
        with self._lock:
            count, until = self._counters.get(key, (0, 0.0))
            if until <= now:
                self._make_room(now)
                count, until = 0, now + expiry
                heapq.heappush(self._ends, (until, key))
            self._counters[key] = counter = count + amount, until
            return counter

    def _make_room(self, now: float) -> None:
        for _ in range(SWEPT):
            if not self._ends or (self._ends[0][0] > now and len(self._ends) < self._most):
                return
            until, key = heapq.heappop(self._ends)
            if self._counters.get(key, (0, None))[1] == until:
                del self._counters[key]

    def size(self) -> int:
        return len(self._ends)

    def get(self, key: str) -> int:
        count, until = self._counters.get(key, (0, 0.0))
        return count if until > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counters.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            removed, self._counters, self._ends = len(self._counters), {}, []
        return removed

    def clear(self, key: str) -> None:
        with self._lock:
            self._counters.pop(key, None)


_COUNT = """
INSERT INTO counters (key, count, expires) VALUES (:key, :amount, :until)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN expires <= :now THEN :amount ELSE count + :amount END,
    expires = CASE WHEN expires <= :now THEN :until ELSE expires END
RETURNING count, expires
"""
_SWEEP = """
DELETE FROM counters WHERE key IN (SELECT key FROM counters WHERE expires <= :now ORDER BY expires LIMIT :swept)
"""
_CUT = """
DELETE FROM counters WHERE key IN
(SELECT key FROM counters ORDER BY expires LIMIT max(0, (SELECT count(*) FROM counters) - :most))
"""


class SQLiteCounters(Counters):
    """Counters that the worker processes of one machine share: a small SQLite file.

    Fixed windows only. One statement counts, so two processes never admit one request too many. Losing the file costs
    nothing but a fresh count, so it is never synced to disk.
    """

    STORAGE_SCHEME = None

    def __init__(self, path: str, timeout: float = 1.0, most: int = MOST) -> None:
        super().__init__()
        self._path = path
        self._timeout = timeout
        self._most = most
        self._made = 0  # Counters made since they were last counted, which costs more than one of them may.
        self._lock = threading.Lock()
        self._local = threading.local()

    @property
    def _connection(self) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = driver.connect(self._path, isolation_level=None, timeout=self._timeout)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS counters (key TEXT PRIMARY KEY, count INTEGER, expires REAL) WITHOUT ROWID"
            )
            connection.execute("CREATE INDEX IF NOT EXISTS counters_by_end ON counters (expires)")
            self._local.connection = connection
        return connection

    @property
    def base_exceptions(self) -> type[Exception]:
        return driver.Error

    def count(self, key: str, expiry: float, amount: int = 1) -> tuple[int, float]:
        now = time.time()
        values = {"key": key, "amount": amount, "now": now, "until": now + expiry}
        # One thread of a process at a time: SQLite's own waiting is unfair, and long where hundreds wait.
        with self._lock:
            count, until = self._connection.execute(_COUNT, values).fetchone()
            if until == now + expiry:
                self._make_room(now)
        return count, until

    def _make_room(self, now: float) -> None:
        self._connection.execute(_SWEEP, {"now": now, "swept": SWEPT})
        self._made += 1
        if self._made >= self._most / 100:
            self._made = 0
            self._connection.execute(_CUT, {"most": self._most})

    def size(self) -> int:
        return self._connection.execute("SELECT count(*) FROM counters").fetchone()[0]

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


class SharedCounters(Counters):
    """Counters that processes share, in Redis or in a file; in this process while those are away, so that nobody is locked
    out by it and limits still hold."""

    STORAGE_SCHEME = [f"{SHARED}{scheme}" for scheme in ("redis", "rediss", "unix", "sqlite")]
    PATIENCE = 1.0  # Seconds that the storage has for an answer.
    PAUSE = 1.0  # Seconds between two questions while it is away.

    def __init__(self, uri: str, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._shared = _open(uri.removeprefix(SHARED), self.PATIENCE)
        self._own = MemoryCounters()
        self._lock = threading.Lock()
        self._ask_again = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def count(self, key: str, expiry: float, amount: int = 1) -> tuple[int, float]:
        if isinstance(self._shared, Counters):
            return self._ask("count", key, expiry, amount)
        return self._ask("incr", key, expiry, amount), self._ask("get_expiry", key)

    def get(self, key: str) -> int:
        return self._ask("get", key)

    def get_expiry(self, key: str) -> float:
        return self._ask("get_expiry", key)

    def check(self) -> bool:
        self._ask("get", "check")  # The library's own check hides why it failed.
        return not self.away

    def reset(self) -> int | None:
        return self._ask("reset")

    def clear(self, key: str) -> None:
        self._ask("clear", key)

    def _ask(self, question: str, *arguments: Any) -> Any:
        now = time.monotonic()
        if not self.away or now >= self._ask_again:
            self._ask_again = now + self.PAUSE  # While it is away one request tries, and the others do not wait.
            try:
                answer = getattr(self._shared, question)(*arguments)
            except Exception as error:  # Redis may be away in as many ways as there are.
                self._turn(away=True, reason=str(error))
            else:
                if self.away:
                    self._turn(away=False)
                return answer
        return getattr(self._own, question)(*arguments)

    def _turn(self, away: bool, reason: str = "") -> None:
        """Say once that it is away, and once that it is back."""
        with self._lock:
            changed, self.away = away != self.away, away
        if changed and away:
            log.warning("the shared counters do not answer, so each process counts limits by itself: %s", reason)
        elif changed:
            log.warning("the shared counters are back, and limits are counted there again")


def _open(url: str, patience: float) -> Storage:
    scheme, _, place = url.partition("://")
    if scheme == "sqlite":
        return SQLiteCounters(place, timeout=patience)
    if scheme == "unix":
        url = f"redis+{url}"
    options: Any = {"socket_timeout": patience, "socket_connect_timeout": patience}
    return storage_from_string(url, **options)  # type: ignore[return-value]
