"""A slow network, and one that is slow and breaks every few seconds: what logging costs, and whether everything arrives."""

from __future__ import annotations

import threading
from tempfile import TemporaryDirectory

from tests.live.people import Person
from tests.network import Link
from tests.servers import Gunicorn

from .figure import Figure
from .steady import Script

SECONDS, AFTER = 30.0, 120.0  # That the script logs, and at most until all of it has arrived.
DELAY = 0.15  # Seconds each way.


def figures() -> list[Figure]:
    server = Gunicorn(rate_limits="")
    try:
        person = Person(server, "afar")
        return [
            *measure(server, person, bytes_per_second=64_000, steps_per_second=1000, cut_every=None),
            *measure(server, person, bytes_per_second=64_000, steps_per_second=1000, cut_every=None, away=20.0),
            *measure(server, person, bytes_per_second=10_000, steps_per_second=100, cut_every=None, away=60.0),
            *measure(server, person, bytes_per_second=10_000, steps_per_second=100, cut_every=5.0),
        ]
    finally:
        server.close()


def measure(
    server: Gunicorn,
    person: Person,
    bytes_per_second: int,
    steps_per_second: int,
    cut_every: float | None,
    away: float = 0.0,
) -> list[Figure]:
    link, is_over = Link(server.port, bytes_per_second, DELAY), threading.Event()

    def cut() -> None:
        while not is_over.wait(cut_every):
            link.cut()

    breaking = threading.Thread(target=cut)
    with TemporaryDirectory() as spools, Script(link.url, person, spools, steps_per_second) as script:
        if cut_every:
            breaking.start()
        try:
            if away:
                link.refuse()
                is_over.wait(away)
                link.open()
            is_over.wait(SECONDS)
            late = script.seconds_until(steps_per_second * (SECONDS + away), AFTER)
            said = script.end()
        finally:
            is_over.set()
            if cut_every:
                breaking.join()
            link.close()
    what = f"{bytes_per_second // 1000} kB/s, {2000 * DELAY:.0f} ms" + (
        f", cut every {cut_every:.0f} s" if cut_every else ""
    )
    return [
        Figure(f"{what}: p99 of log() at {steps_per_second:,} steps/s", said["p99"], "us", 200),
        Figure(f"{what}: the longest log()", said["longest"] / 1000, "ms"),
        Figure(f"{what}: memory above the start", said["memory"], "MB", 50),
        Figure(f"{what}: steps lost, doubled or out of order", script.wrong(), "", 0),
        Figure(f"{what}: all there that was logged until then", late, "s", 60),
    ]
