"""The page of a run in Chromium: one of ten million points and one of a thousand metrics beside a small one.

Times are from the click to the first chart that is drawn, warm, the best of some; the pages take turns.
"""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from aimanager.wire import columnar
from benchmarks.fanout import Person
from tests.conftest import CHROMIUM_FLAGS
from tests.servers import Gunicorn, find_program

from .figure import Figure

TIMES = 7
LONG, REQUEST = 10_000_000, 100_000
METRICS, STEPS = 1_000, 2_000
SMALL = 500

# Notes when the first chart has been drawn and the browser has made a frame of it.
WATCH = """
new MutationObserver((_, observer) => {
  if (!document.querySelector('.chart .surface')) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => (window.opened = performance.now())));
}).observe(document, { childList: true, subtree: true });
"""
# From the release of the mouse to the frame that shows the detail.
ZOOM = """() => {
  addEventListener("pointerup", () => {
    const released = performance.now();
    document.querySelector(".canvas").once("plotly_afterplot", () =>
      requestAnimationFrame(() => setTimeout(() => (window.zoomed = performance.now() - released))));
  }, { once: true, capture: true });
  window.zoomed = 0;
}"""


def figures() -> list[Figure]:
    server = Gunicorn(rate_limits="", page_limits="", ingest_limits="", ingest_points="")
    try:
        person = Person(server.url)
        runs = [small(person), long(person), wide(person)]
        wire = sizes(person, runs[1])
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_program("chromium", "chromium"), args=CHROMIUM_FLAGS
            )
            page = signed_in(browser, server.url)
            opened = np.array([[open_run(page, server.url, run) for run in runs] for _ in range(TIMES)]).min(axis=0)
            html = page.evaluate("performance.getEntriesByType('navigation')[0].decodedBodySize")
            open_run(page, server.url, runs[1])
            zoom = min(zoomed(page, n / 10) for n in range(1, TIMES + 1))
            browser.close()
    finally:
        server.close()
    return [
        Figure("run page of 5 x 500 points: first chart", opened[0], "ms", 1000),
        Figure("run page of 10 M points, in times of the small one", opened[1] / opened[0], "x", 1.25),
        Figure("run page of 1,000 metrics, in times of the small one", opened[2] / opened[0], "x", 1.25),
        Figure("its HTML", html / 1e3, "kB"),
        Figure("chart of 10 M points, 2,000 buckets, on the wire", wire, "kB", 45),
        Figure("zoom of 10 M points, from the release to the drawing", zoom, "ms", 100),
    ]


def small(person: Person) -> int:
    return filled(person, {f"train/metric {i}": curve(SMALL) for i in range(5)}, SMALL)


def long(person: Person) -> int:
    run = person.make_run()
    values = curve(LONG)
    for start in range(0, LONG, REQUEST):
        post(person, run, {"train/loss": values[start : start + REQUEST]}, np.arange(start, start + REQUEST))
    return run


def wide(person: Person) -> int:
    return filled(person, {f"layer.{i % 20}/metric {i}": curve(STEPS) for i in range(METRICS)}, STEPS)


def filled(person: Person, series: dict[str, np.ndarray], steps: int) -> int:
    run = person.make_run()
    names = list(series)
    for start in range(0, len(names), 50):
        post(person, run, {name: series[name] for name in names[start : start + 50]}, np.arange(steps))
    return run


def post(person: Person, run: int, series: dict[str, np.ndarray], steps: np.ndarray) -> None:
    """Log columns of one axis, a tenth of a second from step to step."""
    times = 1.79e9 + steps / 10
    columns = {name: {"values": values, "steps": steps, "timestamps": times} for name, values in series.items()}
    headers = person.headers() | {"Content-Type": "application/vnd.ai-manager.points"}
    body = columnar.pack({"series": columns})
    answer = person.http.request("POST", f"{person.url}/metrics/{run}/bulk", body=body, headers=headers)
    assert answer.status < 300, (answer.status, answer.data)


def curve(n: int) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=n)
    return (2 * np.exp(-3 * np.arange(n) / n) + 0.05 * noise).astype(np.float32)


def sizes(person: Person, run: int) -> float:
    """Kilobytes of a chart as it travels."""
    headers = person.headers() | {"Accept-Encoding": "gzip"}
    path = f"{person.url}/app/charts?runs={run}&name=train/loss&points=2000"
    answer = person.http.request("GET", path, headers=headers, decode_content=False)
    assert answer.status == 200, answer.status
    return len(answer.data) / 1e3


def signed_in(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(WATCH)
    page.goto(f"{url}/login")
    page.get_by_label("Username or email").fill("alice")
    page.get_by_label("Password", exact=True).fill("a long password")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")
    return page


def zoomed(page: Page, start: float) -> float:
    """Milliseconds of a zoom by the mouse into a fifth of the whole run that nobody has seen yet; `start` is a part of it."""
    box = page.locator(".chart .surface").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.evaluate(ZOOM)
    page.mouse.move(box["x"] + box["width"] * start, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + 0.2), middle, steps=4)
    page.mouse.up()
    page.wait_for_function("() => window.zoomed")
    took = page.evaluate("window.zoomed")
    page.mouse.dblclick(box["x"] + box["width"] * 0.95, box["y"] + 4)  # Where no line is.
    page.wait_for_url(lambda url: "min=" not in url)
    page.wait_for_timeout(500)
    return took


def open_run(page: Page, url: str, run: int) -> float:
    """Milliseconds from the click to the first chart."""
    page.goto(f"{url}/app/runs/{run}")
    page.wait_for_selector(".chart .surface")
    page.wait_for_timeout(1000)  # Let it end its work, so that it does not burden the next page.
    return page.evaluate("window.opened")
