"""The charts of a run's page: what they fetch and when, what they show meanwhile, and what live points do to them."""

import random
import re
import sqlite3

import pytest

from tests.servers import Gunicorn
from tests.waiting import assert_stays

from .conftest import Site, rest
from .test_live_in_browser import DRAWN, lengths, until

CHART = "document.querySelector('.js-plotly-plot')"
LINE = f"{CHART}.data.find((trace) => trace.meta.kind === 'line')"


@pytest.fixture(scope="module")
def server():
    server = Gunicorn(rate_limits="", page_limits="", ingest_limits="")
    yield server
    server.close()


@pytest.fixture(scope="module")
def site(server) -> Site:
    return Site(server.url)


@pytest.fixture
def requested(ada) -> list[str]:
    """The addresses of the charts that the page asks for."""
    addresses: list[str] = []
    ada.on("request", lambda request: "/charts?" in request.url and addresses.append(request.url))
    return addresses


@pytest.fixture
def long_run(ada, site) -> int:
    """The page of a run whose only metric has far more points than its chart has buckets."""
    run = site.run(site.project())
    site.log(run, loss=[1 + (i % 100) / 100 for i in range(20_000)])
    open_run(ada, site, run)
    return run


def open_run(page, site, run: int, query: str = "") -> None:
    page.goto(f"{site.url}/app/runs/{run}{query}")
    page.wait_for_selector(DRAWN)
    page.wait_for_selector("[data-live=on]")


def label(page) -> str:
    return page.locator(".chart .exactness").first.inner_text()


def window(page, axis: str = "xaxis") -> list[float]:
    return page.evaluate(f"{CHART}.layout.{axis}.range")


def line(page, column: str = "x") -> list[float | None]:
    """What the line of the first chart is drawn from; None where it has a gap."""
    return page.evaluate(f"Array.from({LINE}.{column}, (value) => (Number.isNaN(value) ? null : value))")


def lines_of(page) -> list[int]:
    """The runs whose lines the first chart draws."""
    return page.evaluate(f"{CHART}.data.flatMap((trace) => (trace.meta.kind === 'line' ? trace.meta.runs : []))")


def hover(page) -> list[str]:
    """The lines of what stands at the crosshair."""
    return page.locator(".hover-table :is(p, td)").all_text_contents()


def polygons(page) -> list[list[tuple[float, float]]]:
    """The corners of each polygon that the band of the first chart is filled with, in pixels of the plot."""
    path = page.evaluate(f"{CHART}.querySelector('.js-fill').getAttribute('d')")
    parts = [re.findall(r"(-?[\d.]+),(-?[\d.]+)", part) for part in re.findall(r"M[^M]+", path)]
    return [[(float(x), float(y)) for x, y in part] for part in parts]


def drag(page, low: float, high: float) -> None:
    """Zoom into a stretch by the mouse; the ends are parts of the width."""
    box = page.locator(DRAWN).first.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * low, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * high, middle, steps=4)
    page.mouse.up()


def send(site, run: int, value, step: int) -> None:
    site.send("POST", f"/metrics/{run}", {"name": "loss", "value": value, "step": step})


def total(page) -> str:
    return label(page).partition(" of ")[2]


def test_of_a_thousand_metrics_only_those_in_view_are_filled_in_and_fetched(ada, site, requested):
    run = site.run(site.project())
    site.log(run, **{f"layer.{n % 20}/weight.{n:03}": [n, n + 1] for n in range(1000)})
    open_run(ada, site, run)
    until(lambda: len(lengths(ada)) >= 12)
    until(lambda: ada.locator(".chart").count() == 1000)
    assert ada.locator(".chart .plot").count() < 60
    assert sum(address.count("name=") for address in requested) < 60
    assert len(requested) < 6
    ada.locator("#search, input[name=chart]").first.fill("weight.999")
    until(lambda: lengths(ada).get("layer.19/weight.999") == 2)
    assert ada.locator(".chart:visible .value").inner_text() == "1,000"
    # What is filled in stays so when a new metric brings the sections anew.
    site.log(run, **{"layer.19/weight.9999": [5, 6, 7]})
    until(lambda: lengths(ada).get("layer.19/weight.9999") == 3)
    assert lengths(ada)["layer.19/weight.999"] == 2
    ada.locator("#section-values > summary").click()
    until(lambda: ada.locator("#summary tbody tr").count() == 1001)


PLACES = """[...document.querySelectorAll('.chart')].map(
  (chart) => [chart.closest('.section').dataset.section, chart.dataset.name])"""


@pytest.fixture
def many(site):
    """The address of a run with so many charts that some are sent as data."""
    run = site.run(site.project())
    site.log(run, **{f"layer.{n // 4:02}/weight {n:03}": [n, n + 1] for n in range(90)})
    return f"{site.url}/app/runs/{run}"


def test_the_charts_after_the_first_take_their_places_once_those_are_drawn(ada, many):
    held, waiting = [], True
    ada.route("**/app/charts?**", lambda route: held.append(route) if waiting else route.continue_())
    ada.goto(many, wait_until="commit")
    until(lambda: (held and ada.evaluate("document.getElementById('section-values') !== null")) or rest(ada))
    assert ada.locator(".chart").count() == 24
    waiting = False
    for route in held:
        route.continue_()
    until(lambda: ada.locator(".chart").count() == 90)
    places = ada.evaluate(PLACES)
    assert places == [[f"layer.{n // 4:02}", f"layer.{n // 4:02}/weight {n:03}"] for n in range(90)]
    assert ada.locator(".sections .section > summary").last.inner_text().split() == ["layer.22", "2"]
    identities = ada.evaluate("[...document.querySelectorAll('#charts [id]')].map(({ id }) => id)")
    assert len(set(identities)) == len(identities)


def test_a_chart_that_is_looked_for_is_there_before_others_are_drawn(ada, many):
    ada.goto(f"{many}?chart=089")
    until(lambda: list(lengths(ada)) == ["layer.22/weight 089"])
    assert ada.locator("[data-found]").inner_text() == "1 of 90 charts"


def test_a_page_of_many_charts_is_shown_where_it_was_left(ada, many):
    ada.goto(many)
    until(lambda: ada.locator(".chart").count() == 90)
    ada.evaluate("scrollTo(0, 3000)")
    until(lambda: "layer.12/weight 048" in lengths(ada))
    ada.reload()
    until(lambda: ada.evaluate("scrollY") > 2000)


def test_a_walk_through_many_charts_keeps_few_of_them_drawn(ada, site):
    run = site.run(site.project())
    site.log(run, **{f"layer/weight.{n:03}": [n, n + 1] for n in range(160)})
    open_run(ada, site, run)
    in_view = """[...document.querySelectorAll('.chart')].filter((chart) => {
      const { top, bottom } = chart.getBoundingClientRect();
      return bottom > 0 && top < innerHeight;
    }).every((chart) => chart.querySelector('.surface'))"""
    for _ in range(12):
        until(lambda: ada.evaluate(in_view))
        ada.evaluate("scrollBy(0, innerHeight)")
    assert 48 <= ada.locator(DRAWN).count() < 100
    ada.evaluate("scrollTo(0, 0)")
    until(lambda: ada.evaluate("scrollY === 0") and ada.evaluate(in_view))
    assert lengths(ada)["layer/weight.000"] == 2


def test_a_zoom_fetches_detail_and_the_old_drawing_stays_until_it_is_there(ada, site, requested, long_run):
    assert "of 20,000 points" in label(ada)
    before = len(requested), label(ada), line(ada)
    held = []
    ada.route("**/charts?**", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it calls
    drag(ada, 0.5, 0.52)
    until(lambda: len(held) == 1 or rest(ada))
    assert (label(ada), line(ada)) == before[1:]
    # Whoever zooms on does not wait for a range that is left behind.
    with ada.expect_event("requestfailed", lambda request: request.url == held[0].request.url):
        drag(ada, 0.7, 0.71)
    until(lambda: len(held) == 2 or rest(ada))
    assert (label(ada), line(ada)) == before[1:]
    held[1].continue_()
    until(lambda: label(ada) == "exact")
    assert len(requested) == before[0] + 2
    steps, (low, high) = line(ada), window(ada)
    assert steps == list(range(int(steps[0]), int(steps[-1]) + 1))
    # Each point is drawn, and one more on either side, so that the line goes on to the edges.
    assert steps[0] < low <= steps[1]
    assert steps[-2] <= high < steps[-1]
    box = ada.locator(DRAWN).bounding_box()
    ada.mouse.dblclick(box["x"] + 50, box["y"] + 50)
    until(lambda: (label(ada), line(ada)) == before[1:])
    assert len(requested) == before[0] + 2
    ada.unroute_all()


def test_the_height_is_for_what_is_seen(ada, site):
    run = site.run(site.project())
    site.log(run, loss=[1000.0] + [1 + (i % 10) / 100 for i in range(5000)])
    open_run(ada, site, run)
    assert window(ada, "yaxis")[1] > 1000
    open_run(ada, site, run, "?min=3000&max=3100")
    until(lambda: label(ada) == "exact")
    assert 0.9 < window(ada, "yaxis")[0] < window(ada, "yaxis")[1] < 1.2


def test_keys_zoom_and_move_the_window_and_detail_follows(ada, site, long_run):
    ada.locator(".plot").focus()
    ada.keyboard.press("+")
    until(lambda: "of 10,000 points" in label(ada))
    low, high = window(ada)
    ada.keyboard.press("Shift+ArrowRight")
    until(lambda: window(ada) == [low + 5000, high + 4999])
    assert "points" in label(ada)
    ada.keyboard.press("-")
    until(lambda: "of 20,000 points" in label(ada))


def test_live_points_follow_a_downsampled_history_and_the_two_become_one(ada, site, requested, long_run):
    drawn, requests = len(line(ada)), len(requested)
    for step in range(20_000, 20_005):
        send(site, long_run, 5, step)
    until(lambda: len(line(ada)) == drawn + 5)
    until(lambda: label(ada) == f"{drawn + 5:,} of 20,005 points")
    assert line(ada)[-5:] == [20_000, 20_001, 20_002, 20_003, 20_004]
    assert window(ada) == [0, 20_004]
    assert len(requested) == requests
    site.log(long_run, loss=[1.0] * 995)
    until(lambda: len(line(ada)) <= drawn and total(ada) == "21,000 points")
    assert len(requested) > requests
    assert window(ada) == [0, 20_999]


def test_live_points_leave_a_window_into_the_past_alone(ada, site, long_run):
    open_run(ada, site, long_run, "?min=5000&max=5200")
    until(lambda: label(ada) == "exact")
    before = window(ada), line(ada), window(ada, "yaxis")
    for start in range(20_000, 22_000, 500):
        site.log(long_run, loss=[99.0] * 500)
        until(lambda start=start: f"{start + 500:,} points" in ada.locator("[data-points]").inner_text())
    until(lambda: ada.locator(".chart .value").inner_text() == "99")
    assert_stays(lambda: (window(ada), line(ada), window(ada, "yaxis")) == before)


@pytest.mark.parametrize("count", [300, 20_000])
def test_points_out_of_order_take_their_place_and_the_line_never_runs_back(ada, site, count):
    run = site.run(site.project())
    site.log(run, loss=[1.0] * count)
    open_run(ada, site, run)
    ada.evaluate(f"""() => {{
      window.backwards = 0;
      {CHART}.on('plotly_afterplot', () => {{ const {{ x }} = {LINE}; for (let i = 1; i < x.length; i++) window.backwards += x[i] < x[i - 1]; }});
    }}""")
    steps = random.Random(1).sample(range(count), 20)
    for step in steps:
        send(site, run, 50, step)
    until(lambda: window(ada, "yaxis")[1] > 50)
    highest = f"Math.max(...{CHART}.data.map((trace) => trace.y.reduce((most, one) => Math.max(most, one || 0), 0)))"
    until(lambda: ada.evaluate(highest) == 50)
    until(
        lambda: (label(ada) if count > 1000 else str(len(line(ada)))).endswith(
            f"{count + 20:,}" + " points" * (count > 1000)
        )
    )
    assert ada.evaluate("window.backwards") == 0


def test_a_live_nan_is_a_gap_and_a_mark(ada, site):
    run = site.run(site.project())
    site.log(run, loss=[1, 2, 3])
    open_run(ada, site, run)
    for step, value in enumerate(["NaN", 4, "Infinity", 5], 3):
        send(site, run, value, step)
    until(lambda: line(ada, "y") == [1, 2, 3, None, 4, None, 5])
    until(lambda: label(ada) == "exact · NaN, ∞")
    assert ada.evaluate(f"Array.from({CHART}.data.find((trace) => trace.meta.kind === 'mark').x)") == [3, 5]
    assert window(ada, "yaxis")[1] < 6


@pytest.mark.parametrize("query", ["", "?log=1"])
def test_the_band_has_no_part_where_nothing_is_finite(ada, site, query):
    run = site.run(site.project())
    noise = random.Random(1)
    falling = [2 - i / 12_000 + noise.random() * 0.3 for i in range(20_000)]
    site.log(run, loss=["NaN" if 8000 < i < 11_000 else value for i, value in enumerate(falling)])
    open_run(ada, site, run, query)
    assert "of 20,000 points" in label(ada)
    to_step = f"{CHART}._fullLayout.xaxis.p2c"

    def stretches() -> list[tuple[float, float]]:
        """The steps from which to which each polygon goes."""
        ends = [[min(x for x, _ in corners), max(x for x, _ in corners)] for corners in polygons(ada)]
        return [(ada.evaluate(f"{to_step}({low})"), ada.evaluate(f"{to_step}({high})")) for low, high in ends]

    before, after = stretches()
    bucket = 50
    assert (before[0], after[1]) == (pytest.approx(0, abs=bucket), pytest.approx(19_999, abs=bucket))
    assert 8000 - bucket < before[1] < 8000 + bucket
    assert 11_000 - bucket < after[0] < 11_000 + bucket
    # Live points go on with it, and a NaN among them is a gap too.
    for step in range(20_000, 20_010):
        send(site, run, "NaN" if step % 5 == 0 else 0.5, step)
    until(lambda: line(ada)[-1] == 20_009)
    until(lambda: len(stretches()) == 4)
    assert stretches()[0][1] < 8000 + bucket < 11_000 - bucket < stretches()[1][0]


def test_on_a_log_scale_the_band_ends_where_nothing_is_above_zero(ada, site):
    run = site.run(site.project())
    site.log(run, loss=[(-1 if 8000 < i < 11_000 else 1) * (1 + i % 100) for i in range(20_000)])
    open_run(ada, site, run, "?log=1")
    left, right = polygons(ada)
    assert max(x for x, _ in left) < min(x for x, _ in right)


def test_the_words_of_a_search_bring_the_first_result_into_sight(ada, site):
    run = site.run(site.project())
    site.log(run, **{f"{group}/weight.{n:02}": [1.0, 2.0] for group in "ab" for n in range(30)})
    open_run(ada, site, run)
    heading = ada.locator(".section > summary > span").first
    assert heading.inner_text() == "30"
    ada.locator("#section-2").scroll_into_view_if_needed()
    ada.evaluate("scrollTo(0, document.body.scrollHeight)")
    until(lambda: ada.evaluate("scrollY") > 500)
    words = ada.locator("#search, input[name=chart]").first
    words.fill("weight")
    until(lambda: ada.locator(".chart").first.bounding_box()["y"] > 0)
    words.fill("weight.07")
    until(lambda: heading.inner_text() == "1 of 30")
    words.fill("")
    until(lambda: heading.inner_text() == "30")


@pytest.mark.parametrize("late", ["question", "answer"])
def test_no_point_is_drawn_twice_or_missed_while_a_chart_is_under_way(ada, site, late):
    run = site.run(site.project())
    site.log(run, loss=[0.0] * 100)
    held = []

    def hold(route):
        held.append((route, route.fetch() if late == "answer" else None))

    ada.route("**/charts?**", hold)
    ada.goto(f"{site.url}/app/runs/{run}")
    ada.wait_for_selector("[data-live=on]")
    until(lambda: held or rest(ada))
    for step in range(100, 110):
        send(site, run, step, step)
    until(lambda: ada.locator("[data-points]").inner_text() == "110 points")
    route, answer = held[0]
    route.continue_() if answer is None else route.fulfill(response=answer)
    until(lambda: line(ada) == list(range(110)) if ada.locator(DRAWN).count() else rest(ada))
    ada.unroute_all()


def test_a_viewer_that_was_left_behind_draws_the_whole_anew(ada, site, long_run):
    site.log(long_run, loss=[2.0] * 80_000)
    until(lambda: total(ada) == "100,000 points")
    until(lambda: window(ada) == [0, 99_999])


def test_huge_steps_neither_hang_the_page_nor_lose_a_digit(ada, site):
    run = site.run(site.project())
    steps = [2**53 + i for i in range(1, 6)]
    site.send("POST", f"/metrics/{run}/bulk", {"series": {"loss": {"values": [1, 2, 3, 2, 1], "steps": steps}}})
    open_run(ada, site, run)
    assert ada.locator(".xtick text").all_text_contents() in (["9,007,199,254,740,994"], ["9,007,199,254,740,995"])
    ada.locator(".plot").focus()
    ada.keyboard.press("ArrowLeft")
    assert hover(ada)[:2] == ["1", "step 9,007,199,254,740,997"]


@pytest.mark.provokes("status of 500")
def test_a_damaged_series_says_so_and_the_others_are_drawn(ada, site, server):
    run = site.run(site.project())
    for name in ("bad", "good"):
        site.log(run, **{name: [1.0, 2.0] * 1000})
    with sqlite3.connect(server.data_dir / "aimanager.db") as database:
        changed = database.execute(
            "UPDATE metric_cdata SET v = x'50', sub = x'00' WHERE run_no = ? AND metric_id ="
            " (SELECT id FROM metric_name WHERE name = 'bad')",
            (run,),
        )
        assert changed.rowcount
    open_run(ada, site, run)
    ada.locator(".chart .message", has_text="The points of metric 'bad'").wait_for()
    assert list(lengths(ada)) == ["good"]


@pytest.mark.provokes("status of 503")
def test_a_server_that_fails_is_asked_again_by_itself(ada, site):
    run = site.run(site.project())
    site.log(run, loss=[1, 2])
    ada.route("**/charts?**", lambda route: route.fulfill(status=503), times=1)
    ada.goto(f"{site.url}/app/runs/{run}")
    ada.get_by_text("Not drawn: the server answered 503").wait_for()
    until(lambda: lengths(ada) == {"loss": 2})


def swipe(page, across: int, down: int) -> None:
    """Draw a finger over the first chart."""
    box = page.locator(DRAWN).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def touch(kind: str, part: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x + across * part, "y": y + down * part}]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0)
    for part in range(1, 11):
        touch("touchMove", part / 10)
    touch("touchEnd", 1)


def test_a_finger_moves_the_page_up_and_down_and_zooms_across(ada, site):
    run = site.run(site.project())
    site.log(run, **{f"loss {n}": [1.0] * 100 for n in range(12)})
    ada.set_viewport_size({"width": 390, "height": 700})
    open_run(ada, site, run)
    swipe(ada, 0, -150)
    until(lambda: ada.evaluate("scrollY") > 50)
    assert "min=" not in ada.url
    swipe(ada, 100, 0)
    ada.wait_for_url("**min=*")


def test_theme_colours_of_a_chart_are_those_of_the_page(ada, site):
    run = site.run(site.project())
    site.log(run, loss=[1, 2])
    ada.emulate_media(color_scheme="dark")
    open_run(ada, site, run)
    ground = f"{CHART}.layout.paper_bgcolor.match(/\\d+/g).slice(0, 3).map(Number)"
    assert max(ada.evaluate(ground)) < 60
    ada.emulate_media(color_scheme="light")
    until(lambda: min(ada.evaluate(ground)) > 200)
