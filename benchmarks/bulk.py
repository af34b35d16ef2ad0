"""A million points from one client, until they can be read; and the same by MLflow's own server, on fewer points."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import urllib3

from benchmarks.fanout import Person
from tests.servers import Gunicorn

from .figure import Figure
from .mlflow_server import MOST, MLflow

POINTS, COLUMN = 1_000_000, 10_000
THEIR_POINTS = 20_000


def figures() -> list[Figure]:
    bodies = list(columns())
    floor = disk(bodies)
    ours = post_ours(bodies)
    theirs = post_theirs()
    return [
        Figure("bulk, JSON columns of 10,000, until readable", ours, "points/s", 300_000, at_least=True),
        Figure("bulk: times MLflow's log_batch", ours / theirs, "x", 20, at_least=True),
        Figure("MLflow's log_batch of 1,000, until readable", theirs, "points/s"),
        Figure("the same bodies written to a file, fsync after each", floor, "points/s"),
    ]


def columns() -> list[bytes]:
    """What a client sends: a loss with its steps and times, every 100 ms."""
    values = np.random.default_rng(0).normal(1, 0.1, POINTS).astype(np.float32).astype(float)
    bodies = []
    for start in range(0, POINTS, COLUMN):
        steps = range(start, start + COLUMN)
        times = [round(1_700_000_000 + step / 10, 6) for step in steps]
        series = {"steps": [*steps], "values": values[start : start + COLUMN].tolist(), "timestamps": times}
        body = {"client": "bulk", "seq": start // COLUMN + 1, "series": {"train/loss": series}}
        bodies.append(json.dumps(body).encode())
    return bodies


def disk(bodies: list[bytes]) -> float:
    """The floor: what the disk alone takes."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "floor").open("wb", buffering=0) as file:
        began = time.monotonic()
        for body in bodies:
            file.write(body)
            os.fsync(file.fileno())
        return POINTS / (time.monotonic() - began)


def post_ours(bodies: list[bytes]) -> float:
    """Points per second from the first byte to a count that has them all."""
    server = Gunicorn()  # With the limits that everybody has.
    try:
        person = Person(server.url)
        run = person.make_run()
        http = urllib3.HTTPConnectionPool("127.0.0.1", server.port, maxsize=1, retries=False)
        began = time.monotonic()
        for body in bodies:
            answer = http.request("POST", f"/metrics/{run}/bulk", body=body, headers=person.headers())
            assert answer.status == 200, answer.data
        answer = http.request("GET", f"/metrics/{run}?limit=1", headers=person.headers())
        spent = time.monotonic() - began
        assert int(answer.headers["X-Total-Count"]) == POINTS
        return POINTS / spent
    finally:
        server.close()


def post_theirs() -> float:
    """The same for MLflow: as many metrics in a request as it takes, until the last step can be read."""
    server = MLflow()
    try:
        run = server.make_run()
        bodies = []
        for start in range(0, THEIR_POINTS, MOST):
            metrics = [
                {"key": "train/loss", "value": 0.5, "timestamp": 1_700_000_000_000 + 100 * step, "step": step}
                for step in range(start, start + MOST)
            ]
            bodies.append({"run_id": run, "metrics": metrics})
        began = time.monotonic()
        for body in bodies:
            server.post("runs/log-batch", body)
        count = server.count(run, "train/loss")
        spent = time.monotonic() - began
        assert count == THEIR_POINTS, count
        return THEIR_POINTS / spent
    finally:
        server.close()
