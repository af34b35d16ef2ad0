"""The address is the state of a project's page: nothing that was chosen is lost by what is chosen next, however fast."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.waiting import wait_until

from .conftest import Site
from .test_live_in_browser import DRAWN
from .test_workspace_in_browser import names


@pytest.fixture(scope="module")
def project(site: Site) -> str:
    project = site.project("addresses")
    for number in range(12):
        run = site.run(project, f"run {number}", config={"lr": number % 3})
        site.log(run, **{"val/loss": [number, number / 2]})
    return f"{site.url}/app/projects/{project}"


@pytest.fixture
def workspace(ada, project):
    ada.goto(project)
    ada.wait_for_selector(DRAWN)
    ada.wait_for_selector("[data-live=on]")
    return ada


@pytest.fixture
def held(workspace) -> list:
    """Requests for the table that wait until `route.continue_()`."""
    routes = []
    workspace.route(
        lambda url: "/app/projects/" in url,
        lambda route: (
            routes.append(route) if "runs" in route.request.headers.get("hx-target", "") else route.continue_()
        ),
    )
    return routes


def query(page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def release(routes: list) -> None:
    for route in routes:
        route.continue_()
    routes.clear()


def test_a_search_and_a_sort_keep_what_was_chosen_before(workspace):
    workspace.locator("#table .eye").nth(1).click()
    hidden = query(workspace)["hide"]
    workspace.locator("[data-menu=smoothing] summary").click()
    workspace.get_by_role("button", name="Exponential").click()
    workspace.keyboard.press("Escape")
    workspace.get_by_label("Search runs").fill("config.lr < 2")
    expect(workspace.locator("#table a[data-row]")).to_have_count(8)
    workspace.locator("th[data-column=name] > a").click()
    expect(workspace.locator("th[data-column=name]")).to_have_attribute("aria-sort", "ascending")
    assert query(workspace) == {"hide": hidden, "smooth": ["ema:0.9"], "q": ["config.lr < 2"], "sort": ["name"]}
    workspace.go_back()
    expect(workspace.locator("th[data-column=created]")).to_have_attribute("aria-sort", "descending")
    assert query(workspace) == {"hide": hidden, "smooth": ["ema:0.9"], "q": ["config.lr < 2"]}


def test_what_is_chosen_while_an_answer_is_on_its_way_is_kept(workspace, held):
    workspace.locator("th[data-column=name] > a").click()
    wait_until(lambda: workspace.evaluate("1") and held)
    workspace.locator("#table .eye").nth(1).click()
    hidden = query(workspace)["hide"]
    release(held)
    expect(workspace.locator("th[data-column=name]")).to_have_attribute("aria-sort", "ascending")
    assert query(workspace) == {"sort": ["name"], "hide": hidden}
    expect(workspace.locator(f"#run-{hidden[0]} .eye")).to_have_attribute("aria-pressed", "false")


def test_a_head_that_is_clicked_right_after_typing_sorts_what_was_typed(workspace):
    workspace.get_by_label("Search runs").fill("config.lr = 2")
    workspace.locator("th[data-column=name] > a").click()
    expect(workspace.locator("#table a[data-row]")).to_have_count(4)
    assert query(workspace) == {"q": ["config.lr = 2"], "sort": ["name"]}
    assert names(workspace) == ["run 2", "run 5", "run 8", "run 11"]


@pytest.mark.provokes("net::ERR_|htmx:error")
def test_an_answer_to_an_earlier_question_does_not_replace_a_later_one(workspace, held):
    workspace.evaluate("document.body.dispatchEvent(new CustomEvent('look:again', { bubbles: true }))")
    wait_until(lambda: workspace.evaluate("1") and held)
    workspace.locator("th[data-column=name] > a").click()
    wait_until(lambda: workspace.evaluate("1") and len(held) == 2)
    held[1].continue_()
    expect(workspace.locator("th[data-column=name]")).to_have_attribute("aria-sort", "ascending")
    held[0].abort()
    assert query(workspace) == {"sort": ["name"]}
