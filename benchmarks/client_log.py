"""What a training loop pays for a line of logging: `run.log` of three metrics, 20,000 times, while a server listens; and what
the thread beside it pays for a batch."""

from __future__ import annotations

import time

import numpy as np
from ai_manager import AIManager
from ai_manager._columns import FRAME, JSON, Row, as_frame, as_json, columns_of

from benchmarks.fanout import Person
from tests.servers import Gunicorn

from .figure import Figure

CALLS = 20_000


def figures() -> list[Figure]:
    server = Gunicorn()
    try:
        person = Person(server.url)
        spent, run_id = log(server.url)
        summary = person.http.request("GET", f"{server.url}/metrics/{run_id}/summary", headers=person.headers()).json()
    finally:
        server.close()
    frame, json = encode(FRAME), encode(JSON)
    median, p99, p999 = np.percentile(spent, (50, 99, 99.9))
    missing = 3 * CALLS - sum(row["total_points"] for row in summary if not row["name"].startswith("system/"))
    return [
        Figure("run.log of 3 metrics, median", median, "us", 10),
        Figure("run.log of 3 metrics, p99", p99, "us", 200),
        Figure("run.log of 3 metrics, p99.9", p999, "us"),
        Figure("run.log: points that did not arrive", missing, "", 0),
        Figure("encoding a batch of 9,999 points as a frame", frame, "ms"),
        Figure("encoding it as JSON: times the frame", json / frame, "x"),
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
    with manager.run("20,000 calls") as run:
        for step in range(CALLS):
            began = time.perf_counter_ns()
            run.log({"train/loss": 1 / (step + 1), "train/accuracy": 0.5, "lr": 0.001}, step=step)
            spent.append((time.perf_counter_ns() - began) / 1000)
    return spent, run.id
