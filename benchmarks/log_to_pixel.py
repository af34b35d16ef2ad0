"""From `run.log()` with default settings, in a process of its own: to the frame that shows the point while the run's page is open, and
to readable by REST while nobody looks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from playwright.sync_api import sync_playwright

from tests.conftest import CHROMIUM_FLAGS
from tests.live.people import Person
from tests.servers import Gunicorn, find_program
from tests.waiting import becomes

from .figure import Figure
from .pixel import WATCH, open_run

POINTS = 60
LATEST = 10.0  # Seconds in which a point must be there.

# Logs a point for each line that it reads, and says when.
SCRIPT = """
import sys, time
from ai_manager import AIManager
run = AIManager("log to pixel", sys.argv[1], api_key=sys.argv[2]).run()
print(run.id, flush=True)
for line in sys.stdin:
    began = time.time()
    run.log({"loss": 1 / (int(line) + 1)}, step=int(line))
    print(began, flush=True)
run.finish()
"""


class Script:
    """A training in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.run = int(self._answer())

    def log(self, step: int) -> float:
        """Log a point, and when that was, in seconds since 1970."""
        assert self._process.stdin
        print(step, file=self._process.stdin, flush=True)
        return float(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


def figures() -> list[Figure]:
    server = Gunicorn(rate_limits="")
    try:
        person = Person(server, "alice")
        readable = until_readable(person)
        drawn, never = until_drawn(person)
    finally:
        server.close()
    return [
        Figure("log() to pixel, default settings, median", float(np.median(drawn)), "ms", 500),
        Figure("log() to pixel, p95", float(np.percentile(drawn, 95)), "ms"),
        Figure("logged points that were never drawn", never, "", 0),
        Figure("log() to readable by REST while nobody looks, median", float(np.median(readable)), "ms", 350),
        Figure("log() to readable by REST, p95", float(np.percentile(readable, 95)), "ms"),
    ]


@contextmanager
def training(person: Person) -> Iterator[Script]:
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, person.server.url, person.token],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=os.environ | {"AI_MANAGER_SPOOL_DIR": folder},
        )
        try:
            yield Script(process)
            process.communicate()
        finally:
            process.kill()


def until_readable(person: Person) -> list[float]:
    """Milliseconds from `log()` until the summary has the step, at moments that fit to no pause."""
    waits = []
    with training(person) as script:

        def is_there(step: int) -> bool:
            summary = person.ask("GET", f"/metrics/{script.run}/summary")[1]
            return any(row["name"] == "loss" and row["total_points"] > step for row in summary)

        for step in range(POINTS // 2):
            time.sleep(0.05 + 0.617 * step % 0.5)
            logged = script.log(step)
            assert becomes(lambda step=step: is_there(step), LATEST, every=0.005), (
                f"step {step} did not become readable"
            )
            waits.append(1000 * (time.time() - logged))
    return waits


def until_drawn(person: Person) -> tuple[list[float], int]:
    """Milliseconds from `log()` to the first frame that shows the point, at about seven points a second; and how many never were shown."""
    with training(person) as script, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_program("chromium", "chromium"), args=CHROMIUM_FLAGS)
        logged = {0: script.log(0)}
        page = browser.new_page()
        open_run(page, person.server.url, script.run)
        page.evaluate(WATCH)
        for step in range(1, POINTS + 1):
            # Playwright evaluates nothing meanwhile: that would give the page work.
            time.sleep(0.05 + 0.617 * step % 0.2)
            logged[step] = script.log(step)
        becomes(lambda: any(newest >= POINTS for newest, _ in page.evaluate("window.drawn")), LATEST, every=0.5)
        frames = page.evaluate("window.drawn")
        browser.close()
    del logged[0]
    waits = []
    for step, at in logged.items():
        shown = [when for newest, when in frames if newest >= step]
        waits += [min(shown) - 1000 * at] if shown else []
    return waits, len(logged) - len(waits)
