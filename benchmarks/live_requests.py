"""A training step that is posted as it happens, as a share of what Flask can answer at all.

The authenticated POST of five metrics, with limits counted and every commit on disk, against an endpoint that does
nothing behind the same gunicorn. Both get requests in turn, so that whatever else the machine does hits both.
"""

from __future__ import annotations

import json
from statistics import median

from benchmarks.fanout import Person
from tests.servers import Gunicorn

from . import load
from .figure import Figure
from .null import NullServer

ROUNDS, SECONDS = 3, 3
BODY = json.dumps({"metrics": {"loss": 0.5, "accuracy": 0.75, "lr": 0.001, "gradient": 2.5, "epoch": 1}, "step": 3})


def figures() -> list[Figure]:
    server, null = Gunicorn(rate_limits="1000000000/minute"), NullServer()
    try:
        person = Person(server.url)
        url = f"{server.url}/metrics/{person.make_run()}/batch"
        load.post(url, BODY, person.token, 4, 1)
        return [figure for connections in (16, 32) for figure in compare(url, null.url, person.token, connections)]
    finally:
        null.close()
        server.close()


def compare(url: str, null: str, token: str, connections: int) -> list[Figure]:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(load.post(null, BODY, token, connections, SECONDS))
        ours.append(load.post(url, BODY, token, connections, SECONDS))
    share = median(100 * our.per_second / their.per_second for our, their in zip(ours, theirs, strict=True))
    what = f"batch of 5 metrics, {connections} connections"
    return [
        Figure(f"{what}: share of a null endpoint", share, "%", 45, at_least=True),
        Figure(f"{what}: requests", median(one.per_second for one in ours), "/s"),
        Figure(f"{what}: null endpoint", median(one.per_second for one in theirs), "/s"),
        Figure(f"{what}: p99", median(one.p99 for one in ours), "ms"),
        Figure(f"{what}: failed", sum(one.failed for one in ours + theirs), "", 0),
    ]
