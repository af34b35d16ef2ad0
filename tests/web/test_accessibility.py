"""Every page by axe-core, in both themes, at the width of a desk and of a phone: no violation, no console error."""

import json
from pathlib import Path

import pytest

from .conftest import Site, log_in
from .test_live_in_browser import DRAWN

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEMES = ["light", "dark"]
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def pages(site: Site) -> dict[str, str]:
    """The address of each page by its name, with something on each."""
    project, empty = site.project("digits", description="Handwritten *digits*"), site.project("empty")
    runs = [
        site.run(
            project, f"run {number}", config={"lr": 0.1 / number, "optimizer": "adam", "seed": number}, tags=["baseline"],
            notes="# Notes\n\nWith a [link](https://example.org).",
        )
        for number in (1, 2, 3)
    ]  # fmt: skip
    for run in runs:
        values = [1 / (step + run) for step in range(300)]
        site.log(run, **{"train/loss": values, "val/loss": [*values[:-1], "NaN"], "val/accuracy": values, "lr": values})
    site.log(runs[0], **{"system/cpu": list(range(100)), "gpu/0/power": list(range(100))})
    colours = [
        f"\x1b[{code}mcolour {code}\x1b[0m \x1b[48;5;{code};1mon it\x1b[0m" for code in (*range(30, 38), *range(90, 98))
    ]
    texts = [
        *colours,
        "\x1b[38;2;255;255;160mpale\x1b[0m \x1b[38;5;17mdark\x1b[0m \x1b[7minverse\x1b[0m \x1b[2mdim\x1b[0m",
        "x" * 6000,
    ]
    lines = [
        {"stream": ("stdout", "stderr")[n % 2], "time": n, "text": text, "rank": n % 3} for n, text in enumerate(texts)
    ]
    site.send("POST", f"/runs/{runs[0]}/logs", {"lines": lines})
    for level in ("info", "warning", "error"):
        site.send(
            "POST",
            f"/runs/{runs[0]}/alerts",
            {"title": f"an {level}", "text": "What happened", "level": level, "step": 7},
        )
    return {
        "compare": f"/app/compare?runs={','.join(map(str, runs))}&base={runs[1]}",
        "home": "/",
        "project": f"/app/projects/{project}",
        "project without runs": f"/app/projects/{empty}",
        "project, nothing found": f"/app/projects/{project}?q=nothing",
        "project, wrong filter": f"/app/projects/{project}?q=lr%20%3C",
        "run": f"/app/runs/{runs[0]}",
        "run, overview": f"/app/runs/{runs[0]}?tab=overview",
        "run, system": f"/app/runs/{runs[0]}?tab=system",
        "run, logs": f"/app/runs/{runs[0]}?tab=logs&q=colour&times=1",
        "project settings": f"/app/projects/{project}/settings",
        "settings": "/settings",
        "documentation": "/docs",
        "not found": "/app/runs/999999",
    }


SIGNED_IN = [
    "home", "project", "project without runs", "project, nothing found", "project, wrong filter", "run", "run, overview", "run, system",
    "run, logs",
    "project settings", "settings", "documentation",
]  # fmt: skip


def violations(page) -> list[str]:
    """What axe finds, each with the elements that it is about."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})", RULES
    )
    return [
        f"{rule['id']}: {rule['help']}: {json.dumps([node['html'][:160] for node in rule['nodes'][:3]])}"
        for rule in found["violations"]
    ]


def examine(page, address: str, theme: str) -> list[str]:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.goto(address)
    page.wait_for_load_state("networkidle")
    if page.locator("#charts .chart").count():
        page.wait_for_selector(DRAWN)
    return violations(page)


REFUSED = pytest.param("not found", marks=pytest.mark.provokes("status of 404"))


@pytest.mark.parametrize("name", [*SIGNED_IN, REFUSED])
def test_axe_finds_nothing_on(page, site, pages, name):
    log_in(page, site)
    for theme in THEMES:
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            assert examine(page, site.url + pages[name], theme) == [], (theme, size)


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_axe_finds_nothing_before_login_on(page, site, path):
    for theme in THEMES:
        assert examine(page, site.url + path, theme) == [], theme


@pytest.mark.parametrize("key", ["Control+k", "?"], ids=["the palette", "the list of shortcuts"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_a_dialog(page, site, theme, key):
    log_in(page, site)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.keyboard.press(key)
    page.wait_for_selector("dialog:modal :is([role=option], dt)")
    page.evaluate(
        "document.body.dispatchEvent(new CustomEvent('toast', {detail: {text: 'Done', undo: {action: 'a', ids: '1'}}}))"
    )
    assert violations(page) == []


def select_two(page) -> None:
    for place in (0, 1):
        page.locator("[data-choose]").nth(place).check()


def write_note(page) -> None:
    page.locator(".chart .plot").first.focus()
    for key in ("ArrowRight", "ArrowDown", "n"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Save").wait_for()


def point_at_chart(page) -> None:
    page.locator(DRAWN).first.hover()
    page.wait_for_selector(".hover-table")


def open_full_screen(page) -> None:
    page.locator("[data-card-menu]").first.click()
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_selector("dialog.full .surface")


# What opens on the page of a project, and how.
OPENED = {
    "grouped table": lambda page: page.goto(page.url + "?group=config.optimizer"),
    "bulk bar": select_two,
    "column list": lambda page: page.get_by_role("button", name="Columns", exact=True).click(),
    "column menu": lambda page: page.locator("[data-column-menu]").nth(1).click(),
    "groups": lambda page: page.get_by_role("button", name="Group", exact=True).click(),
    "views": lambda page: page.locator("summary", has_text="Views").click(),
    "x axis": lambda page: page.locator("[data-menu=x] summary").click(),
    "smoothing": lambda page: page.locator("[data-menu=smoothing] summary").click(),
    "y axis": lambda page: page.locator("[data-menu=y] summary").click(),
    "menu of a chart": lambda page: page.locator("[data-card-menu]").first.click(),
    "table at the cursor": point_at_chart,
    "form of a note": write_note,
    "full screen": open_full_screen,
    "compare": lambda page: (select_two(page), page.get_by_role("button", name="Compare").click()),
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("what", OPENED)
def test_axe_finds_nothing_in_what_opens_on_the_page_of_a_project(page, site, pages, what, theme):
    log_in(page, site)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size(DESK)
    page.goto(site.url + pages["project"])
    page.wait_for_selector(DRAWN)
    OPENED[what](page)
    page.wait_for_load_state("networkidle")
    assert violations(page) == []


def turn_table(page) -> None:
    page.get_by_role("button", name="Runs as rows").click()
    page.wait_for_selector("table.turned")


def find_run(page) -> None:
    page.locator("summary", has_text="Add a run").click()
    page.get_by_role("searchbox", name="Search runs").fill("run")
    page.wait_for_selector("#found-runs :is(li, p)")


def choose_axes(page) -> None:
    page.wait_for_selector("#figure-parallel .trace")
    page.locator("#axes summary").click()


def set_range(page) -> None:
    page.wait_for_selector("#figure-parallel .trace")
    page.locator("#figure-parallel [role=slider]").first.focus()
    page.keyboard.press("PageUp")
    page.get_by_role("button", name="Clear ranges").wait_for()


def show_boxes(page) -> None:
    page.get_by_role("button", name="Boxes by value of x").click()
    page.locator("#scatter .as-table summary").click()
    page.get_by_role("columnheader", name="Lower quartile").wait_for()


# What opens on the compare page, and how.
OPENED_OF_COMPARISON = {
    "nothing": lambda page: None,
    "all keys": lambda page: page.get_by_role("button", name="Differences only").click(),
    "runs as rows": turn_table,
    "runs to be added": find_run,
    "axes": choose_axes,
    "a range": set_range,
    "values of the axes": lambda page: page.locator("#parallel .as-table summary").click(),
    "boxes and their table": show_boxes,
    "which keys matter": lambda page: page.wait_for_selector("#importance .empty"),
    "full screen": open_full_screen,
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("what", OPENED_OF_COMPARISON)
def test_axe_finds_nothing_in_what_opens_on_the_compare_page(page, site, pages, what, theme):
    log_in(page, site)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    for size in (DESK, PHONE):
        page.set_viewport_size(size | {"height": 3600})  # So that all sections are near.
        page.goto(site.url + pages["compare"])
        page.wait_for_selector(DRAWN)
        OPENED_OF_COMPARISON[what](page)
        page.wait_for_load_state("networkidle")
        assert violations(page) == [], size
