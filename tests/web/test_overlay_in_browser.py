"""Charts of several runs: how they are drawn over each other, and what the pointer does in them."""

import json
import random

from .test_live_in_browser import DRAWN, until
from .test_run_page_in_browser import CHART, drag, lines_of, open_run


def overlay(page, site, runs: list[int], query: str = "") -> None:
    """The page of the first run, with all of them drawn as another page's list of runs would ask for."""
    open_run(page, site, runs[0], query)
    drawn = [{"id": run, "name": f"run {run}", "colour": run % 20, "state": "completed", "url": ""} for run in runs]
    page.evaluate(
        f"document.body.dispatchEvent(new CustomEvent('runs:drawn', {{ detail: {{ runs: {json.dumps(drawn)} }} }}))"
    )
    until(lambda: sorted(lines_of(page)) == sorted(runs))


def record(page, event: str) -> None:
    page.evaluate(
        f"window.events = []; document.body.addEventListener('{event}', ({{ detail }}) => events.push(detail.id))"
    )


def many_runs(site, count: int, steps: int, **extra) -> list[int]:
    project = site.project("overlay")
    runs = [site.run(project, f"run {n}") for n in range(count)]
    for n, run in enumerate(runs):
        site.log(run, loss=[n + 1 + i / steps for i in range(steps)], **extra)
    return runs


def test_each_of_twenty_spikes_in_twenty_overlaid_runs_is_drawn(ada, site):
    project, noise = site.project("spikes"), random.Random(1)
    runs, spikes = [site.run(project) for _ in range(20)], {}
    for n, run in enumerate(runs):
        values = [2 - i / 2000 + noise.random() / 20 for i in range(2000)]
        spikes[run] = values[100 + 90 * n] = 4 + n / 10
        site.log(run, loss=values)
    overlay(ada, site, runs)
    of_bands = f"{CHART}.data.filter((trace) => trace.meta.kind === 'band').flatMap(({{ meta }}) => meta.runs)"
    assert sorted(ada.evaluate(of_bands)) == sorted(runs)
    drawn = ada.evaluate(f"{CHART}.data.filter((t) => t.meta.kind === 'band').flatMap((trace) => [...trace.y])")
    assert all(any(abs((value or 0) - spike) < 1e-5 for value in drawn) for spike in spikes.values())
    # And at first sight: nothing is cropped, and each stands on the canvas with a line of its own colour.
    assert ada.evaluate(f"{CHART}.layout.yaxis.range[1]") > max(spikes.values())
    assert ada.locator(f"{DRAWN}").count() == 1


def test_a_line_that_is_pointed_at_comes_to_the_front_in_all_charts_and_says_so(ada, site):
    runs = many_runs(site, 3, 50, acc=[0.5] * 50)
    overlay(ada, site, runs)
    until(lambda: ada.locator(DRAWN).count() == 2)
    record(ada, "runs:lit")
    box = ada.locator(".chart[data-name=loss] .surface").bounding_box()
    ada.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.94 - box["height"] * 0.88 * (2.5 - 1) / 3)
    until(lambda: ada.evaluate("events") == [runs[1]])
    assert ada.locator(".plot[data-lit] .overlay .line").count() == 2
    rows = ada.locator(".hover-table tr").all_inner_texts()
    assert [row.split("\t")[1].strip() for row in rows] == [f"run {run}" for run in reversed(runs)]
    # The others have the crosshair at the same step.
    assert ada.locator(".overlay .hair").count() == 2
    ada.mouse.move(5, 5)
    until(lambda: ada.evaluate("events") == [runs[1], None])
    assert ada.locator(".hover-table:visible, .overlay .hair, .plot[data-lit]").count() == 0


def test_a_run_that_is_pointed_at_in_the_list_comes_to_the_front(ada, site):
    runs = many_runs(site, 2, 50)
    overlay(ada, site, runs)
    ada.evaluate(f"document.body.dispatchEvent(new CustomEvent('runs:lit', {{ detail: {{ id: {runs[1]} }} }}))")
    assert ada.locator(".plot[data-lit] .overlay .line").count() == 1
    ada.evaluate("document.body.dispatchEvent(new CustomEvent('runs:lit', { detail: { id: null } }))")
    assert ada.locator(".plot[data-lit]").count() == 0


def test_alt_click_asks_for_a_run_alone_and_zooms_nothing(ada, site):
    runs = many_runs(site, 2, 50)
    overlay(ada, site, runs)
    record(ada, "runs:alone")
    box = ada.locator(".surface").bounding_box()
    ada.keyboard.down("Alt")
    ada.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.94 - box["height"] * 0.88 * 0.25)
    ada.keyboard.up("Alt")
    until(lambda: ada.evaluate("events") == [runs[0]])
    assert "min=" not in ada.url


def test_a_zoom_fetches_detail_of_all_runs(ada, site):
    runs = many_runs(site, 3, 20_000)
    overlay(ada, site, runs)
    drag(ada, 0.5, 0.51)
    ada.locator(".exactness", has_text="exact").wait_for()
    assert sorted(lines_of(ada)) == sorted(runs)


def test_a_run_that_is_no_longer_drawn_leaves_the_charts(ada, site):
    runs = many_runs(site, 3, 50)
    overlay(ada, site, runs)
    overlay(ada, site, runs[:1])
    assert ada.evaluate(f"{CHART}.layout.yaxis.range[1]") < 2.2
    ada.evaluate("document.body.dispatchEvent(new CustomEvent('runs:drawn', { detail: { runs: [] } }))")
    until(lambda: lines_of(ada) == [] and ada.locator(".exactness").inner_text() == "")


def test_the_lines_at_the_crosshair_are_told_by_key(ada, site):
    runs = many_runs(site, 2, 50)
    overlay(ada, site, runs)
    ada.locator(".plot").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        ada.keyboard.press(key)
    told = ada.locator("#charts ~ [role=status]").inner_text()
    assert told == f"step 1: run {runs[0]} 1.020"


def test_live_points_of_all_runs_arrive_through_one_socket(ada, site):
    runs = many_runs(site, 3, 50)
    sockets = []
    ada.goto("about:blank")
    ada.on("websocket", lambda socket: sockets.append(socket.url))
    overlay(ada, site, runs)
    for run in runs:
        site.send("POST", f"/metrics/{run}", {"name": "loss", "value": 9, "step": 60})
    until(lambda: ada.evaluate(f"{CHART}.data.filter((t) => t.meta.kind === 'line' && t.x.at(-1) === 60).length") == 3)
    assert len(sockets) == 1


def test_a_group_of_runs_is_its_mean_with_a_band_and_says_how_it_is_made(ada, site):
    runs = many_runs(site, 3, 50)
    open_run(ada, site, runs[0])
    group = {"id": -1, "name": "lr 0.1", "colour": 4, "state": "completed", "url": "", "members": runs}
    detail = json.dumps({"detail": {"runs": [group]}})
    ada.evaluate(f"document.body.dispatchEvent(new CustomEvent('runs:drawn', {detail}))")
    ada.get_by_text("mean of 3 runs · exact").wait_for()
    assert ada.evaluate(f"Array.from({CHART}.data.find((t) => t.meta.kind === 'line').y)")[0] == 2
    band = ada.evaluate(f"Array.from({CHART}.data.find((t) => t.meta.kind === 'band').y).slice(0, 50)")
    assert 2.5 < band[0] < 3.1
    site.send("POST", f"/metrics/{runs[0]}", {"name": "loss", "value": 9, "step": 60})
    until(lambda: ada.evaluate(f"{CHART}.data.find((t) => t.meta.kind === 'line').x.at(-1)") == 60)


def test_smoothing_is_in_the_address_said_on_the_card_and_has_the_raw_line_behind_it(ada, site):
    runs = many_runs(site, 2, 50)
    overlay(ada, site, runs, "?smooth=mean:3")
    ada.get_by_text("mean of 3 · exact").wait_for()
    kinds = ada.evaluate(f"{CHART}.data.map((trace) => trace.meta.kind)")
    assert kinds == ["raw", "raw", "line", "line"]
