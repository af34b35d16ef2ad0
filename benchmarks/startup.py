"""A new clone with nothing in any cache, from `make run` to the first page; a warm start; idle memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.servers import ROOT, free_port

from .figure import Figure

LONGEST = 600  # Seconds.


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="aimanager-startup-") as name:
        folder = Path(name)
        clone = folder / "clone"
        subprocess.run(["git", "-c", "advice.detachedHead=false", "clone", "--quiet", ROOT, clone], check=True)
        cold, _ = start(clone, folder)
        warm, memory = start(clone, folder)
    return [
        Figure("make run in a fresh clone, cold caches, first page", cold, "s", 60),
        Figure("make run again, first page", warm, "s", 3),
        # What master and worker share is there once: the kernel counts a page of two processes half for each.
        Figure("idle memory of gunicorn and its worker", memory["Pss"], "MB", 150),
        Figure("the same with shared pages counted twice", memory["Rss"], "MB"),
    ]


def start(clone: Path, caches: Path) -> tuple[float, dict[str, float]]:
    """Seconds to the first page, and megabytes a little later; nothing of this machine's caches is used."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AI_MANAGER_", "MAKE", "VIRTUAL"))}
    env |= {"AI_MANAGER_PORT": str(port), "AI_MANAGER_DATA_DIR": str(caches / "data")}
    env |= {f"{name}_CACHE_DIR": str(caches / name.lower()) for name in ("UV", "PIP")}
    env |= {"npm_config_cache": str(caches / "npm")}
    with (caches / "log").open("ab") as log:
        began = time.monotonic()
        make = subprocess.Popen(["make", "run"], cwd=clone, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        while not first_page(port):
            if make.poll() is not None or time.monotonic() - began > LONGEST:
                raise RuntimeError(f"make run did not come up:\n{(caches / 'log').read_text()[-2000:]}")
            time.sleep(0.05)
        spent = time.monotonic() - began
        time.sleep(2)
        return spent, memory(servers(make.pid))
    finally:
        os.killpg(make.pid, signal.SIGTERM)
        make.wait(30)


def first_page(port: int) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False


def servers(pid: int) -> list[int]:
    """The processes of gunicorn below a process."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pids = [pid] if b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes() else []
    return pids + [one for child in children for one in servers(int(child))]


def memory(pids: list[int]) -> dict[str, float]:
    """Resident and proportional memory of processes, in MB."""
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return {
        kind: sum(int(re.search(rf"^{kind}:\s+(\d+)", text, re.MULTILINE)[1]) for text in rollups) / 1024
        for kind in ("Pss", "Rss")
    }
