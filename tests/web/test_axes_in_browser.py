"""The axes of charts: labels that are whole, differ and fit, lines that stay on the chart, and one time zone."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from .conftest import log_in
from .test_live_in_browser import DRAWN, until
from .test_pages_in_browser import BOXES, drawn, ticks
from .test_run_page_in_browser import CHART, hover

MAX = 1.7976931348623157e308
RANGES = {
    "narrow": [85_000.08, 85_000.083, 85_000.09],
    "narrow and negative": [-1.20006e9, -1.200060001e9, -1.200059999e9],
    "1e-12 apart": [1.0, 1.000000000001, 1.000000000002],
    "two neighbouring numbers": [0.3, 0.30000000000000004, 0.3],
    "less than a decade": [3.1, 3.2, 3.4],
    "huge": [1e300, -1e300, 0.0],
    "the greatest numbers": [MAX, -MAX, 0.0],
    "near the greatest number": [1.7e308, 1.75e308, MAX],
    "tiny": [1e-310, 2e-310, 3e-310],
    "the least number": [0.0, 5e-324, 0.0],
    "all magnitudes": [1e-300, 1.0, 1e300],
    "thousands": [0.0, 450_000.0, 999_999.0],
}
# The heights, from 0 at the top to 1, at which the line of the first chart is drawn.
HEIGHTS = """() => {
  const plot = document.querySelector('.chart .js-plotly-plot');
  const height = plot._fullLayout.yaxis._length;
  const path = plot.querySelector('.scatterlayer .js-line').getAttribute('d');
  return [...path.matchAll(/[ML,]?(-?[\\d.e+]+),(-?[\\d.e+]+)/g)].map(([, , y]) => Number(y) / height);
}"""


@pytest.mark.parametrize("query", ["", "?log=1"])
@pytest.mark.parametrize("values", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("width", [1280, 390])
def test_labels_are_whole_and_differ_and_the_line_stays_on_the_chart(ada, site, values, query, width):
    ada.set_viewport_size({"width": width, "height": 800})
    drawn(ada, site, values, query)
    labels = ticks(ada, "y")
    if query and max(values) <= 0:
        assert not labels
        return
    assert labels
    assert len(set(labels)) == len(labels)
    if not query or min(values) > 0:
        assert len(labels) > 1
    boxes = [box for upwards, *box in ada.evaluate(BOXES) if upwards]
    assert min(left for left, *_ in boxes) >= 0
    heights = [(top, bottom) for _, _, top, _, bottom in boxes]
    assert all(lower[0] >= upper[1] - 2 for upper, lower in zip(sorted(heights), sorted(heights)[1:], strict=False))
    plot = ada.locator(DRAWN).first.bounding_box()
    assert max(right for _, right, *_ in boxes) <= plot["x"]
    line = ada.evaluate(HEIGHTS)
    inside = [height for height in line if -0.01 <= height <= 1.01]
    assert inside
    if not query:
        assert inside == line
        assert max(line) - min(line) > 0.5


def test_the_margin_of_an_axis_with_short_labels_is_that_of_all_others(ada, site):
    drawn(ada, site, [0.1, 0.9])
    assert ticks(ada, "y")
    assert ada.evaluate(f"{CHART}.layout.margin.l") == 56


def test_a_chart_says_the_exact_value_on_hover(ada, site):
    drawn(ada, site, [85_000.08, 85_000.09])
    assert ticks(ada, "y")
    ada.locator(".plot").focus()
    ada.keyboard.press("ArrowLeft")
    assert hover(ada)[:2] == ["85000.09", "step 1"]


@pytest.fixture
def in_kolkata(browser, site):
    context = browser.new_context(viewport={"width": 1280, "height": 800}, timezone_id="Asia/Kolkata")
    context.set_default_timeout(15_000)
    yield log_in(context.new_page(), site)
    context.close()


def test_times_on_axes_and_in_hovers_are_in_the_zone_of_the_browser_and_say_so(in_kolkata, site):
    start = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
    moments = [(start + timedelta(minutes=10 * n)).timestamp() for n in range(7)]
    run = site.run(site.project())
    series = {"loss": {"values": [1.0] * 7, "timestamps": moments}}
    site.send("POST", f"/metrics/{run}/bulk", {"series": series})
    in_kolkata.goto(f"{site.url}/app/runs/{run}?x=time")
    assert ticks(in_kolkata, "x") == ["01:30", "01:40", "01:50", "02:00", "02:10", "02:20"]
    assert in_kolkata.locator(".xtitle").text_content() == "26 Nov 2026, UTC+5:30"
    in_kolkata.locator(".plot").focus()
    in_kolkata.keyboard.press("ArrowRight")
    assert "2026-11-26 01:30:00 UTC+5:30" in hover(in_kolkata)
    titles = "[...document.querySelectorAll('time[data-js]')].map((time) => time.title)"
    until(lambda: all(re.search(r"\d UTC\+5:30$", title) for title in in_kolkata.evaluate(titles)))
    assert len(in_kolkata.evaluate(titles)) == 3


def test_a_chart_has_the_axis_that_its_script_defined_until_somebody_chooses_another(ada, site):
    run = site.run(site.project("defined"))
    site.log(run, **{"val/acc": [0.1, 0.2, 0.3], "val/loss": [3, 2, 1], "epoch": [10, 20, 30]})
    site.send("PUT", f"/runs/{run}/definitions", {"val/acc": {"goal": "max", "x": "epoch"}})
    acc, loss = (ada.locator(f".chart[data-name='val/{name}']") for name in ("acc", "loss"))

    def ends(chart):
        return chart.locator(".js-plotly-plot").evaluate("(plot) => plot.layout.xaxis.range")

    ada.goto(f"{site.url}/app/runs/{run}")
    expect(acc.locator(".exactness")).to_have_text("x: epoch · exact")
    expect(loss.locator(".exactness")).to_have_text("exact")
    assert (ends(acc), ends(loss)) == ([10, 30], [0, 2])
    # A zoom is of the charts that have the axis, and is in the address.
    acc.locator(".plot").focus()
    ada.keyboard.press("+")
    until(lambda: ends(acc) == [15, 25])
    assert ends(loss) == [0, 2]
    ada.reload()
    expect(acc.locator(".exactness")).to_contain_text("x: epoch")
    until(lambda: ends(acc) == [15, 25])
    # Pointing at one of them points at nothing in the other.
    acc.locator(".surface").hover()
    expect(acc.locator(".overlay .hair")).to_have_count(1)
    assert loss.locator(".overlay .hair").count() == 0
    # What somebody chooses wins, steps too, and stays in the address.
    menu = ada.locator("[data-menu=x]")
    expect(menu.locator("[data-says=x]")).to_have_text("As defined")
    menu.locator("summary").click()
    menu.get_by_role("button", name="Step").click()
    expect(acc.locator(".exactness")).to_have_text("exact")
    assert ends(acc) == [0, 2]
    assert ada.url.endswith("?x=step")
    ada.reload()
    expect(acc.locator(".exactness")).to_have_text("exact")
    menu.locator("summary").click()
    menu.get_by_role("button", name="As defined").click()
    expect(acc.locator(".exactness")).to_have_text("x: epoch · exact")
    assert ada.url.endswith(f"/{run}")
