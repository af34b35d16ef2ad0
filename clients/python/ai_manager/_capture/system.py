"""How busy the machine and the process are, as numbers for `system/...` metrics."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from ai_manager._capture.gpu import graphics

PREFIX = "system/"
UNLIMITED = 1 << 60  # A memory limit of so many bytes or more is none.


class System:
    """Reads the machine's and the process's counters; what a platform does not have is left out.

    With a `rank`, for one of several processes of a run, it stands in the names, and only the first of a machine speaks
    of the machine. Importing psutil takes some 25 ms, so a System is made in a background thread.
    """

    def __init__(self, rank: int | None = None, local_rank: int = 0) -> None:
        import psutil

        self._psutil = psutil
        self._prefix = PREFIX if rank is None else f"{PREFIX}rank{rank}_"
        self._process = psutil.Process()
        self._last: dict[str, tuple[float, float]] = {}
        self._group = memory_group()
        self._parts: list[Callable[[], dict[str, float]]] = [self._process_load]
        if rank is None or local_rank == 0:
            self._parts += [self._processors, self._memory, self._disk, self._network, graphics()]
        self.read()  # Rates need a beginning.

    def read(self) -> dict[str, float]:
        """The numbers of now, by full name. Rates are since the last reading, so the first one has none."""
        values: dict[str, float] = {}
        for part in self._parts:
            with contextlib.suppress(Exception):
                values.update(part())
        return {self._prefix + name: float(value) for name, value in values.items()}

    def _processors(self) -> dict[str, float]:
        found = {"cpu_percent": self._psutil.cpu_percent(None)}
        with contextlib.suppress(OSError, AttributeError):
            found["load_average"] = os.getloadavg()[0]
        return found

    def _memory(self) -> dict[str, float]:
        machine = self._psutil.virtual_memory()
        used, limit = machine.total - machine.available, machine.total
        if self._group and (own := self._group()) and own[1] < limit:
            used, limit = own
        return {
            "memory_used_bytes": used,
            "memory_percent": 100 * used / limit,
            "swap_used_bytes": self._psutil.swap_memory().used,
        }

    def _disk(self) -> dict[str, float]:
        found = {"disk_percent": self._psutil.disk_usage(os.getcwd()).percent}
        counters = self._psutil.disk_io_counters()
        if counters:
            found |= self._rate("disk_read_bytes_per_second", counters.read_bytes)
            found |= self._rate("disk_written_bytes_per_second", counters.write_bytes)
        return found

    def _network(self) -> dict[str, float]:
        every = self._psutil.net_io_counters(pernic=True)
        real = [counters for name, counters in every.items() if not name.startswith(("lo", "veth", "docker", "br-"))]
        return {
            **self._rate("network_received_bytes_per_second", sum(counters.bytes_recv for counters in real)),
            **self._rate("network_sent_bytes_per_second", sum(counters.bytes_sent for counters in real)),
        }

    def _process_load(self) -> dict[str, float]:
        with self._process.oneshot():
            return {
                "process_cpu_percent": self._process.cpu_percent(None),
                "process_memory_bytes": self._process.memory_info().rss,
                "process_threads": self._process.num_threads(),
            }

    def _rate(self, name: str, total: float) -> dict[str, float]:
        """How much a counter grew each second; nothing when it was reset, or for its first value."""
        now = time.monotonic()
        when, before = self._last.get(name, (now, total))
        self._last[name] = now, total
        return {name: (total - before) / (now - when)} if now > when and total >= before else {}


def memory_group(
    root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> Callable[[], tuple[float, float] | None] | None:
    """How to read the bytes used and allowed of the control group that limits this process: a container, a Slurm job."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    best: tuple[float, Path, str] | None = None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        base = root / "memory" if controllers else root
        limit_file = "memory.limit_in_bytes" if controllers else "memory.max"
        for folder in (base / path.lstrip("/"), *(base / path.lstrip("/")).parents):
            if folder != base and base not in folder.parents:
                break
            with contextlib.suppress(OSError, ValueError):
                limit = float((folder / limit_file).read_text())
                if limit < UNLIMITED and (best is None or limit < best[0]):
                    best = limit, folder, "memory.usage_in_bytes" if controllers else "memory.current"
    if best is None:
        return None
    limit, folder, usage_file = best

    def read() -> tuple[float, float] | None:
        used = float((folder / usage_file).read_text())
        # Files that the kernel would give up at once count as free, as they do for the whole machine.
        for line in (folder / "memory.stat").read_text().splitlines():
            if line.startswith(("inactive_file ", "total_inactive_file ")):
                return max(0.0, used - float(line.split()[1])), limit
        return used, limit

    return read
