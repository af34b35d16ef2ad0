"""Which SQLite databases are in use: each engine with connections holds a shared lock on a file beside the database.

It is `flock`, which is the same on Linux and macOS and ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


def announce(engine: Engine, path: Path) -> None:
    """Hold the lock from the engine's first connection until it is disposed of."""
    held: list[int] = []

    @event.listens_for(engine, "connect")
    def connect(_connection: object, _record: object) -> None:
        if not held:
            held.append(os.open(lock_file(path), _FLAGS, 0o600))
            fcntl.flock(held[0], fcntl.LOCK_SH)

    @event.listens_for(engine, "engine_disposed")
    def disposed(_engine: Engine) -> None:
        while held:
            os.close(held.pop())


def is_in_use(path: Path) -> bool:
    """Whether an engine of any process, also of this one, has the database open."""
    try:
        handle = os.open(lock_file(path), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def lock_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.in-use")
