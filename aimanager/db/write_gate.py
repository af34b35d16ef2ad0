"""The gate through which all writes of a database go.

SQLite lets one connection write at a time and answers everybody else with "database is locked" after polling.
So writers queue here instead: a lock among the threads of a process, `flock` on a file beside the database among
processes, and `BEGIN IMMEDIATE` so that a transaction which means to write never has to upgrade a read lock.
PostgreSQL needs none of this: its gate is open to everybody.

Waiting has a bound: a writer that does not get in within its patience gets `DatabaseBusy`.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

PATIENCE = 10.0  # Seconds that a request waits for its turn to write.
# Seconds between two looks at a lock that another process holds; one thread a process looks. Not growing with the wait,
# or those who have waited longest would be the last to come in.
_PAUSE = 0.0005


class DatabaseBusy(sa.exc.OperationalError):
    """Somebody else was writing for longer than this writer could wait: what SQLite calls "database is locked"."""

    def __init__(self, waited: float) -> None:
        super().__init__("BEGIN IMMEDIATE", None, TimeoutError(f"another writer held the database for {waited:.1f} s"))


class Gate:
    """One writer at a time; re-entrant within a thread. `path` is the file that processes lock, None for none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._files: tuple[int, int] | None = None
        self._pid = 0

    @contextmanager
    def turn(self, patience: float | None = PATIENCE) -> Iterator[float | None]:
        """Hold the gate; gives the seconds of patience that are left. None waits for as long as it takes.

        Raises DatabaseBusy when the patience is over.
        """
        started = time.monotonic()
        self._acquire(started, patience)
        try:
            yield None if patience is None else max(0.0, patience - (time.monotonic() - started))
        finally:
            self._release()

    def _acquire(self, started: float, patience: float | None) -> None:
        if not self._lock.acquire(timeout=-1 if patience is None else max(0.0, patience)):
            raise DatabaseBusy(time.monotonic() - started)
        try:
            if self._path and self._depth == 0:
                turnstile, gate = self._handles()
                deadline = None if patience is None else started + patience
                # A waiting writer holds the turnstile, so a busy process cannot pass it again and again.
                _lock_file(turnstile, started, deadline)
                try:
                    _lock_file(gate, started, deadline)
                finally:
                    fcntl.flock(turnstile, fcntl.LOCK_UN)
            self._depth += 1
        except BaseException:
            self._lock.release()
            raise

    def _release(self) -> None:
        self._depth -= 1
        if self._files is not None and self._depth == 0:
            fcntl.flock(self._files[1], fcntl.LOCK_UN)
        self._lock.release()

    def _handles(self) -> tuple[int, int]:
        # A lock belongs to the open file, which a forked child shares with its parent: each opens its own.
        if self._files is None or self._pid != os.getpid():
            assert self._path is not None  # noqa: S101 - only called with a path
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            turnstile = os.open(self._path.with_name(self._path.name + ".turnstile"), flags, 0o600)
            self._files = turnstile, os.open(self._path, flags, 0o600)
            self._pid = os.getpid()
        return self._files


def _lock_file(handle: int, started: float, deadline: float | None) -> None:
    """Lock a file that another process may hold. `flock` itself knows no time-out, so it is polled."""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            now = time.monotonic()
        if deadline is not None and now >= deadline:
            raise DatabaseBusy(now - started)
        time.sleep(_PAUSE)


class OpenGate(Gate):
    """PostgreSQL serialises writers by row; nobody waits here."""

    def __init__(self) -> None:
        super().__init__(None)

    @contextmanager
    def turn(self, patience: float | None = PATIENCE) -> Iterator[float | None]:
        yield patience


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


_gates: dict[Path, Gate] = {}
_gates_lock = threading.Lock()
