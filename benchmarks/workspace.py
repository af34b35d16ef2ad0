"""The dashboard in Chromium: tables, overlays and single runs, each opened cold in a new window, median of some.

"Drawn" is when every chart on the screen has its lines and the browser has made a frame of it, from the start of the
navigation.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.fanout import Person
from tests.conftest import CHROMIUM_FLAGS
from tests.servers import ROOT, Gunicorn, find_program

from .figure import Figure

TIMES = 3
NAME, PASSWORD = "alice", "a long password"  # noqa: S105  As `Person` chooses them.

# Notes when the first chart and when every chart on the screen has been drawn, when the table has its rows, and tasks that
# held up the page. It looks once a frame: to ask for places after each change would make the browser lay out the page again.
WATCH = """
(() => {
  window.stalls = [];
  new PerformanceObserver((list) => list.getEntries().forEach((task) => stalls.push(task.duration))).observe({ type: "longtask", buffered: true });
  const once = (name, holds) => {
    let asked = false;
    const look = () => {
      asked = false;
      if (!holds()) return;
      observer.disconnect();
      setTimeout(() => (window[name] = performance.now()));
    };
    const observer = new MutationObserver(() => {
      if (!asked) requestAnimationFrame(look);
      asked = true;
    });
    observer.observe(document, { childList: true, subtree: true, attributes: true });
  };
  const isDrawn = (chart) => chart.querySelector(".surface");
  const isAnyDrawn = () => isDrawn(document.getElementById("charts") ?? document);
  // They stand in the order of the page: what is below the first that is under the screen need not be asked.
  const onScreen = () => {
    const found = [];
    for (const chart of document.querySelectorAll("#charts .chart")) {
      const { top, bottom, width } = chart.getBoundingClientRect();
      if (width > 0 && top >= innerHeight) break;
      if (width > 0 && bottom > 0) found.push(chart);
    }
    return found;
  };
  once("firstAt", isAnyDrawn);
  once("drawnAt", () => isAnyDrawn() && onScreen().every(isDrawn));
  once("usableAt", () => document.querySelectorAll("#runs tbody tr").length > 1 && document.readyState === "complete");
})();
"""
SCROLL = """async () => {
  stalls.length = 0;
  for (let y = 0; y < 12000; y += 60) {
    scrollTo(0, y);
    await new Promise(requestAnimationFrame);
  }
  await new Promise((done) => setTimeout(done, 500));
  return Math.max(0, ...stalls);
}"""

# A wheel that turns fast: 300 steps of four rows. The times between the frames.
SCROLL_ROWS = """async () => {
  const scroller = document.getElementById("scroller");
  const frames = [];
  let last = performance.now();
  for (let step = 0; step < 300; step += 1) {
    scroller.scrollTop += 128;
    const now = await new Promise(requestAnimationFrame).then(() => performance.now());
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""


def figures() -> list[Figure]:
    with _chromium() as browser:
        return [*_small(browser), *_large(browser), *_hundred(browser)]


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_program("chromium", "chromium"), args=CHROMIUM_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Site:
    """A server with one account, whose session every window begins with."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.server = Gunicorn(rate_limits="", page_limits="", ingest_limits="", ingest_points="", durability="fast")
        self.person = Person(self.server.url)
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{self.server.url}/login")
        page.get_by_label("Username or email").fill(NAME)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        self.session = context.storage_state()
        context.close()

    def seed(self, runs: int, metrics: int, points: int) -> None:
        """The next project."""
        env = os.environ | {"AI_MANAGER_DATA_DIR": str(self.server.data_dir), "AI_MANAGER_DURABILITY": "fast"}
        words = ["--runs", runs, "--metrics", metrics, "--points", points, "--user", NAME]
        program = Path(sys.executable).with_name("aimanager")
        command = [str(program), "seed", *map(str, words)]
        subprocess.run(command, env=env, check=True, cwd=ROOT, capture_output=True)

    def window(self, height: int = 900) -> BrowserContext:
        """A new window with an empty cache."""
        context = self.browser.new_context(viewport={"width": 1440, "height": height}, storage_state=self.session)
        context.add_init_script(WATCH)
        return context

    def cold(self, path: str, what: str = "drawnAt", height: int = 900) -> float:
        """Milliseconds from the start of the navigation, the median of some windows."""
        times = []
        for _ in range(TIMES):
            with self.opened(path, what, height) as page:
                times.append(page.evaluate(f"window.{what}"))
        return median(times)

    @contextmanager
    def opened(self, path: str, what: str = "drawnAt", height: int = 900) -> Iterator[Page]:
        context = self.window(height)
        page = context.new_page()
        page.goto(self.server.url + path, wait_until="commit")
        page.wait_for_function(f"() => window.{what}", timeout=60_000)
        yield page
        context.close()


@contextmanager
def _site(browser: Browser) -> Iterator[Site]:
    site = Site(browser)
    try:
        yield site
    finally:
        site.server.close()


def _small(browser: Browser) -> list[Figure]:
    """20 runs of 4 metrics and 2,000 steps, as the peers in docs/performance.md were measured."""
    with _site(browser) as site:
        site.seed(20, 4, 2000)
        table = site.cold("/app/projects/1?layout=table", "usableAt")
        run, overlay = site.cold("/app/runs/20"), site.cold("/app/projects/1?layout=charts&drawn=20")
        requests, bytes_ = _before_charts(site, "/app/projects/1?layout=table")
    return [
        Figure("20 runs x 4 metrics x 2,000 steps: table usable, cold", table, "ms", 400),
        Figure("the same: a run's charts drawn, cold", run, "ms", 600),
        Figure("the same: 20 runs overlaid, cold", overlay, "ms", 1000),
        Figure("requests before charts, cold", requests, "", 20),
        Figure("HTML, CSS and own scripts before charts, compressed", bytes_ / 1e3, "kB", 80),
    ]


def _before_charts(site: Site, path: str) -> tuple[int, float]:
    """How many requests a page takes, and what comes over the wire, but for Plotly."""
    sizes: list[float] = []

    def note(request: Any) -> None:
        if "plotly" not in request.url and request.url.startswith("http"):
            sizes.append(request.sizes()["responseBodySize"])

    context = site.window()
    page = context.new_page()
    page.on("requestfinished", note)
    page.goto(site.server.url + path, wait_until="networkidle")
    context.close()
    return len(sizes), sum(sizes)


def _large(browser: Browser) -> list[Figure]:
    """10,000 runs of 50 metrics, and one of 1,000 metrics with 10,000 points each."""
    with _site(browser) as site:
        site.seed(10_000, 50, 20)
        site.seed(1, 1000, 10_000)
        project = "/app/projects/1"
        with site.opened(project) as page:
            first_paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        usable, drawn = site.cold(project, "usableAt"), site.cold(project)
        with site.opened(project) as page:
            changes = [_applied(page, site, f"{project}?{query}") for query in CHANGES]
        with site.opened(f"{project}?layout=table", "usableAt") as page:
            frames = page.evaluate(SCROLL_ROWS)
        first, screen = site.cold("/app/runs/10001", "firstAt"), site.cold("/app/runs/10001")
        with site.opened("/app/runs/10001") as page:
            stall = page.evaluate(SCROLL)
    return [
        Figure("project of 10,000 runs x 50 metrics: first paint, cold", first_paint, "ms", 500),
        Figure("the same: table usable, cold", usable, "ms", 800),
        Figure("the same: 10 runs overlaid, cold", drawn, "ms", 1500),
        *(
            Figure(f"the same: {what} applied", took, "ms", 300)
            for what, took in zip(CHANGES.values(), changes, strict=True)
        ),
        Figure("the same: longest of 300 frames while its rows are scrolled", max(frames), "ms", 100),
        Figure("the same: frames over 50 ms among them", sum(frame > 50 for frame in frames)),
        Figure("run of 1,000 metrics x 10,000 points: first chart, cold", first, "ms", 800),
        Figure("the same: all charts on the screen, cold", screen, "ms"),
        Figure("the same: longest stall while scrolling", stall, "ms", 100),
    ]


CHANGES = {
    "sort=metrics.val/loss.min": "order by a metric",
    "q=config.optimizer.lr+%3D+0.001": "filter by a config key",
    "group=config.model.name": "group by a config key",
}


def _applied(page: Page, site: Site, address: str) -> float:
    """From the request, made as htmx makes it, to the frame that shows the new rows; the best of some."""
    work = """async (address) => {
      const before = performance.now();
      const settled = new Promise((done) => document.addEventListener("htmx:after:settle", done, { once: true }));
      htmx.ajax("GET", address, { target: "#runs", swap: "outerMorph" });
      await settled;
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      return performance.now() - before;
    }"""
    return min(page.evaluate(work, site.server.url + address) for _ in range(TIMES))


def _hundred(browser: Browser) -> list[Figure]:
    """100 runs of 12 metrics, overlaid and compared."""
    with _site(browser) as site:
        site.seed(100, 12, 1000)
        runs = list(map(str, range(1, 101)))
        overlay = site.cold("/app/projects/1?layout=charts&drawn=100")
        with site.opened("/app/projects/1?layout=charts&drawn=100") as page:
            heap = _heap(page)
        # So high that charts are on the screen, which stand below the table.
        hundred, twenty = (site.cold(f"/app/compare?runs={','.join(runs[:count])}", height=2400) for count in (100, 20))
    return [
        Figure("100 runs x 12 charts overlaid, cold", overlay, "ms", 2500),
        Figure("the same: heap of the page", heap / 1e6, "MB", 100),
        Figure("compare page of 100 runs, cold", hundred, "ms", 2500),
        Figure("compare page of 20 runs, cold", twenty, "ms", 1000),
    ]


def _heap(page: Page) -> float:
    """Bytes in use after a collection, once all charts were on the screen."""
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_load_state("networkidle")
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return session.send("Runtime.getHeapUsage")["usedSize"]
