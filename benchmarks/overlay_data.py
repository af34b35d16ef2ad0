"""What the server answers for charts of many runs: overlaid lines, groups, and another metric along x.

Each is the best of some requests over HTTP, as Flask and gunicorn answer it, compressed; beside it is what an endpoint
that does nothing takes behind the same gunicorn.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import urllib3

from tests.servers import Gunicorn

from .fanout import Person
from .figure import Figure
from .null import NullServer
from .run_page import post

TIMES = 9


def figures() -> list[Figure]:
    server, null = Gunicorn(rate_limits="", page_limits="", ingest_limits="", ingest_points=""), NullServer()
    try:
        person = Person(server.url)
        nothing, _ = fetched(person, null.url, {})
        figures = [Figure("an endpoint that does nothing", nothing, "ms")]
        for what, path, query, goal in _requests(person):
            took, size = fetched(person, f"{person.url}{path}", query)
            figures += [
                Figure(what, took, "ms", goal),
                Figure("the same, in times of the endpoint that does nothing", took / nothing, "x"),
                Figure("its bytes", size / 1e3, "kB"),
            ]
        return figures
    finally:
        server.close()
        null.close()


def _requests(person: Person) -> list[tuple[str, str, dict[str, object], float | None]]:
    few, many, long = filled(person, 20, 4, 2000), filled(person, 100, 12, 2000), filled(person, 100, 1, 100_000)
    overlay, groups = "/app/charts", "/app/charts/groups"
    return [
        ("20 runs x 4 metrics x 2,000 steps, 600 points", overlay, of(few, 4, points=600), 100),
        ("their first metric along x of the others", overlay, of(few, 4, points=600, x="metric:metric 0"), None),
        ("100 runs x 12 metrics x 2,000 steps, 300 points", overlay, of(many, 12, points=300), 1000),
        ("mean and band of 100 runs x 100,000 points", groups, group(long, points=600), 100),
        ("the same by time since start", groups, group(long, points=600, x="relative"), None),
        ("a tenth of it", groups, group(long, points=600, min=40_000, max=50_000), None),
    ]


def of(runs: Sequence[int], metrics: int, **window: object) -> dict[str, object]:
    return {"runs": ",".join(map(str, runs)), "name": [f"metric {i}" for i in range(metrics)], **window}


def group(runs: Sequence[int], **window: object) -> dict[str, object]:
    return {"groups": ",".join(map(str, runs)), "name": "metric 0", **window}


def filled(person: Person, runs: int, metrics: int, steps: int) -> list[int]:
    """Finished runs of metrics that fall and tremble."""
    random, at = np.random.default_rng(1), np.arange(steps)
    made = []
    for _ in range(runs):
        run = person.make_run()
        columns = {
            f"metric {i}": (2 * np.exp(-3 * at / steps) + 0.05 * random.normal(size=steps)).astype(np.float32)
            for i in range(metrics)
        }
        post(person, run, columns, at)
        body = {"status": "completed"}
        answer = person.http.request("PUT", f"{person.url}/runs/{run}", json=body, headers=person.headers())
        assert answer.status == 200, answer.data
        made.append(run)
    return made


def fetched(person: Person, url: str, query: dict[str, object]) -> tuple[float, int]:
    """Milliseconds until all is there, and its bytes."""
    http, took, size = urllib3.PoolManager(), [], 0
    pairs = [(key, item) for key, value in query.items() for item in (value if isinstance(value, list) else [value])]
    headers = person.headers() | {"Accept-Encoding": "gzip"}
    for _ in range(TIMES):
        begun = time.perf_counter()
        answer = http.request("GET", url, fields=pairs, headers=headers, decode_content=False)
        took.append(time.perf_counter() - begun)
        assert answer.status == 200, answer.data
        size = len(answer.data)
    return min(took) * 1e3, size
