"""What a training loop pays for a line of logging: `run.log` of three metrics, 100,000 times, while a server listens; the same beside
other trackers, in turns and with nobody listening; the import; and what the thread beside it pays for a batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from ai_manager import AIManager
from ai_manager._columns import FRAME, JSON, Row, as_frame, as_json, columns_of

from benchmarks.fanout import Person
from tests.servers import Gunicorn

from .environment import python_of
from .figure import Figure

PEER_LOG = Path(__file__).parent / "peer_log.py"

CALLS = 100_000
CALLS_OF_PEERS = 10_000
ROUNDS = 3  # Each tracker's turns; the best counts, for the machine may be busy.


def figures() -> list[Figure]:
    server = Gunicorn()
    try:
        person = Person(server.url)
        spent, run_id = log(server.url)
        summary = person.http.request("GET", f"{server.url}/metrics/{run_id}/summary", headers=person.headers()).json()
    finally:
        server.close()
    frame, text = encode(FRAME), encode(JSON)
    median, p99, p999 = np.percentile(spent, (50, 99, 99.9))
    missing = 3 * CALLS - sum(row["total_points"] for row in summary if not row["name"].startswith("system/"))
    return [
        Figure("run.log of 3 metrics, median", median, "us", 5),
        Figure("run.log of 3 metrics, p99", p99, "us", 50),
        Figure("run.log of 3 metrics, p99.9", p999, "us", 5000),
        Figure("run.log: points that did not arrive", missing, "", 0),
        Figure("encoding a batch of 9,999 points as a frame", frame, "ms"),
        Figure("encoding it as JSON: times the frame", text / frame, "x"),
        *peers(),
        *imported(),
    ]


def peers() -> list[Figure]:
    """How many times ours the others take for a call, by the mean: what they do later in a thread of the process counts too."""
    pythons = {"ours": Path(sys.executable), **{name: python_of(name) for name in ("trackio", "tensorboard", "wandb")}}
    best = dict.fromkeys(pythons, float("inf"))
    for _ in range(ROUNDS):
        for name, python in pythons.items():
            with tempfile.TemporaryDirectory() as folder:
                command = [str(python), str(PEER_LOG), name, str(CALLS_OF_PEERS), folder]
                spent = json.loads(subprocess.check_output(command, stderr=subprocess.DEVNULL).splitlines()[-1])
            best[name] = min(best[name], float(np.mean(spent)))
    return [
        Figure("run.log of 3 metrics, mean with nobody listening", best["ours"], "us"),
        Figure("Trackio's log: times ours", best["trackio"] / best["ours"], "x", 3, at_least=True),
        Figure("TensorBoard's writer: times ours", best["tensorboard"] / best["ours"], "x", 10, at_least=True),
        Figure("W&B's log, offline: times ours", best["wandb"] / best["ours"], "x", 50, at_least=True),
    ]


def imported() -> list[Figure]:
    """The processor time of `import ai_manager`, and the memory that it adds to Python's own; the best of some."""
    code = """
import os, time
pages = lambda: int(open("/proc/self/statm").read().split()[1])
before, began = pages(), time.process_time()
import ai_manager
print(1000 * (time.process_time() - began), (pages() - before) * os.sysconf("SC_PAGESIZE") / 1e6)
"""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # As installed: compiled once.
    runs = [subprocess.check_output([sys.executable, "-c", code], env=environment).split() for _ in range(5)]
    milliseconds, megabytes = (min(float(run[place]) for run in runs) for place in (0, 1))
    return [
        Figure("import ai_manager", milliseconds, "ms", 100),
        Figure("import ai_manager: memory", megabytes, "MB", 15),
    ]


def encode(kind: str) -> float:
    """The milliseconds that a batch of three metrics takes to become bytes; the best of some rounds."""
    names = ("train/loss", "train/accuracy", "lr")
    rows = [Row(step, 1.7e9 + step / 7, names, (1 / (step + 1), step / 7, 0.001)) for step in range(3333)]
    spent = []
    for _ in range(20):
        began = time.perf_counter()
        assert (as_json if kind == JSON else as_frame)("client", 1, columns_of(rows))
        spent.append(1000 * (time.perf_counter() - began))
    return min(spent)


def log(url: str) -> tuple[list[float], int | None]:
    """The microseconds that each call took, and the run."""
    manager = AIManager("client log", api_url=url, username="alice", password="a long password")
    spent = []
    with manager.run("100,000 calls", capture="none") as run:
        for step in range(CALLS):
            began = time.perf_counter_ns()
            run.log({"train/loss": 1 / (step + 1), "train/accuracy": 0.5, "lr": 0.001}, step=step)
            spent.append((time.perf_counter_ns() - began) / 1000)
    return spent, run.id
