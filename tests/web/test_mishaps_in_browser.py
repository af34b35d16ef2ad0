"""What a careless visitor does to the pages, and what happens to them meanwhile: nothing is lost and nothing goes blank."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .test_live_in_browser import DRAWN

RUNS = 104
ROWS = "#table a[data-row]"


@pytest.fixture(scope="module")
def project(site) -> int:
    project = site.project("mishaps")
    for number in range(RUNS):
        run = site.run(project, f"run {number}", config={"lr": number % 4})
        if number >= RUNS - 4:
            site.log(run, loss=[1 / (step + 1) for step in range(50)], accuracy=[step / 50 for step in range(50)])
    return project


@pytest.fixture
def workspace(ada, site, project):
    ada.goto(f"{site.url}/app/projects/{project}")
    ada.wait_for_selector(DRAWN)
    return ada


def test_the_way_back_shows_the_charts_of_then(workspace):
    workspace.locator("th[data-column=name] > a").click()
    workspace.wait_for_url("**sort=name*")
    expect(workspace.locator(".chart")).to_have_count(0)  # The first ten by name have no points.
    workspace.go_back()
    expect(workspace.locator("th[data-column=created]")).to_have_attribute("aria-sort", "descending")
    expect(workspace.locator(DRAWN)).to_have_count(2)
    # Each click is still heard once.
    workspace.locator("[data-choose]").nth(1).check()
    expect(workspace.locator("#bulk [role=status]")).to_have_text("1 selected")
    workspace.go_forward()
    expect(workspace.locator("th[data-column=name]")).to_have_attribute("aria-sort", "ascending")


def test_more_runs_than_can_be_compared_are_compared_as_far_as_that_goes(workspace):
    workspace.locator("[data-choose-all]").check()
    expect(workspace.get_by_role("button", name="Compare", exact=True)).to_be_visible()
    workspace.get_by_role("button", name=f"Select all {RUNS}").click()
    workspace.get_by_role("button", name="Compare the first 100").click()
    expect(workspace.get_by_role("heading", name="Compare 100 runs")).to_be_visible()


@pytest.mark.provokes("status of 400")
def test_a_name_that_is_refused_can_be_corrected(workspace):
    first = workspace.locator(ROWS).first
    workspace.locator("[data-choose]").first.check()
    workspace.get_by_role("button", name="Rename").click()
    asked = workspace.get_by_label("New name")
    asked.fill("   ")
    workspace.keyboard.press("Enter")
    expect(workspace.locator("#toasts")).to_contain_text("Name must have 1 to 200 characters that are not all blank.")
    expect(asked).to_have_value("   ")
    asked.fill("<b>🧪</b>")
    workspace.keyboard.press("Enter")
    expect(first).to_have_text("<b>🧪</b>")
    expect(asked).to_be_hidden()
