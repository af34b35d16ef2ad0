"""A million points by one client and by four at once, as JSON and as frames of columns, until they can be read; and the
same by MLflow's own server, on fewer points.

The clients run on the processors of the server, and what limits everybody limits them.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimanager.api.decorators import FRAME
from aimanager.wire.columnar import pack
from benchmarks.fanout import Person
from tests.servers import Gunicorn

from .figure import Figure
from .mlflow_server import MOST, MLflow

POINTS, COLUMN = 1_000_000, 10_000
THEIR_POINTS = 20_000
ROUNDS, WRITERS = 3, 4
Column = NDArray[Any]


def figures() -> list[Figure]:
    texts, frames = list(columns(as_json)), list(columns(as_frame))
    floor = disk(frames)
    one, four, by_json = post_ours(texts, frames)
    theirs = post_theirs()
    return [
        Figure("bulk, frames of 10,000, until readable", one, "points/s", 3_000_000, at_least=True),
        Figure(f"bulk, frames, {WRITERS} writers: times one writer", four / one, "x", 1, at_least=True),
        Figure("bulk, JSON columns of 10,000, until readable", by_json, "points/s", 500_000, at_least=True),
        Figure("bulk, JSON: times MLflow's log_batch", by_json / theirs, "x", 20, at_least=True),
        Figure("bulk, frames: times MLflow's log_batch", one / theirs, "x"),
        Figure("MLflow's log_batch of 1,000, until readable", theirs, "points/s"),
        Figure("the same frames written to a file, fsync after each", floor, "points/s"),
    ]


def columns(encode: Callable[[int, Column, Column, Column], bytes]) -> Iterator[bytes]:
    """What a client sends: a loss with its steps and times, every 100 ms."""
    values = np.random.default_rng(0).normal(1, 0.1, POINTS).astype(np.float32).astype(float)
    for start in range(0, POINTS, COLUMN):
        steps = np.arange(start, start + COLUMN)
        yield encode(start // COLUMN + 1, steps, values[start : start + COLUMN], 1_700_000_000 + steps / 10)


def as_json(seq: int, steps: Column, values: Column, times: Column) -> bytes:
    series = {"steps": steps.tolist(), "values": values.tolist(), "timestamps": times.tolist()}
    return json.dumps({"client": "bulk", "seq": seq, "series": {"train/loss": series}}).encode()


def as_frame(seq: int, steps: Column, values: Column, times: Column) -> bytes:
    series = {"steps": steps, "values": values, "timestamps": times}
    return pack({"client": "bulk", "seq": seq, "series": {"train/loss": series}})


def disk(bodies: list[bytes]) -> float:
    """The floor: what the disk alone takes."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "floor").open("wb", buffering=0) as file:
        began = time.monotonic()
        for body in bodies:
            file.write(body)
            os.fsync(file.fileno())
        return POINTS / (time.monotonic() - began)


def post_ours(texts: list[bytes], frames: list[bytes]) -> tuple[float, float, float]:
    """Points per second, the best of some rounds: frames of one writer and of several, JSON of one."""
    server = Gunicorn()  # With the limits that everybody has.
    try:
        person = Person(server.url)
        rounds = [
            (
                post(server, person, FRAME, [frames]),
                post(server, person, FRAME, [frames[: len(frames) // WRITERS]] * WRITERS),
                post(server, person, "application/json", [texts]),
            )
            for _ in range(ROUNDS)
        ]
    finally:
        server.close()
    one, four, by_json = map(max, zip(*rounds, strict=True))
    return one, four, by_json


def post(server: Gunicorn, person: Person, kind: str, writers: list[list[bytes]]) -> float:
    """Points per second from the first byte to a count that has them all; each writer has a run of its own."""
    runs = [person.make_run() for _ in writers]
    headers = person.headers() | {"Content-Type": kind}

    def write(run: int, bodies: list[bytes]) -> int:
        http = HTTPConnection("127.0.0.1", server.port)
        for body in bodies:
            http.request("POST", f"/metrics/{run}/bulk", body, headers)
            answer = http.getresponse()
            said = answer.read()
            assert answer.status == 200, said
        http.request("GET", f"/metrics/{run}?limit=1", headers=headers)
        return int(http.getresponse().headers["X-Total-Count"])

    with ThreadPoolExecutor(len(writers)) as pool:
        began = time.monotonic()
        total = sum(pool.map(write, runs, writers))
        spent = time.monotonic() - began
    assert total == POINTS
    return POINTS / spent


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
