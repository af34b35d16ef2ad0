"""Which process owns a file, and whether it still lives; without any lock that a file system would have to keep."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import uuid
from pathlib import Path
from typing import Any

SILENCE = 120.0  # Seconds without a touch after which a process that cannot be looked up counts as dead.


@functools.lru_cache(maxsize=1)
def _place() -> dict[str, str]:
    """What must be equal for process numbers to mean the same: the boot of the machine, and its set of numbers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        numbers = os.readlink("/proc/self/ns/pid")
    except OSError:
        return {}
    return {"boot": boot, "numbers": numbers}


def _started(pid: int) -> str | None:
    """When a process started, in ticks since the boot; None when there is no such process."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = line.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def me() -> dict[str, Any]:
    """This process, so that others can tell whether it lives."""
    pid = os.getpid()
    return {"host": platform.node(), "pid": pid, **_place(), "started": _started(pid)}


def process_name(pid: int) -> str:
    """A process of this machine by a name that no other one has had."""
    return f"{platform.node()} {_place()} {pid} {_started(pid)}"


def is_alive(path: Path) -> bool:
    """Whether the process that a file names lives. One of another machine or container does while it touches the file."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        holder = {}
    place = _place()
    if place and isinstance(holder, dict) and {key: holder.get(key) for key in place} == place:
        return _started(int(holder.get("pid", 0))) == holder.get("started")
    return _age(path) < SILENCE


def _age(path: Path) -> float:
    """Seconds since a file was touched, by the clock of the disk that it is on."""
    probe = path.with_name(f".{uuid.uuid4().hex}")
    try:
        probe.touch(0o600)
        now = probe.stat().st_mtime
        return now - path.stat().st_mtime
    except FileNotFoundError:
        return SILENCE
    except OSError:
        return 0.0  # Where nothing can be written, nothing is taken over.
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


class Lease:
    """A file that names this process as the one that may do something, for as long as it lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = os.getpid()

    @classmethod
    def take(cls, path: Path) -> Lease | None:
        """The lease, if nobody who lives has it. Raises OSError where it cannot be written."""
        for _ in range(2):
            with contextlib.suppress(FileExistsError):
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with open(fd, "w", encoding="utf-8") as file:
                    json.dump(me(), file)
                return cls(path)
            if not _removed(path):
                return None
        return None

    def touch(self) -> None:
        """Show that this process lives to those who cannot look it up."""
        with contextlib.suppress(OSError):
            os.utime(self.path)

    def release(self) -> None:
        """Let others have it. A forked child leaves its parent's alone."""
        if self._pid == os.getpid():
            with contextlib.suppress(OSError):
                self.path.unlink()


def _removed(path: Path) -> bool:
    """Whether a lease was removed whose holder is dead. Of several that try, one does it."""
    try:
        before = path.read_bytes()
        if is_alive(path):
            return False
        mine = path.with_name(f".{uuid.uuid4().hex}")
        os.rename(path, mine)
        if mine.read_bytes() != before:
            # Somebody was faster, and this is the new holder's: give it back.
            with contextlib.suppress(OSError):
                os.link(mine, path)
            mine.unlink()
            return False
        mine.unlink()
    except OSError:
        return False
    return True
