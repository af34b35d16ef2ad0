"""What a person waits for a change of a run while four clients log as fast as they can."""

from __future__ import annotations

import json
import multiprocessing
import time

import numpy as np
import urllib3

from benchmarks.fanout import Person
from tests.servers import Gunicorn

from .figure import Figure

CLIENTS, POINTS, SECONDS = 4, 1000, 8


def figures() -> list[Figure]:
    server = Gunicorn(rate_limits="", ingest_limits="", ingest_points="")
    try:
        person = Person(server.url)
        run = person.make_run()
        stop = multiprocessing.Event()
        sent = multiprocessing.Array("l", CLIENTS)
        clients = [
            multiprocessing.Process(target=ingest, args=(server.url, run, person.token, number, sent, stop))
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        time.sleep(1)
        waits, failed = change(person, run)
        stop.set()
        for client in clients:
            client.join()
        locked = server.log.count("database is locked")
    finally:
        server.close()
    failed += sum(client.exitcode != 0 for client in clients)
    p50, p95 = np.percentile(waits, (50, 95))
    return [
        Figure("PUT /runs/{id} beside 4 ingesting clients, p95", p95, "ms", 50),
        Figure("PUT /runs/{id} beside 4 ingesting clients, median", p50, "ms"),
        Figure("points of those clients meanwhile", sum(sent) / (SECONDS + 1), "/s"),
        Figure("requests that failed, or met a locked database", failed + locked, "", 0),
    ]


def change(person: Person, run: int) -> tuple[list[float], int]:
    """Rename a run again and again; what each answer took in milliseconds, and how many were no success."""
    waits, failed, end = [], 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        body = json.dumps({"name": f"renamed {len(waits)} times"})
        began = time.monotonic()
        answer = person.http.request("PUT", f"{person.url}/runs/{run}", body=body, headers=person.headers())
        waits.append(1000 * (time.monotonic() - began))
        failed += answer.status != 200
        time.sleep(0.02)
    return waits, failed


def ingest(url: str, run: int, token: str, number: int, sent, stop) -> None:
    """Log columns of a metric of its own until told to stop; in a process of its own."""
    http = urllib3.PoolManager(retries=False)
    values = np.random.default_rng(number).random(POINTS).round(6).tolist()
    body = json.dumps({"series": {f"client-{number}/loss": {"values": values}}})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    while not stop.is_set():
        answer = http.request("POST", f"{url}/metrics/{run}/bulk", body=body, headers=headers)
        assert answer.status == 200, answer.data
        sent[number] += POINTS
