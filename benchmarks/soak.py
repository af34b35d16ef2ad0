"""Four hours of twenty live runs in ten minutes: what a server holds must not grow.

A run of such an afternoon logs five metrics every 2 s, each row by itself, for 20 minutes, and the next one begins;
each client keeps its last two runs and deletes those before. Compressed 24 times, that is 240 requests a second. Beside
that ten viewers have sockets open, and one looks at charts, tables and pages. `python -m benchmarks.soak seconds`
compresses to another time.

What is compared is the median of the last third with that of the third before it; the first third is for warming up.
SQLite's log keeps the size that it once needed: what counts is that it stays below the size at which it is cut back.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import NamedTuple

import numpy as np
import urllib3
import websocket

from tests.servers import Gunicorn

from .fanout import Person
from .figure import Figure
from .startup import memory, servers

SECONDS, HOURS = 600.0, 4.0
CLIENTS, PROCESSES, VIEWERS, PACE, LENGTH = 20, 2, 10, 2.0, 1200.0  # Seconds of the real afternoon.


class Sample(NamedTuple):
    """What is held at a time; sizes in MB."""

    at: float
    memory: float
    threads: int
    files: int
    wal: float
    database: float


def figures() -> list[Figure]:
    return soak(SECONDS)


def soak(seconds: float) -> list[Figure]:
    compressed = HOURS * 3600 / seconds
    server = Gunicorn(
        workers=2, rate_limits="", page_limits="", ingest_limits="", ingest_points="", sockets_per_user=50
    )
    try:
        person = Person(server.url)
        project = person.post("/projects/", {"name": "soak"})["id"]
        stop = multiprocessing.Event()
        sent, failed = multiprocessing.Value("l"), multiprocessing.Value("l")
        work = [(log_runs, compressed, CLIENTS // PROCESSES)] * PROCESSES + [(look, compressed, VIEWERS)]
        people = [
            multiprocessing.Process(target=one, args=(server.port, person.token, project, *how, sent, failed, stop))
            for one, *how in work
        ]
        for process in people:
            process.start()
        samples = watch(server, seconds)
        stop.set()
        for process in people:
            process.join(60)
            failed.value += process.exitcode != 0
            process.kill()
        errors = server.log.count("Traceback") + server.log.count("database is locked")
    finally:
        server.close()
    lived = sent.value / CLIENTS * PACE / 3600
    return [
        Figure(
            f"20 live runs, compressed {compressed:.0f} times: hours of them", lived, "h", 0.95 * HOURS, at_least=True
        ),
        Figure("20 live runs: requests that failed, errors in the log", failed.value + errors, "", 0),
        *grown("memory (PSS of all processes)", "memory", samples, compressed, "MB", 5),
        *grown("threads", "threads", samples, compressed, "", 5),
        *grown("open files", "files", samples, compressed, "", 5),
        Figure("20 live runs: WAL, most", max(sample.wal for sample in samples), "MB", 64),
        *grown("WAL", "wal", samples, compressed, "MB")[::3],
        *grown("database", "database", samples, compressed, "MB", 5),
    ]


def grown(
    what: str, name: str, samples: list[Sample], compressed: float, unit: str, most: float | None = None
) -> list[Figure]:
    """By how many percent the last third is above the one before, where it came to, and the slope over both."""
    third = len(samples) // 3
    held = np.array([getattr(sample, name) for sample in samples[third:]], float)
    hours = np.array([sample.at for sample in samples[third:]]) * compressed / 3600
    before, after = np.median(held[:third]), np.median(held[third:])
    return [
        Figure(f"20 live runs: {what} grew by", max(0.0, 100 * (after / before - 1)), "%", most),
        Figure(f"20 live runs: {what}, median at the end", after, unit),
        Figure(f"20 live runs: {what}, most", held.max(), unit),
        Figure(f"20 live runs: {what}, slope", np.polyfit(hours, held, 1)[0], f"{unit}/h"),
    ]


def watch(server: Gunicorn, seconds: float) -> list[Sample]:
    """Look twice a second or more seldom, 200 times in all."""
    began, samples = time.monotonic(), []
    while (at := time.monotonic() - began) < seconds:
        samples.append(sample(server, at))
        if len(samples) % 20 == 0:
            print("\n" + str(samples[-1]), end="", flush=True)
        time.sleep(max(0.5, seconds / 200))
    return samples


def sample(server: Gunicorn, at: float) -> Sample:
    pids = servers(server.pid)
    return Sample(
        at=at,
        memory=memory(pids)["Pss"],
        threads=sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids),
        files=sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids),
        wal=(server.data_dir / "aimanager.db-wal").stat().st_size / 2**20,
        database=(server.data_dir / "aimanager.db").stat().st_size / 2**20,
    )


def log_runs(
    port: int, token: str, project: int, compressed: float, count: int, sent: Synchronized, failed: Synchronized, stop
) -> None:
    """Clients, each in a thread: a run after the other, and the oldest deleted."""
    http = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=count, block=True, retries=False)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(method: str, path: str, body: object = None) -> dict:
        answer = http.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
        if answer.status >= 300:
            print(method, path, answer.status, answer.data[:200], file=sys.stderr)
            with failed.get_lock():
                failed.value += 1
        return answer.json() if answer.data else {}

    def client(number: int) -> None:
        rng, runs = random.Random(number), []
        time.sleep(LENGTH / compressed * number / count)  # Not all of them begin and end together.
        due = time.monotonic()
        while not stop.is_set():
            runs.append(ask("POST", f"/runs/?project_id={project}", {"name": f"run {number}"})["id"])
            for step in range(int(LENGTH / PACE)):
                if stop.is_set():
                    return
                metrics = {f"train/{name}": rng.gauss(1, 0.1) for name in ("loss", "accuracy", "norm")}
                row = {"metrics": metrics | {"lr": 0.001 * step, "epoch": step // 100}, "step": step}
                ask("POST", f"/metrics/{runs[-1]}/batch", row)
                with sent.get_lock():
                    sent.value += 1
                due += PACE / compressed
                time.sleep(max(0.0, due - time.monotonic()))
            ask("PUT", f"/runs/{runs[-1]}", {"status": "completed"})
            if len(runs) > 2:
                ask("DELETE", f"/runs/{runs.pop(0)}")

    in_threads([lambda number=number: client(number) for number in range(count)], failed)


def look(
    port: int, token: str, project: int, compressed: float, count: int, sent: Synchronized, failed: Synchronized, stop
) -> None:
    """Viewers with sockets, each of a run for some minutes of the afternoon, and one who asks for everything."""
    http = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=count + 1, block=True, retries=False)
    header = {"Authorization": f"Bearer {token}"}

    def some_run() -> int:
        runs = http.request("GET", f"/runs/?project_id={project}&limit={CLIENTS}", headers=header).json()
        return random.choice(runs)["id"] if runs else 0

    def viewer() -> None:
        while not stop.wait(0.2):
            if not (run := some_run()):
                continue
            end = time.monotonic() + 300 / compressed
            with suppress(websocket.WebSocketException, OSError):  # The run may just be deleted.
                socket = websocket.create_connection(
                    f"ws://127.0.0.1:{port}/ws/{run}", header=header, timeout=2, suppress_origin=True
                )
                while time.monotonic() < end and not stop.is_set():
                    socket.recv()
                socket.close()

    def visitor() -> None:
        while not stop.wait(0.25):
            run = some_run()
            for path in (
                f"/metrics/{run}/chart?name=train/loss&points=1000",
                f"/metrics/{run}/summary",
                f"/metrics/{run}?limit=100",
                f"/app/projects/{project}",
                f"/app/runs/{run}",
            ):
                answer = http.request("GET", path, headers=header, redirect=False)
                if answer.status >= 500:
                    print(path, answer.status, file=sys.stderr)
                    with failed.get_lock():
                        failed.value += 1

    in_threads([viewer] * count + [visitor], failed)


def in_threads(works: list[Callable[[], None]], failed: Synchronized) -> None:
    """Run them all side by side; one that breaks down is counted."""

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            with failed.get_lock():
                failed.value += 1

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    from .figure import table

    print(table(soak(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)))
