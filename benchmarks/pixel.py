"""From the POST of a point to the frame that shows it: one chart, ten points a second, in Chromium."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.fanout import Person
from tests.conftest import CHROMIUM_FLAGS
from tests.servers import Gunicorn, find_program

from .figure import Figure

RATE, SECONDS = 10, 15

# Notes the newest step of each frame: Plotly has drawn, the browser has made a frame, and a task after it runs.
WATCH = """
() => {
  const chart = document.querySelector(".chart .canvas");
  window.drawn = [];
  chart.on("plotly_afterplot", () => {
    const newest = Math.max(...chart.data.map((trace) => trace.x[trace.x.length - 1]));
    requestAnimationFrame(() => setTimeout(() => window.drawn.push([newest, Date.now()])));
  });
}
"""


def figures() -> list[Figure]:
    server = Gunicorn(rate_limits="")
    try:
        person = Person(server.url)
        run = person.make_run()
        log(person, run, 0)
        with sync_playwright() as playwright:
            chromium: Path = find_program("chromium", "chromium")
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
            page = browser.new_page()
            open_run(page, server.url, run)
            waits, lost = follow(page, person, run)
            browser.close()
    finally:
        server.close()
    median, p95 = np.percentile(waits, (50, 95))
    return [
        Figure("POST to pixel, 10 points/s, median", median, "ms", 150),
        Figure("POST to pixel, p95", p95, "ms"),
        Figure("points that were never drawn", lost, "", 0),
    ]


def open_run(page: Page, url: str, run: int) -> None:
    """Log in by hand, open the run's page and wait until it is drawn and live."""
    page.goto(f"{url}/login?next=/settings")
    page.get_by_label("Username or email").fill("alice")
    page.get_by_label("Password", exact=True).fill("a long password")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/settings")
    page.goto(f"{url}/app/runs/{run}")
    page.wait_for_selector(".chart .canvas .main-svg")
    page.wait_for_selector("[data-live=on]")


def follow(page: Page, person: Person, run: int) -> tuple[list[float], int]:
    """Post points and see when each is drawn; milliseconds, and how many never were."""
    page.evaluate(WATCH)
    sent = {}
    began = time.monotonic()
    for step in range(1, RATE * SECONDS + 1):
        # Playwright evaluates nothing meanwhile: that would give the page work.
        time.sleep(max(0.0, began + step / RATE - time.monotonic()))
        sent[step] = 1000 * time.time()
        log(person, run, step)
    page.wait_for_timeout(2000)
    waits = []
    frames = page.evaluate("window.drawn")
    for step, at in sent.items():
        shown = [when for newest, when in frames if newest >= step]
        waits += [min(shown) - at] if shown else []
    return waits, len(sent) - len(waits)


def log(person: Person, run: int, step: int) -> None:
    person.post(f"/metrics/{run}", {"name": "loss", "value": 1 / (step + 1), "step": step})
