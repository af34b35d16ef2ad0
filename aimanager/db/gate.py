"""The gate through which all writes of a database go.

SQLite lets one connection write at a time and answers everybody else with "database is locked" after polling.
So writers queue here instead: a lock among the threads of a process, `flock` on a file beside the database among
processes, and `BEGIN IMMEDIATE` so that a transaction which means to write never has to upgrade a read lock.
PostgreSQL needs none of this: its gate is open to everybody.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa


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
