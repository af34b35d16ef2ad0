"""What a run's page says besides its curves, in a real browser; the window fails its test on any error."""

import pytest
from playwright.sync_api import expect

from .conftest import Site


@pytest.fixture
def runs(site: Site) -> list[int]:
    """Three runs of a project, which differ in their learning rates and losses."""
    project, made = site.project("digits"), []
    for n, lr in enumerate((0.1, 0.01, 0.001)):
        made.append(site.run(project, f"run {n}", config={"lr": lr, "epochs": 3}))
        site.log(made[-1], **{"val/loss": [3, 1 + n]})
    return made


@pytest.fixture
def project_page(ada, site, runs):
    ada.goto(f"{site.url}/app/projects/{site.send('GET', f'/runs/{runs[0]}')['project_id']}")
    return ada


def test_the_runs_of_a_filtered_list_are_walked_through_by_keys(project_page, runs):
    page = project_page
    page.get_by_label("Search runs").fill("config.lr < 0.05")
    expect(page.locator("#table a[data-row]")).to_have_text(["run 2", "run 1"])
    page.get_by_role("link", name="run 2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("run 2")
    page.keyboard.press("l")
    page.wait_for_url("**log=1**")
    page.keyboard.press("]")
    expect(page.get_by_role("heading", level=1)).to_have_text("run 1")
    assert "log=1" in page.url
    page.keyboard.press("]")  # The filter lets no further run pass.
    page.keyboard.press("[")
    expect(page.get_by_role("heading", level=1)).to_have_text("run 2")


def test_what_differs_between_two_runs_is_found_in_three_actions(project_page, runs):
    page = project_page
    page.get_by_role("link", name="run 2").click()
    page.get_by_role("link", name="Overview").click()
    differences = page.get_by_role("region", name="Differences")
    expect(differences.get_by_label("from")).to_have_value(str(runs[1]))
    differences.get_by_label("from").select_option(label="run 0")
    expect(differences.get_by_role("columnheader", name="run 0")).to_be_visible()
    expect(differences.get_by_role("row", name="lr")).to_contain_text("−0.09900 (−99.0 %)")
    expect(differences.get_by_role("row", name="val/loss").locator("[data-verdict=worse]")).to_contain_text("▲ +2")
    expect(differences.get_by_text("epochs")).to_have_count(0)
    assert f"than={runs[0]}" in page.url
    page.reload()
    expect(differences.get_by_label("from")).to_have_value(str(runs[0]))


def test_differences_of_a_live_run_follow_its_points(project_page, site, runs):
    page = project_page
    page.get_by_role("link", name="run 2").click()
    page.get_by_role("link", name="Overview").click()
    page.wait_for_selector("[data-live=on]")
    site.log(runs[2], **{"val/loss": [0.5]})
    expect(page.get_by_role("region", name="Differences").get_by_role("row", name="val/loss")).to_contain_text("0.5000")


def test_notes_are_edited_where_they_stand_and_stay_while_the_page_renews_itself(project_page, site, runs):
    page = project_page
    page.get_by_role("link", name="run 2").click()
    page.wait_for_selector("[data-live=on]")
    page.get_by_role("link", name="Add notes").click()
    page.get_by_label("Notes", exact=True).fill("**Diverged** at step 3")
    site.send("PUT", f"/runs/{runs[2]}", {"tags": ["renewed"]})
    expect(page.locator(".run-head .tag")).to_have_text("renewed")
    expect(page.get_by_label("Notes", exact=True)).to_have_value("**Diverged** at step 3")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#notes summary")).to_contain_text("Diverged at step 3")
    stored = site.send("GET", f"/runs/{runs[2]}")
    assert (stored["notes"], stored["tags"], stored["name"]) == ("**Diverged** at step 3", ["renewed"], "run 2")
    page.get_by_role("link", name="Edit notes").click()
    page.get_by_label("Notes", exact=True).fill("nothing")
    page.get_by_role("link", name="Cancel").click()
    expect(page.locator("#notes summary")).to_contain_text("Diverged at step 3")
