"""A server that is away for a while under a script that logs a thousand steps a second: how soon everything is there after its return,
and the memory that the script takes meanwhile.

`python -m benchmarks.outage --seconds 600`
"""

from __future__ import annotations

import argparse
import time
from tempfile import TemporaryDirectory

from tests.live.people import Person
from tests.servers import Gunicorn

from .figure import Figure, table
from .steady import Script

SECONDS = 60.0
RATE = 1000  # Steps a second.
BEFORE, AFTER = 3.0, 120.0  # Seconds that the script logs before the outage, and at most after it.


def figures(seconds: float = SECONDS) -> list[Figure]:
    server = Gunicorn(rate_limits="")
    with TemporaryDirectory() as spools:
        try:
            return measure(server, spools, seconds)
        finally:
            server.close()


def measure(server: Gunicorn, spools: str, seconds: float) -> list[Figure]:
    script = Script(server.url, Person(server, "outage"), spools, RATE)
    with script:
        time.sleep(BEFORE)
        server.stop()
        time.sleep(seconds)
        server.start()
        caught_up = script.seconds_until(RATE * (BEFORE + seconds), AFTER)  # About what was logged until it came back.
        said = script.end()
    what = f"server away for {seconds:,.0f} s under {RATE:,} steps/s"
    return [
        Figure(f"{what}: all there after its return", caught_up, "s", 60),
        Figure(f"{what}: steps lost, doubled or out of order", script.wrong(), "", 0),
        Figure(f"{what}: memory above the start", said["memory"], "MB", 50),
        Figure(f"{what}: p99 of log()", said["p99"], "us", 200),
        Figure(f"{what}: the longest log()", said["longest"] / 1000, "ms"),
        Figure(f"{what}: steps in all", said["steps"]),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outage", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    print(table(figures(parser.parse_args().seconds)))
