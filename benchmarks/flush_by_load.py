"""Two thousand scripts that obey `flush_after_ms`, on one server, with somebody who looks at lists beside them.

The scripts are coroutines of one process and draw on the default ingest budgets of twenty users.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

from tests.live.people import Person
from tests.servers import Gunicorn

from .figure import Figure

USERS, SCRIPTS = 20, 2000
RAMP, SECONDS = 15.0, 45.0


@dataclass
class Measured:
    """Milliseconds of answers to posts and to lists, and how often each status came."""

    posts: list[float] = field(default_factory=list)
    lists: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    pauses: list[int] = field(default_factory=list)


def figures() -> list[Figure]:
    server = Gunicorn(rate_limits="1000000000/minute", page_limits="1000000000/minute")
    try:
        people = [Person(server, f"user{number}") for number in range(USERS)]
        projects = [person.project() for person in people]
        runs = [
            (people[number % USERS].token, people[number % USERS].run(projects[number % USERS]))
            for number in range(SCRIPTS)
        ]
        looker = Person(server, "looker")
        looker.run()
        measured = asyncio.run(everybody(server.url, runs, looker.token))
    finally:
        server.close()
    refused = sum(count for status, count in measured.statuses.items() if status != 200)
    what = f"{SCRIPTS:,} scripts that obey"
    return [
        Figure(f"{what}: answers that are not 200", refused, "", 0),
        Figure(f"{what}: posts", len(measured.posts) / (RAMP + SECONDS), "/s"),
        Figure(f"{what}: p99 of a post", quantiles(measured.posts, n=100)[98], "ms", 500),
        Figure(f"{what}: p95 of another user's list", quantiles(measured.lists, n=20)[18], "ms", 100),
        Figure(f"{what}: advised pause, median at the end", median(measured.pauses[-500:]), "ms"),
    ]


async def everybody(url: str, runs: list[tuple[str, int]], looker: str) -> Measured:
    measured, end = Measured(), time.monotonic() + RAMP + SECONDS
    scripts = [
        script(url, token, run, RAMP * number / len(runs), end, measured) for number, (token, run) in enumerate(runs)
    ]
    await asyncio.gather(*scripts, look(url, looker, end, measured))
    return measured


async def script(url: str, token: str, run: int, starts_in: float, end: float, measured: Measured) -> None:
    """Send a batch of ten points, and the next one when it is wanted."""
    await asyncio.sleep(starts_in)
    connection = Connection(url, token)
    seq = 0
    while time.monotonic() < end:
        seq += 1
        series = {"loss": {"steps": list(range(10 * seq, 10 * seq + 10)), "values": [0.5] * 10}}
        body = {"client": f"script-{run}", "seq": seq, "series": series}
        began = time.perf_counter()
        status, answer = await connection.ask("POST", f"/metrics/{run}/bulk", body)
        measured.posts.append(1000 * (time.perf_counter() - began))
        measured.statuses[status] += 1
        if status != 200:
            break
        measured.pauses.append(answer["flush_after_ms"])
        await asyncio.sleep(min(answer["flush_after_ms"] / 1000, max(0.0, end - time.monotonic())))
    connection.close()


async def look(url: str, token: str, end: float, measured: Measured) -> None:
    connection = Connection(url, token)
    while time.monotonic() < end:
        began = time.perf_counter()
        status, _ = await connection.ask("GET", "/runs/")
        measured.lists.append(1000 * (time.perf_counter() - began))
        measured.statuses[status] += 1
        await asyncio.sleep(0.25)
    connection.close()


class Connection:
    """HTTP of one client to one server, as little of it as costs the generator nothing."""

    def __init__(self, url: str, token: str) -> None:
        self._place, self._token = urlsplit(url), token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and the JSON of the answer; 0 when the connection broke. One that was closed in a pause is opened again."""
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._place.netloc}\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        for last in (self._streams is None, True):
            try:
                return await self._exchange(head.encode() + content)
            except (OSError, asyncio.IncompleteReadError):
                self.close()
                if last:
                    break
        return 0, None

    async def _exchange(self, request: bytes) -> tuple[int, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._place.hostname, self._place.port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        content = await reader.readexactly(length)
        if "connection: close" in head:
            self.close()
        return int(head.split(" ", 2)[1]), json.loads(content)

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None
