"""A script that logs a million values at once, with default settings and the default limits of the server: how soon all are stored,
and how long other people wait for their lists and charts meanwhile."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import urllib3
from ai_manager import AIManager

from tests.live.people import Person
from tests.servers import Gunicorn

from .figure import Figure

STEPS, METRICS, BURSTS = 100_000, 10, 5
LOOKERS = 12  # Each with limits of their own, so that the default ones allow for many requests.
EVERY = 0.65  # Seconds between two requests of one of them, which is what the limits of the API allow for.
QUIET = 150  # Requests before.
SCRIPT = """
import os, sys, time
from ai_manager import AIManager
url, key, steps, metrics = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
names = [f"train/metric {number}" for number in range(metrics)]
began = time.monotonic()
with AIManager("burst", url, api_key=key).run("a million values") as run:
    for step in range(steps):
        run.log(dict.fromkeys(names, 1 / (step + 1)), step=step)
    logged = time.monotonic() - began
print(run.id, run.dropped, logged, time.monotonic() - began)
"""


def figures() -> list[Figure]:
    server = Gunicorn()
    with TemporaryDirectory() as spools:
        try:
            return measure(server, Path(spools))
        finally:
            server.close()


def measure(server: Gunicorn, spools: Path) -> list[Figure]:
    person = Person(server, "burst")
    ours, theirs = multiprocessing.Pipe()
    looking = multiprocessing.Process(target=look, args=(server.url, theirs))
    looking.start()
    quiet = ours.recv()
    bursts = [burst(server, person, spools) for _ in range(BURSTS)]
    ours.send("done")
    busy: list[float] = ours.recv()
    looking.join()
    missing = sum(one.missing for one in bursts)
    what = f"{STEPS * METRICS:,} values at once"
    return [
        Figure(f"{what}: all stored after", max(one.stored_after for one in bursts), "s", 60),
        Figure(f"{what}: logged after", max(one.logged_after for one in bursts), "s"),
        Figure(f"{what}: dropped, or not there", missing, "", 0),
        Figure(f"{what}, {BURSTS} times: p99 of other people's requests", float(np.percentile(busy, 99)), "ms", 300),
        Figure(f"{what}, {BURSTS} times: median of other people's requests", float(np.median(busy)), "ms"),
        Figure(f"{what}, {BURSTS} times: other people's requests", len(busy)),
        Figure("other people's requests before: p99", float(np.percentile(quiet, 99)), "ms"),
        Figure("other people's requests before: median", float(np.median(quiet)), "ms"),
    ]


@dataclass
class Burst:
    """Seconds, and values that are not on the server."""

    logged_after: float
    stored_after: float
    missing: int


def burst(server: Gunicorn, person: Person, spools: Path) -> Burst:
    environment = {"PATH": "/usr/bin:/bin", "AI_MANAGER_SPOOL_DIR": str(spools)}
    command = [sys.executable, "-c", SCRIPT, server.url, person.token, str(STEPS), str(METRICS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    run, dropped, logged, ended = done.stdout.split()[-4:]
    metrics = AIManager("burst", server.url, api_key=person.token).get_run(int(run)).metrics
    stored = sum(metric.points for name, metric in metrics.items() if not name.startswith("system/"))
    return Burst(float(logged), float(ended), int(dropped) + STEPS * METRICS - stored)


def look(url: str, pipe: Connection) -> None:
    """Ask for lists and charts until told to stop; the milliseconds that each took. Before, the same with nothing going on."""
    people = [Person(Address(url), f"looker{number}") for number in range(LOOKERS)]
    pages = []
    for person in people:
        project = person.project()
        runs = [person.run(project) for _ in range(3)]
        steps = list(range(5000))
        series = {"loss": {"steps": steps, "values": [1 / (step + 1) for step in steps]}}
        for run in runs:
            person.post(f"/metrics/{run}/bulk", {"client": f"seed {run}", "seq": 1, "series": series})
        pages.append([f"/runs/?project_id={project}", f"/metrics/{runs[-1]}/chart?name=loss&points=1000"])
    http = urllib3.PoolManager(maxsize=4)
    asked = 0

    def ask() -> float:
        nonlocal asked
        number, asked = asked % LOOKERS, asked + 1
        path = pages[number][asked // LOOKERS % 2]
        began = time.perf_counter()
        answer = http.request("GET", url + path, headers={"Authorization": f"Bearer {people[number].token}"})
        assert answer.status == 200, answer.status
        took = time.perf_counter() - began
        time.sleep(max(0.0, EVERY / LOOKERS - took))
        return 1000 * took

    pipe.send([ask() for _ in range(QUIET)])
    took = []
    while not pipe.poll():
        took.append(ask())
    pipe.send(took)


class Address:
    """A server of which only the address is known."""

    def __init__(self, url: str) -> None:
        self.url = url
