"""What is measured on, and that nothing is left running on it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import shutil
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pysqlite3

_SET_CHILD_SUBREAPER = 36  # From linux/prctl.h.


def described() -> str:
    """One line: processor, memory, versions, load, date."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) / 2**20  # type: ignore[index]
    parts = [
        f"{os.cpu_count()} cores ({model[1].strip() if model else platform.machine()}), {memory:.0f} GiB",
        f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}, SQLite {pysqlite3.sqlite_version}",
        f"load {os.getloadavg()[0]:.1f} at the start",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]
    if postgres := shutil.which("psql"):
        said = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False).stdout.split()
        parts[1] += f", PostgreSQL {said[2]}"
    return "; ".join(parts)


def adopt_orphans() -> None:
    """From now on the children of a process that ends become ours, so that `kill_descendants` finds them."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_descendants() -> None:
    """End all that was started and is still there."""
    while children := _children(os.getpid()):
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for some in lists for child in some.read_text().split()]
