"""A researcher watches: real server, real socket, real browser."""

from copy import copy

import pytest

from tests.faults.proxy import FreezingProxy
from tests.live.drawn import hidden
from tests.waiting import assert_stays
from tests.waiting import wait_until as until

from .conftest import Site, log_in, rest

# Servers are killed, sessions ended and runs deleted under open pages.
pytestmark = pytest.mark.provokes(r"WebSocket connection to|net::ERR_|htmx:error|status of 40[134]")

DRAWN = ".chart .surface"


LENGTHS = """Object.fromEntries([...document.querySelectorAll('.chart')].flatMap((chart) => {
  const line = chart.querySelector('.js-plotly-plot')?.calcdata
    ?.find(([first]) => first.trace.meta.kind === 'line');
  return line ? [[chart.dataset.name, line.length]] : [];
}))"""


def lengths(page) -> dict[str, int]:
    """How many points the line of each chart has, as it is drawn."""
    return page.evaluate(LENGTHS)


@pytest.fixture
def watched(ada, site: Site) -> int:
    """A run with some points, and its page open with the chart drawn."""
    run = site.run(site.project(), "baseline")
    site.log(run, **{"train/loss": [3, 2, 1]})
    ada.goto(f"{site.url}/app/runs/{run}")
    ada.wait_for_selector(DRAWN)
    ada.wait_for_selector("[data-live=on]")
    return run


def test_a_posted_point_appears_in_the_chart_without_a_reload(ada, site, watched):
    ada.evaluate("window.same = true")
    site.send("POST", f"/metrics/{watched}", {"name": "train/loss", "value": 0.5, "step": 3})
    until(lambda: lengths(ada) == {"train/loss": 4})
    assert ada.locator(".chart .value").inner_text() == "0.5000"
    assert ada.locator("[data-points]").inner_text() == "4 points"
    assert ada.evaluate("window.same")


def test_a_chart_near_the_view_is_drawn_with_the_points_that_came_meanwhile_once_it_is_seen(ada, site):
    run = site.run(site.project(), "many charts")
    names = [f"metric {number:02}" for number in range(12)]
    site.log(run, **{name: [3, 2, 1] for name in names})
    ada.set_viewport_size({"width": 1000, "height": 480})
    ada.goto(f"{site.url}/app/runs/{run}")
    ada.wait_for_selector("[data-live=on]")
    below = """[...document.querySelectorAll('.chart')].filter((chart) => chart.querySelector('.surface')
      && chart.getBoundingClientRect().top > innerHeight).map((chart) => chart.dataset.name)"""
    until(lambda: ada.evaluate(below))
    near = ada.evaluate(below)[0]
    site.log(run, **{name: [0.5] for name in names})
    until(lambda: lengths(ada)[names[0]] == 4)
    assert_stays(lambda: lengths(ada)[near] == 3)
    ada.locator(f".chart[data-name='{near}']").scroll_into_view_if_needed()
    until(lambda: lengths(ada)[near] == 4)


def test_the_current_value_stays_that_of_the_greatest_step(ada, site, watched):
    value = ada.locator(".chart .value")
    site.send("POST", f"/metrics/{watched}", {"name": "train/loss", "value": 9, "step": 1})
    until(lambda: lengths(ada) == {"train/loss": 4})
    assert value.inner_text() == "1"
    site.send("POST", f"/metrics/{watched}", {"name": "train/loss", "value": 0.5, "step": 2})
    until(lambda: value.inner_text() == "0.5000")
    ada.reload()
    assert value.inner_text() == "0.5000"


def test_the_tab_of_the_machine_appears_and_its_metrics_fetch_nothing_more(ada, site, watched):
    sections = []
    ada.on("request", lambda request: "section#charts" in request.headers.get("hx-target", "") and sections.append(1))
    assert ada.get_by_role("link", name="System").count() == 0
    site.log(watched, **{"system/cpu": [50]})
    ada.get_by_role("link", name="System").wait_for()
    until(lambda: len(sections) == 1 or rest(ada))
    for value in range(60, 63):
        site.log(watched, **{"system/cpu": [value], "train/loss": [value]})
        until(lambda: ada.locator(".chart .value").inner_text() == str(value))  # noqa: B023
    assert_stays(lambda: rest(ada) or len(sections) == 1, seconds=0.7)
    ada.get_by_role("link", name="System").click()
    ada.wait_for_selector(DRAWN)
    ada.wait_for_selector("[data-live=on]")
    site.log(watched, **{"system/cpu": [70]})
    until(lambda: lengths(ada) == {"system/cpu": 5})


def test_a_new_metric_gets_a_chart_of_its_own_and_no_point_is_missed(ada, site, watched):
    for step in range(3, 40):
        site.send("POST", f"/metrics/{watched}/batch", {"metrics": {"train/loss": 1, "val/acc": step}, "step": step})
    until(lambda: lengths(ada) == {"train/loss": 40, "val/acc": 37})
    until(lambda: "37" in ada.locator("#summary").inner_text())


def test_a_live_point_never_resets_a_zoom_and_double_click_goes_back(ada, site, watched):
    site.log(watched, **{"train/loss": [1.0] * 100})
    until(lambda: lengths(ada) == {"train/loss": 103})
    box = ada.locator(DRAWN).bounding_box()
    middle = box["y"] + box["height"] / 2
    ada.mouse.move(box["x"] + box["width"] / 4, middle)
    ada.mouse.down()
    ada.mouse.move(box["x"] + box["width"] / 2, middle, steps=4)
    ada.mouse.up()
    ada.wait_for_url("**min=*")
    zoomed = "document.querySelector('.js-plotly-plot').layout.xaxis.range"
    until(lambda: ada.evaluate(zoomed)[0] > 20)
    before = ada.evaluate(zoomed)
    site.send("POST", f"/metrics/{watched}", {"name": "train/loss", "value": 0.25, "step": 200})
    until(lambda: ada.locator(".chart .value").inner_text() == "0.2500")
    assert_stays(lambda: ada.evaluate(zoomed) == before)
    ada.mouse.dblclick(box["x"] + 50, middle)
    until(lambda: "min=" not in ada.evaluate("location.search"))
    until(lambda: ada.evaluate(zoomed) == [0, 200])


def test_the_empty_project_turns_into_its_first_run(ada, site):
    project = site.project("empty")
    ada.goto(f"{site.url}/app/projects/{project}")
    ada.wait_for_selector("[data-live=on]")
    ada.get_by_text("Create an API key").click()
    until(lambda: "aimgr_" in ada.locator("#snippet-code").inner_text())
    run = site.run(project, "first")
    site.log(run, loss=[3, 2])
    ada.wait_for_url(f"**/app/runs/{run}")
    ada.wait_for_selector(DRAWN)


def test_the_table_of_runs_follows_without_losing_the_focus(ada, site):
    project = site.project()
    first = site.run(project, "one")
    ada.goto(f"{site.url}/app/projects/{project}")
    ada.wait_for_selector("[data-live=on]")
    ada.locator(f"#run-{first} a").focus()
    second = site.run(project, "two")
    ada.wait_for_selector(f"#run-{second}")
    site.log(second, loss=[0.125])
    ada.get_by_text("0.1250").first.wait_for()
    assert ada.evaluate("document.activeElement.textContent") == "one"


def test_what_happens_between_the_page_and_its_socket_is_shown_at_once(ada, site):
    project = site.project()
    site.run(project, "one")
    made: list[int] = []

    def join_late(socket):
        made.append(site.run(project, "two"))
        socket.connect_to_server()

    ada.route_web_socket("**/ws/projects/**", join_late)
    ada.goto(f"{site.url}/app/projects/{project}")
    ada.wait_for_selector("[data-live=on]")
    ada.wait_for_selector(f"#run-{made[0]}")


def test_a_page_that_has_all_fetches_nothing_when_its_socket_joins(ada, site):
    project = site.project()
    site.run(project, "one")
    renewals = []
    path = f"/app/projects/{project}"
    # The news of the run's making have come before the page is looked at.
    ada.goto(site.url + path)
    ada.wait_for_selector("[data-live=on]")
    assert_stays(lambda: rest(ada) is None)
    ada.on("request", lambda one: renewals.append(one) if path in one.url and "hx-request" in one.headers else None)
    ada.goto(site.url + path)
    ada.wait_for_selector("[data-live=on]")
    assert_stays(lambda: not (rest(ada) or renewals), 1.5)
    # A renewal brings nothing where nothing is new: the row is the same element.
    ada.evaluate("document.querySelector('#rows tr').isTheSame = true")
    with ada.expect_response(lambda response: "hx-request" in response.request.headers) as answer:
        ada.evaluate("document.body.dispatchEvent(new CustomEvent('live:project', { bubbles: true }))")
    assert answer.value.status == 304
    assert ada.evaluate("document.querySelector('#rows tr').isTheSame")


def test_the_summary_keeps_pace_with_the_charts(ada, site, watched):
    last = ada.locator("#summary td.number").first
    for value in (0.125, 0.25):
        site.send("POST", f"/metrics/{watched}", {"name": "train/loss", "value": value, "step": 5})
        until(lambda value=value: last.inner_text() == f"{value:.4g}".ljust(6, "0"))
    ada.locator("#section-values > summary").click()
    site.send("POST", f"/metrics/{watched}", {"name": "train/loss", "value": 77, "step": 6})
    until(lambda: ada.locator(".chart .value").inner_text() == "77")
    ada.locator("#section-values > summary").click()
    until(lambda: last.inner_text() == "77")


def test_a_new_name_is_in_the_heading_the_path_and_the_title(ada, site, watched):
    site.send("PUT", f"/runs/{watched}", {"name": "renamed <b>"})
    ada.locator("h1", has_text="renamed <b>").wait_for()
    until(lambda: ada.locator("ol.path [aria-current=page]").inner_text() == "renamed <b>")
    assert ada.title().startswith("renamed <b> · ")


def test_an_open_menu_stays_open_while_the_run_changes(ada, site, watched):
    ada.get_by_text("Edit", exact=True).click()
    ada.get_by_label("Name", exact=True).fill("half typed")
    site.send("PUT", f"/runs/{watched}", {"tags": ["new"]})
    ada.get_by_title("new").wait_for()
    assert ada.get_by_label("Name", exact=True).input_value() == "half typed"
    assert ada.get_by_label("Name", exact=True).is_visible()


def test_a_server_that_was_away_is_found_again_without_a_reload_and_without_a_gap(page, gunicorn_server):
    server = gunicorn_server(rate_limits="", page_limits="", ingest_limits="")
    site = Site(server.url)
    log_in(page, site)
    run = site.run(site.project())
    site.log(run, **{"train/loss": [3, 2, 1]})
    page.goto(f"{site.url}/app/runs/{run}")
    page.wait_for_selector(DRAWN)
    page.wait_for_selector("[data-live=on]")
    page.evaluate("window.same = true")
    server.kill()
    page.wait_for_selector("[data-live=off]")
    assert page.locator(".live").inner_text() == "Reconnecting"
    server.start()
    site.log(run, **{"train/loss": [0.9, 0.8]})
    page.wait_for_selector("[data-live=on]")
    until(lambda: lengths(page) == {"train/loss": 5})
    assert page.evaluate("window.same")


@pytest.fixture
def proxy(site):
    proxy = FreezingProxy(int(site.url.rpartition(":")[2]))
    yield proxy
    proxy.close()


def proxied(site: Site, proxy: FreezingProxy) -> Site:
    """The same site through a proxy."""
    through = copy(site)
    through.url = proxy.url
    return through


def test_no_spike_in_twenty_live_runs_is_lost_though_the_connection_is_cut_twice(page, site, proxy):
    log_in(page, proxied(site, proxy))
    project = site.project()
    runs = [site.run(project, f"live {place}") for place in range(20)]
    steps, points = iter(range(10_000)), {}

    def log(count: int) -> None:
        """As many points of each run at once, and in one of twenty of them a spike."""
        some = [next(steps) for _ in range(count)]
        for place, run in enumerate(runs):
            values = [place + (0.9 if step % 20 == place else 0.1 + step / 5_000) for step in some]
            points.update(((place, step), value) for step, value in zip(some, values, strict=True))
            site.send("POST", f"/metrics/{run}/bulk", {"series": {"loss": {"steps": some, "values": values}}})

    log(1000)
    page.goto(f"{proxy.url}/app/projects/{project}?drawn=25")
    page.wait_for_selector(DRAWN)
    page.wait_for_selector("[data-live=on]")
    page.evaluate("window.same = true")
    for cut in (True, True, False):
        for _ in range(12):
            log(10)
        if cut:
            proxy.cut()
            log(40)
            page.wait_for_selector("[data-live=on]")
    until(lambda: not hidden(page, "loss", points), 30, every=0.2)
    assert page.evaluate("window.same")


def stands_still(page, what: str) -> None:
    """The page says why it ended, offers no action, and never connects again."""
    page.locator(".ended", has_text=what).wait_for()
    assert page.locator(".ended:visible").count() == 1
    assert page.locator("main .actions:visible").count() == 0
    opened = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange')); dispatchEvent(new Event('online'))")
    assert_stays(lambda: page.evaluate("true") and not opened, 1.2)


@pytest.mark.parametrize("status", ["running", "completed"])
def test_a_run_that_is_deleted_elsewhere_says_so_and_leads_to_its_project(ada, site, watched, status):
    project = site.send("GET", f"/runs/{watched}")["project_id"]
    if status != "running":
        site.send("PUT", f"/runs/{watched}", {"status": status})
        ada.locator(f"#head [data-state={status}]").first.wait_for()
    site.send("DELETE", f"/runs/{watched}")
    stands_still(ada, "This run was deleted.")
    ada.locator(".ended:visible a").click()
    ada.wait_for_url(f"{site.url}/app/projects/{project}")


def test_a_project_that_is_deleted_elsewhere_says_so(ada, site):
    project = site.project()
    ada.goto(f"{site.url}/app/projects/{project}")
    ada.wait_for_selector("[data-live=on]")
    site.send("DELETE", f"/projects/{project}")
    stands_still(ada, "This project was deleted.")


@pytest.mark.parametrize("what", ["This run was deleted.", "You are signed out."])
def test_what_ended_while_the_server_was_away_is_not_waited_for(page, gunicorn_server, what):
    server = gunicorn_server(rate_limits="", page_limits="", ingest_limits="")
    site = Site(server.url)
    log_in(page, site)
    run = site.run(site.project())
    page.goto(f"{site.url}/app/runs/{run}")
    page.wait_for_selector("[data-live=on]")
    attempts = []
    page.on("requestfailed", lambda request: attempts.append(request.url))
    server.kill()
    page.wait_for_selector("[data-live=off]")
    until(lambda: page.evaluate("true") and len(attempts) >= 2, 30)
    if "signed out" in what:
        page.context.clear_cookies()
    server.start()
    if "deleted" in what:
        site.send("DELETE", f"/runs/{run}")
    stands_still(page, what)


def test_what_is_no_number_is_marked_where_it_happened(ada, site):
    run = site.run(site.project())
    site.log(run, loss=[1, "NaN", 2, "Infinity", 3])
    ada.goto(f"{site.url}/app/runs/{run}")
    ada.wait_for_selector(DRAWN)
    marks = "document.querySelector('.js-plotly-plot').data.find(t => t.meta.kind === 'mark')"
    assert ada.evaluate(f"[...{marks}.x]") == [1, 3]
    until(lambda: ada.locator(".exactness").inner_text() == "exact · NaN, ∞")


@pytest.fixture
def frozen(page, site, proxy):
    """A live page behind a proxy, with a clock of the test's own, and all connections just frozen."""
    page.clock.install()
    log_in(page, proxied(site, proxy))
    run = site.run(site.project())
    site.log(run, **{"train/loss": [3, 2, 1]})
    page.goto(f"{proxy.url}/app/runs/{run}")
    page.wait_for_selector(DRAWN)
    page.wait_for_selector("[data-live=on]")
    page.evaluate(RECORD_BADGE)
    proxy.freeze()
    site.send("POST", f"/metrics/{run}", {"name": "train/loss", "value": 0.5, "step": 3})
    return page


RECORD_BADGE = """() => {
  window.badge = [];
  const look = () => badge.push(document.querySelector('.live').textContent);
  new MutationObserver(look).observe(document.querySelector('#head'), { subtree: true, childList: true, characterData: true });
}"""


def is_live_again(page) -> bool:
    return lengths(page) == {"train/loss": 4} and page.locator("[data-live=on]").count() == 1


def test_a_connection_that_freezes_is_replaced_after_a_ping_without_an_answer(frozen):
    frozen.clock.fast_forward(5_000)  # Silent for so long that the page asks.
    frozen.clock.fast_forward(10_000)
    until(lambda: is_live_again(frozen))
    assert "Reconnecting" in frozen.evaluate("badge")


@pytest.mark.parametrize(
    "event", ["dispatchEvent(new Event('online'))", "document.dispatchEvent(new Event('visibilitychange'))"]
)
def test_a_network_that_returns_or_a_tab_that_wakes_replaces_the_connection_at_once(frozen, event):
    frozen.clock.pause_at(frozen.evaluate("Date.now() + 1"))  # No timer fires: it is the event that does it.
    frozen.evaluate(event)
    frozen.wait_for_selector("[data-live=on]")
    assert "Reconnecting" in frozen.evaluate("badge")
    frozen.clock.resume()
    until(lambda: is_live_again(frozen))


def test_a_fragment_that_waits_on_a_frozen_connection_is_fetched_over_another(frozen, site):
    site.send("PUT", f"/runs/{frozen.url.rpartition('/')[2]}", {"name": "renamed"})
    pending, failed = set(), []
    frozen.on("request", lambda request: pending.add(request))  # noqa: PLW0108 - Playwright marks what it calls
    frozen.on("requestfinished", lambda request: pending.discard(request))  # noqa: PLW0108
    frozen.on("requestfailed", lambda request: (pending.discard(request), failed.append(request)))
    frozen.evaluate("dispatchEvent(new Event('online'))")
    frozen.wait_for_selector("[data-live=on]")

    def is_renewed() -> bool:
        return frozen.locator("h1").inner_text() == "renamed"

    for _ in range(5):  # Chromium keeps up to six connections, and two fragments are fetched at once.
        until(lambda: is_renewed() or pending)
        before = len(failed)
        frozen.clock.fast_forward(10_000)
        until(lambda before=before: is_renewed() or len(failed) > before)
    until(is_renewed)


def test_a_quiet_connection_that_answers_is_kept(ada, site, watched):
    opened = []
    ada.on("websocket", lambda socket: opened.append(socket))
    ada.clock.install()
    ada.reload()
    ada.wait_for_selector("[data-live=on]")
    answers = []
    opened[0].on("framereceived", lambda data: answers.append(data))
    for count in range(1, 5):
        ada.clock.fast_forward(5_000)
        until(lambda count=count: sum("pong" in str(answer) for answer in answers) >= count or ada.evaluate("false"))
    assert len(opened) == 1
