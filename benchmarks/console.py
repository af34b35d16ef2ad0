"""100 MB of console output of one run: how fast it comes in, what it takes on disk, and how fast any of it is there again."""

from __future__ import annotations

import gzip
import json
import random
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from aimanager import create_app
from aimanager.config import Settings
from aimanager.extensions import db
from aimanager.store.console import Only
from aimanager.store.console_tables import console_chunk
from benchmarks.fanout import Person
from tests.servers import Gunicorn

from .figure import Figure, best

SIZE, BATCH, PIECE = 100 << 20, 5_000, 500
QUERY = {"common": "epoch 3 batch", "rare": "worker 7 ended", "none": "no such text anywhere"}


def figures() -> list[Figure]:
    with TemporaryDirectory() as folder:
        return list(_measured(Path(folder)))


def _measured(folder: Path) -> Iterator[Figure]:
    server = Gunicorn(data_dir=folder, rate_limits="", ingest_limits="", page_limits="")
    try:
        person = Person(server.url)
        run = person.make_run()
        waits, lines = _sent(person, run, _bodies())
        yield Figure(
            "console output in over HTTP, each line by itself", SIZE / sum(waits) / 1e6, "MB/s", 15, at_least=True
        )
        yield Figure(f"a request of {BATCH} lines, the slowest", max(waits) * 1e3, "ms")
        yield Figure("lines", lines)
        waits, _ = _sent(person, person.make_run(), _bodies(as_pieces=True), {"Content-Encoding": "gzip"})
        yield Figure("the same as the Python client sends it", SIZE / sum(waits) / 1e6, "MB/s", 15, at_least=True)

        def get(path: str) -> dict:
            answer = person.http.request("GET", f"{person.url}/app/runs/{run}/logs{path}", headers=person.headers())
            assert answer.status == 200, answer.data  # noqa: S101
            return json.loads(answer.data)

        for where, path in {
            "the end": f"?before={lines + 1}",
            "the beginning": "?after=0",
            "the middle": f"?after={lines // 2}",
        }.items():
            yield Figure(f"200 lines at {where}, as HTML", best(lambda path=path: get(path), 10), "ms", 50)
        for kind, text in QUERY.items():
            yield Figure(
                f"search of all of it: {kind}", best(lambda text=text: _search(get, text, lines), 3), "ms", 2000
            )
            look = best(lambda text=text: get(f"/hits?q={text.replace(' ', '%20')}&before={lines + 1}"), 5)
            yield Figure(f"the first look of a search: {kind}", look, "ms", 300)
    finally:
        server.close()
    yield from _stored(folder, run)


def _sent(
    person: Person, run: int, bodies: Iterator[bytes], more: dict[str, str] | None = None
) -> tuple[list[float], int]:
    """Send requests one after another: how long each took, in seconds, and the number of the last line."""
    waits, lines = [], 0
    headers = person.headers() | {"Content-Type": "application/json"} | (more or {})
    for seq, body in enumerate(bodies, 1):
        body = body.replace(b"SEQ", str(seq).encode(), 1)
        body = gzip.compress(body, 1) if more else body
        began = time.monotonic()
        answer = person.http.request("POST", f"{person.url}/runs/{run}/logs", body=body, headers=headers)
        waits.append(time.monotonic() - began)
        assert answer.status == 200, answer.data  # noqa: S101
        lines = json.loads(answer.data)["last_line"]
    return waits, lines


def _stored(folder: Path, run: int) -> Iterator[Figure]:
    """What it takes on disk, and what reading all of it adds to a process's memory."""
    app = create_app(Settings(data_dir=folder))
    with app.app_context():
        c = console_chunk.c
        body, text = db.session.execute(sa.select(sa.func.sum(sa.func.length(c.body)), sa.func.sum(c.size))).one()
        yield Figure("on disk, of 100 MB", body / text * 100, "MB", 25)
        console = app.extensions["aimanager"].console
        before, last = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
        while (hits := console.hits(run, Only(text="no such text"), after=last)).last > last:
            last = hits.last
        yield Figure(
            "memory that a search of all of it adds",
            (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
            "MB",
            30,
        )
        db.session.remove()
        db.engine.dispose()
    app.extensions["aimanager"].close()


def _search(get, text: str, lines: int) -> int:
    """All hits, look by look, as the page does."""
    found, before = 0, lines + 1
    while before > 1:
        look = get(f"/hits?q={text.replace(' ', '%20')}&before={before}")
        found, before = found + len(look["lines"]), look["first"]
    return found


def _bodies(as_pieces: bool = False) -> Iterator[bytes]:
    """Requests with what a training prints, until there is enough; `SEQ` stands for their number. As pieces, what was
    printed one after another is one text of many lines."""
    chance, size, number, now = random.Random(8), 0, 0, 1_700_000_000.0
    while size < SIZE:
        lines = []
        for _ in range(BATCH):
            number, now = number + 1, now + chance.random() / 100
            text = _line(chance, number)
            size += len(text) + 1
            lines.append(
                {"stream": "stderr" if number % 50 == 0 else "stdout", "time": now, "text": text, "rank": number % 8}
            )
        if as_pieces:
            lines = [
                {
                    "stream": "stdout",
                    "time": lines[at]["time"],
                    "text": "\n".join(line["text"] for line in lines[at : at + PIECE]),
                }
                for at in range(0, BATCH, PIECE)
            ]
        yield b'{"client": "benchmark", "seq": SEQ, "lines": ' + json.dumps(lines).encode() + b"}"


def _line(chance: random.Random, number: int) -> str:
    if number % 200_000 == 7:
        return "\x1b[31mworker 7 ended\x1b[0m with code 1"
    if number % 20 == 0:
        return f"\x1b[32m[{number}]\x1b[0m val/accuracy {chance.random():.6f} saved to checkpoints/step-{number}.pt"
    return f"[rank{number % 8}] epoch {number // 20_000} batch {number % 20_000} loss {chance.random():.5f} grad_norm {chance.random() * 9:.4f} lr 3.0e-4 {chance.randrange(900, 1400)} tokens/s"
