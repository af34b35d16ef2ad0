"""Twenty live runs in one workspace, in Chromium: from the POST of each point to the frame that shows it, the page's memory, and how
busy its main thread is. One point in a hundred is a spike, and at the end each point must be seen: on its line, or within the band of
the stretch that it is in. `python -m benchmarks.live_workspace [runs] [points per second] [seconds] [metrics]`"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from playwright.sync_api import CDPSession, Page, sync_playwright

from tests.conftest import CHROMIUM_FLAGS
from tests.live.drawn import hidden
from tests.live.people import NO_LIMITS, Person
from tests.servers import Gunicorn, find_program
from tests.waiting import becomes

from .figure import Figure

RUNS, RATE, SECONDS = 20, 10.0, 300.0
PULSE = 20  # Seconds between two looks at the memory.
METRICS = ["loss", "accuracy", "rate", "norm"]  # Each is a chart; the first is measured.
LATEST = 60  # Seconds after the last POST in which all must be drawn.

# Notes the newest step of each run in each frame: Plotly has drawn, the browser has made a frame, and a task after it runs. Lines
# that look alike share a trace, with a gap between them; a run is known by the whole part of its values.
WATCH = """
() => {
  const chart = document.querySelector(".chart[data-name=loss] .canvas");
  window.drawn = [];
  chart.on("plotly_afterplot", () => {
    const newest = {};
    for (const { x, y, meta } of chart.data) {
      if (meta?.kind !== "line") continue;
      for (let at = x.length - 1; at >= 0; at--) {
        if (Number.isFinite(y[at]) && !Number.isFinite(y[at + 1])) newest[Math.floor(y[at])] = x[at];
      }
    }
    requestAnimationFrame(() => setTimeout(() => window.drawn.push([Date.now(), newest])));
  });
}
"""


def figures(runs: int = RUNS, rate: float = RATE, seconds: float = SECONDS, metrics: int = 1) -> list[Figure]:
    server = Gunicorn(**NO_LIMITS)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_program("chromium", "chromium"), args=CHROMIUM_FLAGS
            )
            try:
                return _measure(server, browser.new_page(), runs, rate, seconds, METRICS[:metrics])
            finally:
                browser.close()
    finally:
        server.close()


def _measure(server: Gunicorn, page: Page, runs: int, rate: float, seconds: float, metrics: list[str]) -> list[Figure]:
    person = Person(server, "alice")
    project = person.project()
    ids = [person.run(project) for _ in range(runs)]
    for place, run in enumerate(ids):
        person.post(f"/metrics/{run}/bulk", {"series": {metric: {"values": [place + 0.5]} for metric in metrics}})
    _open(page, person, f"{server.url}/app/projects/{project}?drawn=25")
    page.evaluate(WATCH)
    chromium = page.context.new_cdp_session(page)
    chromium.send("Performance.enable")
    before, began = _usage(chromium), time.monotonic()
    heaps = [_heap(chromium)]
    sent = _write(person, ids, rate, seconds, metrics, lambda: heaps.append(_heap(chromium)))
    took, after = time.monotonic() - began, _usage(chromium)
    points = {point: _value(*point) for point in sent}
    becomes(lambda: not hidden(page, "loss", points), LATEST, every=1)
    never = hidden(page, "loss", points)
    waits = _waits(sent, page.evaluate("window.drawn"))
    page.evaluate("window.drawn = []")
    median, p95 = np.percentile(waits, (50, 95))
    half = len(heaps) // 2
    return [
        Figure(f"{runs} live runs, POST to pixel, median", median, "ms", 400),
        Figure("POST to pixel, p95", p95, "ms"),
        Figure("points that are not drawn at the end", len(never), "", 0),
        Figure("main thread, part of the time", 100 * (after[0] - before[0]) / took, "%", 50),
        Figure("main thread, CPU", 100 * (after[1] - before[1]) / took, "%"),
        Figure("heap at the start, collected", heaps[0] / 1e6, "MB"),
        Figure("heap in the first half, collected, at most", max(heaps[: half + 1]) / 1e6, "MB"),
        Figure("heap in the second half, collected, at most", max(heaps[half:]) / 1e6, "MB"),
        Figure("heap at the end, collected", _heap(chromium) / 1e6, "MB"),
    ]


def _value(place: int, step: int) -> float:
    """Its whole part is the place of the run."""
    return place + (0.9 if step % 100 == 5 * place % 100 else 0.1 + 0.4 / step)


def _open(page: Page, person: Person, address: str) -> None:
    page.goto(f"{person.server.url}/login?next=/settings")
    page.get_by_label("Username or email").fill(person.name)
    page.get_by_label("Password", exact=True).fill("a long password")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{person.server.url}/settings")
    page.goto(address)
    page.wait_for_selector(".chart .surface", timeout=60_000)
    page.wait_for_selector("[data-live=on]")


def _write(
    person: Person, ids: list[int], rate: float, seconds: float, metrics: list[str], look: Callable[[], None]
) -> dict[tuple[int, int], float]:
    """When each point was posted, by place of the run and step, in milliseconds since 1970; `look` is called now and then."""
    sent: dict[tuple[int, int], float] = {}

    def write(place: int, run: int) -> None:
        began = time.monotonic() + place / rate / len(ids)
        for step in range(1, int(rate * seconds) + 1):
            time.sleep(max(0.0, began + step / rate - time.monotonic()))
            sent[place, step] = 1000 * time.time()
            column = {"steps": [step], "values": [_value(place, step)]}
            person.post(f"/metrics/{run}/bulk", {"series": dict.fromkeys(metrics, column)})

    writers = [threading.Thread(target=write, args=one) for one in enumerate(ids)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        writers[-1].join(PULSE)
        look()
    return sent


def _waits(sent: dict[tuple[int, int], float], frames: list[tuple[float, dict[str, float]]]) -> list[float]:
    """Milliseconds until the first frame in which a run's line reaches the point."""
    waits = []
    for place in {place for place, _ in sent}:
        line = [(at, newest[str(place)]) for at, newest in frames if str(place) in newest]
        reached = np.maximum.accumulate([step for _, step in line] or [0])
        for step, posted in ((step, posted) for (of, step), posted in sent.items() if of == place):
            first = int(np.searchsorted(reached, step))
            waits += [line[first][0] - posted] if first < len(line) else []
    return waits


def _metrics(chromium: CDPSession) -> dict[str, float]:
    answer: Any = chromium.send("Performance.getMetrics")
    return {one["name"]: one["value"] for one in answer["metrics"]}


def _usage(chromium: CDPSession) -> tuple[float, float]:
    """Seconds that tasks have run in the main thread, and those that it had a processor."""
    metrics = _metrics(chromium)
    return metrics["TaskDuration"], metrics["ThreadTime"]


def _heap(chromium: CDPSession) -> float:
    chromium.send("HeapProfiler.collectGarbage")
    return _metrics(chromium)["JSHeapUsedSize"]


if __name__ == "__main__":
    runs, rate, seconds, metrics = [*map(float, sys.argv[1:]), *(RUNS, RATE, SECONDS, 1)[len(sys.argv) - 1 :]]
    for figure in figures(int(runs), rate, seconds, int(metrics)):
        print(f"{figure.what:45} {figure.value:10.1f} {figure.unit}")
