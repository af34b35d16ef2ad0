"""What a researcher comes for, each task in a browser: from the project page to the answer in at most three actions."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, expect

from tests.conftest import PATIENCE, watch_for_faults
from tests.servers import ROOT, Gunicorn
from tests.waiting import wait_until

from .conftest import Site
from .test_live_in_browser import DRAWN

RUNS = 60
VAL_LOSS = "metrics.val/loss"
CARD = "document.querySelector('.chart[data-name=\"{}\"] .js-plotly-plot')"


@pytest.fixture(scope="module")
def server():
    server = Gunicorn(rate_limits="", page_limits="", ingest_limits="", durability="fast")
    yield server
    server.close()


@pytest.fixture(scope="module")
def site(server) -> Site:
    return Site(server.url)


@pytest.fixture(scope="module")
def sweep(site, server) -> str:
    """A project of sixty finished trainings, three seeds of each; the address of its page."""
    env = os.environ | {"AI_MANAGER_DATA_DIR": str(server.data_dir), "AI_MANAGER_DURABILITY": "fast"}
    command = [Path(sys.executable).with_name("aimanager"), "seed", "--runs", str(RUNS), "--user", "ada"]
    done = subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True, text=True)
    return re.search(r"/app/projects/\d+", done.stdout)[0]


# Counts what a person does: each press of the mouse, and each text, however long, that is typed into one field.
COUNT_ACTIONS = """
const add = () => sessionStorage.setItem("actions", Number(sessionStorage.getItem("actions")) + 1);
let field = null;
addEventListener("pointerdown", () => { field = null; add(); }, true);
addEventListener("input", ({ target }) => {
  if (target === field || !target.matches("textarea, [type=search], [type=text], input:not([type])")) return;
  field = target;
  add();
}, true);
"""


@pytest.fixture(autouse=True)
def counted(page):
    page.add_init_script(COUNT_ACTIONS)


def assert_done_in(page, most: int = 3) -> None:
    """The task took at least one action, and no more than this."""
    assert 1 <= int(page.evaluate("sessionStorage.getItem('actions')") or 0) <= most


@pytest.fixture
def workspace(ada, site, sweep):
    ada.set_viewport_size({"width": 1440, "height": 900})
    ada.goto(site.url + sweep)
    ada.wait_for_selector(DRAWN)
    ada.evaluate("sessionStorage.removeItem('actions')")  # Those of the login.
    return ada


def runs_of(site, sweep: str) -> dict[int, dict]:
    listed = site.send("GET", f"/runs/?project_id={sweep.rpartition('/')[2]}")
    return {run["id"]: run for run in listed}


def values_of(site, run: int, name: str) -> list[float]:
    """As a script would read them; NaN is a text in the answer and left out."""
    history = site.send("GET", f"/metrics/{run}/history/{quote(name, safe='')}")
    return [value for value in history["values"] if isinstance(value, float)]


def shown(page) -> list[str]:
    return page.locator("#table a[data-row]").all_text_contents()


def tab_to(page, target: Locator, key: str = "Tab") -> None:
    """Go to an element by the tab key, as somebody without a mouse does."""
    for _ in range(60):
        page.keyboard.press(key)
        if target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError("the tab key does not come by")


def drag(page, name: str, low: float, high: float) -> None:
    """Zoom a chart into a stretch by the mouse; the ends are parts of the width."""
    plot = page.locator(f".chart[data-name='{name}'] .surface")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * low, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * high, middle, steps=4)
    page.mouse.up()


def lines(page, name: str) -> dict[str, float]:
    """The runs whose lines a chart draws, and the last step of each."""
    chart = CARD.format(name)
    return page.evaluate(f"""Object.fromEntries({chart}.data.filter((trace) => trace.meta.kind === 'line').flatMap(
      ({{ meta, x }}) => meta.runs.map((run) => [run, x.at(-1)])))""")


def window(page, name: str) -> list[float]:
    return page.evaluate(f"{CARD.format(name)}.layout.xaxis.range")


# The best run


@pytest.fixture(scope="module")
def best(site, sweep) -> str:
    """The name of the run with the lowest validation loss among those with a learning rate of 0.001."""
    runs = [run for run in runs_of(site, sweep).values() if run["config"]["optimizer"]["lr"] == 0.001]
    assert len(runs) > 3
    return min(runs, key=lambda run: min(values_of(site, run["id"], "val/loss")))["name"]


def test_find_the_best_run_by_validation_loss_among_those_with_a_learning_rate(workspace, best):
    workspace.get_by_label("Search runs").fill("config.optimizer.lr = 0.001")
    expect(workspace.locator("#table a[data-row]").first).to_be_visible()
    workspace.locator(f"th[data-column='{VAL_LOSS}.best'] > a").click()
    expect(workspace.locator("#table a[data-row]").first).to_have_text(best)
    assert_done_in(workspace, 2)


def test_find_the_best_run_by_keyboard_alone(workspace, best):
    workspace.keyboard.press("/")
    workspace.keyboard.type("config.optimizer.lr = 0.001")
    wait_until(lambda: len(shown(workspace)) < RUNS)
    workspace.keyboard.press("Enter")
    tab_to(workspace, workspace.locator(f"th[data-column='{VAL_LOSS}.best'] > a"))
    workspace.keyboard.press("Enter")
    expect(workspace.locator("#table a[data-row]").first).to_have_text(best)


# What differs


def assert_says_what_differs(page, site, sweep: str, names: list[str]) -> None:
    """The page compares these two runs: keys that differ are there, with the values of both, and no others."""
    page.wait_for_url("**/app/compare?*")
    runs = {run["name"]: run["config"] for run in runs_of(site, sweep).values()}
    one, other = (flat(runs[name]) for name in names)
    differing = {key for key in one if one[key] != other[key]}
    heads = page.locator(".side-by-side tbody th.key").all_text_contents()
    assert {head for head in heads if head in one} == differing
    assert differing
    for key in differing:
        row = page.locator(".side-by-side tr", has=page.get_by_role("rowheader", name=key, exact=True))
        for value in (one[key], other[key]):
            expect(row).to_contain_text(f"{value:g}" if isinstance(value, float) else json.dumps(value).strip('"'))


def flat(config: dict, before: str = "") -> dict:
    found = {}
    for key, value in config.items():
        found |= flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return found


def test_say_what_differs_between_two_runs(workspace, site, sweep):
    names = [shown(workspace)[place] for place in (0, 4)]
    workspace.locator("[data-choose]").nth(0).check()
    workspace.locator("[data-choose]").nth(4).check()
    workspace.get_by_role("button", name="Compare").click()
    assert_says_what_differs(workspace, site, sweep, names)
    assert_done_in(workspace)


def test_say_what_differs_by_keyboard_alone(workspace, site, sweep):
    names = [shown(workspace)[place] for place in (0, 4)]
    for key in ("j", "x", "j", "j", "j", "j", "x"):
        workspace.keyboard.press(key)
    expect(workspace.locator("#bulk [role=status]")).to_have_text("2 selected")
    workspace.keyboard.press("C")
    assert_says_what_differs(workspace, site, sweep, names)


# Seeds


def test_group_seeds_and_read_their_mean_and_deviation(workspace, site, sweep):
    workspace.get_by_role("button", name="Group", exact=True).click()
    workspace.get_by_label("optimizer.lr", exact=True).check()
    groups = workspace.locator("#table .group-row")
    expect(groups.first).to_be_visible()
    assert_done_in(workspace, 2)
    workspace.keyboard.press("Escape")
    by_rate: dict[float, list[float]] = {}
    for run in runs_of(site, sweep).values():
        values = values_of(site, run["id"], "val/accuracy")
        by_rate.setdefault(run["config"]["optimizer"]["lr"], []).append(values[-1])
    expect(groups).to_have_count(len(by_rate))
    place = workspace.locator("th[data-column]").evaluate_all(
        "all => all.findIndex((head) => head.dataset.column === 'metrics.val/accuracy')"
    )
    for rate, values in by_rate.items():
        group = groups.filter(has=workspace.get_by_text(f"lr {rate:g}", exact=True))
        mean = sum(values) / len(values)
        deviation = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
        expect(group).to_contain_text(f"{len(values)} runs")
        read = group.locator("td").nth(place + 1).locator(".spread").inner_text()
        told = [float(part) for part in read.split(" ± ")]
        assert told == pytest.approx([mean, deviation], rel=1e-3)
    # The charts show the same: a line for each group, and on each card how it was made.
    expect(workspace.locator(".chart .exactness").first).to_contain_text(f"{len(by_rate)} means of {RUNS} runs")


# Live runs


def test_follow_five_live_runs_with_a_zoom_set_and_see_it_kept(ada, site):
    project = site.project("live")
    runs = [site.run(project, f"live {number}") for number in range(5)]
    for run in runs:
        site.log(run, loss=[2 - step / 200 for step in range(200)])
    ada.goto(f"{site.url}/app/projects/{project}")
    ada.wait_for_selector(DRAWN)
    ada.wait_for_selector("[data-live=on]")
    drag(ada, "loss", 0.25, 0.75)
    ada.wait_for_url("**min=*")
    wait_until(lambda: 40 < window(ada, "loss")[0] < 60)
    zoom, address = window(ada, "loss"), ada.url
    for step in range(200, 260):
        for run in runs:
            site.send("POST", f"/metrics/{run}", {"name": "loss", "value": step + run / 100, "step": step})
        if step % 10 == 9:  # The table tells that the points have come.
            for run in runs:
                expect(ada.locator(f"#run-{run}")).to_contain_text(f"{step + run / 100:.1f}")
            assert window(ada, "loss") == zoom
            assert ada.url == address
    ada.get_by_role("button", name="Reset zoom").click()
    wait_until(lambda: lines(ada, "loss") == {str(run): 259 for run in runs})


# A view for somebody else


def colleague_of(browser, site, faults: list[str]):
    """A window of Bob's, who has an account of his own."""
    bob = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    bob.set_default_timeout(PATIENCE)
    watch_for_faults(bob, faults)
    bob.goto(site.url + "/login?next=/docs")
    bob.get_by_label("Username or email").fill("bob")
    bob.get_by_label("Password", exact=True).fill("password")
    bob.keyboard.press("Enter")
    bob.wait_for_url(site.url + "/docs")
    return bob


def test_send_the_view_to_a_colleague(workspace, site, sweep, browser, page_faults):
    site.send("PUT", f"/projects/{sweep.rpartition('/')[2]}", {"is_public": True})
    site.send("POST", "/auth/register", {"email": "bob@example.com", "username": "bob", "password": "password"})
    workspace.get_by_label("Search runs").fill("config.optimizer.lr <= 0.001")
    wait_until(lambda: 3 < len(shown(workspace)) < RUNS)
    workspace.locator(f"th[data-column='{VAL_LOSS}.best'] > a").click()
    workspace.wait_for_selector(f"th[data-column='{VAL_LOSS}.best'][aria-sort]")
    workspace.locator("#table .eye").nth(1).click()
    workspace.locator("[data-menu=smoothing] summary").click()
    workspace.get_by_role("button", name="Exponential").click()
    workspace.keyboard.press("Escape")
    workspace.wait_for_selector(".chart .exactness:has-text('smoothed')")
    drag(workspace, "val/loss", 0.25, 0.75)
    workspace.wait_for_url("**min=*")
    wait_until(lambda: window(workspace, "val/loss")[0] > 20)
    bob = colleague_of(browser, site, page_faults)
    try:
        bob.goto(workspace.url)
        bob.wait_for_selector(DRAWN)
        assert shown(bob) == shown(workspace)
        wait_until(lambda: len(lines(bob, "val/loss")) == 9)
        assert lines(bob, "val/loss").keys() == lines(workspace, "val/loss").keys()
        # The address has whole steps.
        assert window(bob, "val/loss") == pytest.approx(window(workspace, "val/loss"), abs=1)
        label = workspace.locator(".chart[data-name='val/loss'] .exactness").inner_text()
        assert "smoothed 0.9" in label
        expect(bob.locator(".chart[data-name='val/loss'] .exactness")).to_have_text(label)
        # Bob may look, but change nothing.
        expect(bob.get_by_role("button", name="Delete", exact=True)).to_have_count(0)
    finally:
        bob.context.close()


# Spikes


SPIKE = 60
SIGN = ".note-sign[data-kind=note]"


@pytest.fixture
def diverged(ada, site):
    """The page of a project of five runs, one of which diverged: a spike of its loss, and later NaN."""
    project = site.project("diverged")
    runs = [site.run(project, f"seed {number}") for number in range(5)]
    for run in runs:
        values = [2 - step / 100 + run / 1000 for step in range(101)]
        if run == runs[2]:
            values[SPIKE] = 9.0
            values[90:] = ["NaN"] * 11
        site.log(run, loss=values)
    ada.goto(f"{site.url}/app/projects/{project}")
    ada.wait_for_selector(DRAWN)
    wait_until(lambda: len(lines(ada, "loss")) == 5)
    ada.evaluate("sessionStorage.removeItem('actions')")
    return ada, runs[2]


def assert_noted(page, site, run: int) -> None:
    """The note is on the chart of all runs and names its own; the page of that run has it, too."""
    label = f"Note by ada at step {SPIKE}: The rate was too high"
    expect(page.locator(SIGN)).to_have_attribute("aria-label", label)
    page.locator(SIGN).hover()
    expect(page.get_by_role("dialog", name="Note")).to_contain_text("seed 2")
    page.goto(f"{site.url}/app/runs/{run}")
    expect(page.locator(SIGN)).to_have_attribute("aria-label", label)


def test_put_a_diverged_runs_spike_into_a_note(diverged, site):
    page, run = diverged
    page.locator(".chart[data-name=loss] .plot").scroll_into_view_if_needed()
    x, y = page.evaluate(
        f"""(() => {{ const chart = {CARD.format("loss")}, {{ xaxis, yaxis }} = chart._fullLayout;
          const {{ left, top }} = chart.getBoundingClientRect();
          return [left + xaxis._offset + xaxis.d2p({SPIKE}), top + yaxis._offset + yaxis.d2p(9)]; }})()"""
    )
    page.mouse.click(x, y)
    page.get_by_role("button", name="Add a note").click()
    page.keyboard.insert_text("The rate was too high")
    page.keyboard.press("Control+Enter")
    expect(page.locator(SIGN)).to_be_visible()
    assert_done_in(page)
    assert_noted(page, site, run)


def test_put_a_diverged_runs_spike_into_a_note_by_keyboard_alone(diverged, site):
    page, run = diverged
    tab_to(page, page.locator(".chart[data-name=loss] .plot"))
    for _ in range(SPIKE // 2):  # A fiftieth of what is shown with each press.
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")  # The first of the table at the crosshair has the highest value.
    page.keyboard.press("n")
    page.keyboard.insert_text("The rate was too high")
    page.keyboard.press("Control+Enter")
    expect(page.locator(SIGN)).to_be_visible()
    assert_noted(page, site, run)


def test_each_of_twenty_spikes_in_twenty_overlaid_runs_is_seen_at_first_sight(ada, site):
    project = site.project("spikes")
    spikes = {}
    for number in range(20):
        run = site.run(project, f"run {number}")
        values = [2 - step / 2000 + (step * 7919 + number * 104_729) % 1000 / 20_000 for step in range(2000)]
        spikes[run] = values[100 + 90 * number] = 4 + number / 10
        site.log(run, loss=values)
    ada.goto(f"{site.url}/app/projects/{project}?drawn=25")
    ada.wait_for_selector(DRAWN)
    wait_until(lambda: len(lines(ada, "loss")) == 20)
    chart = CARD.format("loss")
    drawn = ada.evaluate(f"{chart}.data.filter((trace) => trace.meta.kind === 'band').flatMap(({{ y }}) => [...y])")
    assert [run for run, spike in spikes.items() if not any(abs((y or 0) - spike) < 1e-5 for y in drawn)] == []
    # Nothing is cropped, nothing is smoothed.
    low, high = ada.evaluate(f"{chart}.layout.yaxis.range")
    assert low < 1.1
    assert high > max(spikes.values())
    assert window(ada, "loss") == [0, 1999]
