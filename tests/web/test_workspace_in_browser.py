"""The page of a project as a workspace: tasks of a researcher, by mouse and by keyboard."""

import math
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.waiting import wait_until

from .conftest import Site, log_in

DRAWN = ".chart .js-plotly-plot"


@pytest.fixture(scope="module")
def sweep(site: Site) -> str:
    """A project of twelve runs: two learning rates, three seeds, with the best validation loss in `adam-0.001-2`."""
    project = site.project("sweep")
    for optimizer in ("sgd", "adam"):
        for rate in (0.1, 0.001):
            for seed in range(3):
                config = {"lr": rate, "optimizer": optimizer, "seed": seed}
                run = site.run(project, f"{optimizer}-{rate}-{seed}", config=config, tags=[optimizer])
                floor = 0.5 - 0.1 * seed - 0.05 * (optimizer == "adam") + (rate == 0.1) * -0.2
                losses = [floor + math.exp(-step / 5) for step in range(30)]
                site.log(run, **{"val/loss": losses, "train/loss": losses})
    return f"/app/projects/{project}"


@pytest.fixture
def workspace(ada, site, sweep):
    ada.goto(site.url + sweep)
    ada.wait_for_selector("#workspace")
    return ada


def names(page) -> list[str]:
    return page.locator("#table a[data-row]").all_text_contents()


def query(page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def drawn(page) -> list[str]:
    """The names of the runs whose eye is open."""
    return page.locator("tr:has(.eye[aria-pressed=true]) a[data-row]").all_text_contents()


def test_the_newest_runs_are_overlaid_at_once(workspace):
    expect(workspace.locator("[data-drawn]")).to_have_text("10 of 12 runs drawn")
    workspace.wait_for_selector(DRAWN)
    assert len(drawn(workspace)) == 10
    # The drawing library has changed neither the title nor the path.
    expect(workspace.locator("ol.path")).to_have_text(re.compile(r"AI Manager\s+sweep"))
    assert workspace.title() == "sweep · AI Manager"
    workspace.get_by_role("button", name="Draw the first 25").click()
    expect(workspace.locator("[data-drawn]")).to_have_text("12 of 12 runs drawn")
    assert query(workspace)["drawn"] == ["25"]


def test_a_researcher_finds_the_best_run_by_validation_loss_among_those_with_a_learning_rate(workspace):
    workspace.get_by_label("Search runs").fill("config.lr = 0.001")
    expect(workspace.locator("#table a[data-row]")).to_have_count(6)
    workspace.locator("th[data-column='metrics.val/loss.best'] > a").click()
    expect(workspace.locator("#table a[data-row]").first).to_have_text("adam-0.001-2")


def test_the_best_run_is_found_and_opened_by_keyboard_alone(workspace):
    workspace.keyboard.press("/")
    workspace.keyboard.type("config.lr = 0.001")
    expect(workspace.locator("#table a[data-row]")).to_have_count(6)
    workspace.keyboard.press("Escape")
    workspace.locator("th[data-column='metrics.val/loss.best'] > a").focus()
    workspace.keyboard.press("Enter")
    expect(workspace.locator("#table a[data-row]").first).to_have_text("adam-0.001-2")
    workspace.locator("#main").focus()
    workspace.keyboard.press("j")
    workspace.keyboard.press("Enter")
    expect(workspace.locator("h1")).to_contain_text("adam-0.001-2")


def test_a_view_that_is_sent_to_a_colleague_looks_the_same(workspace, browser, site):
    workspace.locator("th[data-column='name'] > a").click()
    workspace.wait_for_selector("th[data-column=name][aria-sort]")
    workspace.locator(".eye").first.click()
    workspace.locator(".divider").focus()
    workspace.keyboard.press("ArrowRight")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        colleague = log_in(context.new_page(), site)
        colleague.goto(workspace.url)
        expect(colleague.locator("[data-drawn]")).to_have_text("9 of 12 runs drawn")
        assert names(colleague) == names(workspace)
        assert drawn(colleague) == drawn(workspace)
        assert colleague.locator(".divider").get_attribute("aria-valuenow") == "47"
    finally:
        context.close()


def test_the_divider_is_moved_by_mouse_and_by_keyboard_and_stays_after_a_reload(workspace):
    divider = workspace.locator(".divider")
    box = divider.bounding_box()
    workspace.mouse.move(box["x"], box["y"] + 100)
    workspace.mouse.down()
    workspace.mouse.move(800, box["y"] + 100)
    workspace.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "63")
    divider.focus()
    workspace.keyboard.press("ArrowLeft")
    assert query(workspace)["split"] == ["61"]
    workspace.reload()
    assert abs(divider.bounding_box()["x"] - 0.61 * 1280) < 2
    workspace.get_by_role("button", name="Charts", exact=True).click()
    expect(workspace.locator("#runs")).to_be_hidden()
    assert query(workspace)["layout"] == ["charts"]


def test_the_layout_is_undone_by_the_back_button_and_eyes_are_not(workspace):
    def layout() -> str | None:
        return workspace.locator("#workspace").get_attribute("data-layout")

    workspace.get_by_role("button", name="Table", exact=True).click()
    workspace.locator(".eye").first.click()
    workspace.get_by_role("button", name="Charts", exact=True).click()
    assert layout() == "charts"
    workspace.go_back()
    wait_until(lambda: layout() == "table")
    expect(workspace.locator(".eye").first).to_have_attribute("aria-pressed", "false")
    workspace.go_back()
    wait_until(lambda: layout() == "both")


def test_one_run_is_drawn_alone_and_then_all_again(workspace):
    eye = workspace.locator(".eye").nth(1)
    name = names(workspace)[1]
    eye.click(modifiers=["Alt"])
    expect(workspace.locator("[data-drawn]")).to_have_text("1 of 12 runs drawn")
    assert drawn(workspace) == [name]
    eye.click(modifiers=["Alt"])
    expect(workspace.locator("[data-drawn]")).to_have_text("10 of 12 runs drawn")


def test_a_row_lights_its_line_and_a_line_its_row(workspace):
    workspace.evaluate("document.body.addEventListener('runs:lit', (event) => { window.lit = event.detail.id })")
    row = workspace.locator("#table tr[data-id]").nth(2)
    row.hover()
    number = int(row.get_attribute("data-id"))
    assert workspace.evaluate("window.lit") == number
    workspace.evaluate(
        "(id) => document.body.dispatchEvent(new CustomEvent('runs:lit', { detail: { id } }))", number - 1
    )
    expect(workspace.locator("tr[data-lit]")).to_have_attribute("data-id", str(number - 1))


def test_columns_are_moved_pinned_and_hidden_from_their_menus(workspace):
    def heads() -> list[str]:
        return workspace.locator("th[data-column]").evaluate_all("all => all.map(one => one.dataset.column)")

    before = heads()
    button = workspace.locator("th[data-column='config.lr'] [data-column-menu]")
    button.focus()
    workspace.keyboard.press("Alt+ArrowLeft")
    wait_until(lambda: heads().index("config.lr") == before.index("config.lr") - 1)
    expect(button).to_be_focused()
    workspace.keyboard.press("Enter")
    workspace.get_by_role("button", name="Pin", exact=True).click()
    wait_until(lambda: heads()[1] == "config.lr")
    button.click()
    workspace.locator("#column-menu [data-do=hide]").click()
    wait_until(lambda: "config.lr" not in heads())
    workspace.go_back()
    expect(workspace.locator("th[data-column='config.lr']")).to_have_count(1)


def test_a_column_is_found_in_the_list_and_added(workspace):
    workspace.get_by_role("button", name="Columns").click()
    workspace.keyboard.type("train")
    workspace.locator("#column-list a[data-key='metrics.train/loss'][aria-current]").click()
    expect(workspace.locator("th[data-column='metrics.train/loss']")).to_have_count(0)
    workspace.locator("#column-list a[data-key='metrics.train/loss']:not([aria-current])").click()
    expect(workspace.locator("th[data-column='metrics.train/loss']")).to_have_count(1)


def test_a_column_is_resized_by_keyboard_and_keeps_its_width(workspace):
    head = workspace.locator("th[data-column=name]")
    width = head.bounding_box()["width"]
    head.locator("[data-column-menu]").focus()
    workspace.keyboard.press("Shift+ArrowRight")
    assert head.bounding_box()["width"] == width + 24
    assert query(workspace)["width"] == [f"name:{int(width) + 24}"]
    workspace.reload()
    assert head.bounding_box()["width"] == width + 24


def test_runs_are_selected_tagged_and_untagged_again_without_moving_a_row(workspace):
    first = workspace.locator("#table a[data-row]").first
    place = first.bounding_box()
    first.focus()
    workspace.keyboard.press("x")
    workspace.keyboard.press("j")
    workspace.keyboard.press("j")
    workspace.keyboard.press("X")
    expect(workspace.locator("#bulk [role=status]")).to_have_text("3 selected")
    assert first.bounding_box() == place
    workspace.get_by_role("button", name="Tag", exact=True).click()
    workspace.keyboard.type("looked at")
    workspace.keyboard.press("Enter")
    expect(workspace.locator("#table .tag", has_text="looked at")).to_have_count(3)
    workspace.get_by_role("button", name="Undo").click()
    expect(workspace.locator("#table .tag", has_text="looked at")).to_have_count(0)


def test_a_deleted_run_leaves_the_list_and_comes_back_by_undo(workspace):
    workspace.locator("[data-choose]").first.check()
    workspace.get_by_role("button", name="Delete", exact=True).click()
    expect(workspace.locator("#table a[data-row]")).to_have_count(11)
    workspace.get_by_role("button", name="Undo").click()
    expect(workspace.locator("#table a[data-row]")).to_have_count(12)


def test_a_colour_is_chosen_for_a_run_and_stays(workspace):
    row = workspace.locator("#table tr[data-id]").first
    row.locator("a[data-row]").focus()
    workspace.keyboard.press("c")
    workspace.get_by_role("button", name=re.compile("Colour 4, dashed")).click()
    expect(row).to_have_attribute("data-colour", "13")
    workspace.reload()
    expect(row).to_have_attribute("data-colour", "13")


def test_the_table_alone_loads_nothing_of_the_charts_until_they_are_shown(ada, site, sweep):
    requested = []
    ada.on("request", lambda request: requested.append(urlsplit(request.url).path))
    ada.goto(f"{site.url}{sweep}?layout=table")
    ada.wait_for_selector("[data-live=on]")  # It begins last of all.
    ada.locator(".eye[aria-pressed=true]").first.click()
    expect(ada.locator("[data-drawn]")).to_have_text("9 of 12 runs drawn")
    assert not [path for path in requested if re.search(r"chart(-\w+|/index)\.js|plotly|/app/charts", path)]
    ada.locator("#layouts").get_by_role("button", name="Table and charts").click()
    ada.wait_for_selector(DRAWN)
    runs = "document.querySelector('.chart .js-plotly-plot').data.filter((t) => t.meta.kind === 'line').flatMap((t) => t.meta.runs)"
    wait_until(lambda: len(ada.evaluate(runs)) == 9)


def test_rows_are_loaded_as_one_scrolls_and_only_those_near_the_view_are_in_the_page(ada, site):
    project = site.project("long")
    for number in range(420):
        site.run(project, f"run {number}")
    ada.goto(f"{site.url}/app/projects/{project}?layout=table")
    seen: set[str] = set()
    most = 0

    def at_the_end() -> bool:
        nonlocal most
        seen.update(names(ada))
        most = max(most, ada.locator("#table tbody tr").count())
        ada.evaluate("document.getElementById('scroller').scrollTop += 1200")
        return "run 0" in seen

    wait_until(at_the_end, 100)
    assert len(seen) == 420
    assert most < 350
    ada.evaluate("document.getElementById('scroller').scrollTop = 0")
    expect(ada.locator("#table a[data-row]").first).to_have_text("run 419")


def test_new_runs_are_announced_and_do_not_move_what_one_reads(ada, site):
    project = site.project("growing")
    for number in range(60):
        site.run(project, f"run {number}")
    ada.goto(f"{site.url}/app/projects/{project}?layout=table")
    ada.wait_for_selector("[data-live=on]")
    ada.evaluate("document.getElementById('scroller').scrollTop = 640")
    row = ada.get_by_text("run 30", exact=True)
    row.focus()
    place = row.bounding_box()
    site.log(site.run(project, "new one"), loss=[1])
    site.run(project, "new two")
    button = ada.get_by_role("button", name="2 new runs")
    button.wait_for()
    assert row.bounding_box() == place
    expect(row).to_be_focused()
    button.click()
    expect(ada.locator("#table a[data-row]").first).to_have_text("new two")
    expect(button).to_be_hidden()


def test_seeds_are_grouped_and_their_mean_and_deviation_read(workspace):
    workspace.get_by_role("button", name="Group", exact=True).click()
    workspace.get_by_label("lr", exact=True).check()
    workspace.get_by_label("optimizer", exact=True).check()
    workspace.keyboard.press("Escape")
    rows = workspace.locator("#table .group-row")
    expect(rows).to_have_count(4)
    group = rows.filter(has=workspace.get_by_title("lr 0.001, optimizer adam"))
    # The floors of the three seeds are 0.45, 0.35 and 0.25; after 30 steps e^-5.8 is left.
    last = workspace.locator("th[data-column]").evaluate_all(
        "all => all.findIndex(e => e.dataset.column === 'metrics.val/loss')"
    )
    cell = group.locator("td").nth(last + 1)
    expect(cell.locator(".spread")).to_have_text("0.3530 ± 0.1000")
    expect(cell.locator(".range")).to_have_text("0.2530 to 0.4530")
    expect(workspace.locator("[data-drawn]")).to_have_text("4 of 4 groups drawn")
    group.locator(".eye").click()
    expect(workspace.locator("[data-drawn]")).to_have_text("3 of 4 groups drawn")
    group.locator("[data-fold]").click()
    expect(workspace.locator("#table a[data-row]")).to_have_text(["adam-0.001-2", "adam-0.001-1", "adam-0.001-0"])
    group.locator("[data-fold]").click()
    expect(workspace.locator("#table a[data-row]")).to_have_count(0)


def test_a_view_is_saved_changed_and_deleted(workspace, site, sweep):
    workspace.locator("th[data-column='name'] > a").click()
    workspace.wait_for_selector("th[data-column=name][aria-sort]")
    workspace.locator("#views > summary").click()
    workspace.get_by_label("Save what the page shows as a new view").fill("By name")
    workspace.get_by_role("button", name="Save view").click()
    expect(workspace.locator("#views > summary")).to_contain_text("By name")
    expect(workspace.locator("th[data-column=name]")).to_have_attribute("aria-sort", "ascending")
    expect(workspace.locator("#views .modified")).to_be_hidden()
    workspace.locator(".eye").first.click()
    expect(workspace.locator("#views .modified")).to_be_visible()
    workspace.locator("#views > summary").click()
    workspace.get_by_role("button", name="Save the changes to By name").click()
    expect(workspace.locator("[data-drawn]")).to_have_text("9 of 12 runs drawn")
    expect(workspace.locator("#views .modified")).to_be_hidden()
    workspace.locator("#views > summary").click()
    workspace.get_by_role("button", name="Delete view").click()
    expect(workspace.locator("#views > summary")).to_contain_text("Views")


def test_runs_are_sorted_by_several_columns_with_shift_and_from_the_menu(workspace):
    workspace.locator("th[data-column='config.lr'] > a").click()
    expect(workspace.locator("th[data-column='config.lr']")).to_have_attribute("aria-sort", "descending")
    workspace.locator("th[data-column=name] > a").focus()
    workspace.keyboard.press("Shift+Enter")
    expect(workspace.locator("#table .place")).to_have_text(["2", "1"])
    rows = [f"{optimizer}-{rate}-{seed}" for rate in (0.1, 0.001) for optimizer in ("adam", "sgd") for seed in range(3)]
    assert names(workspace) == rows
    assert query(workspace)["sort"] == ["-config.lr", "name"]
    workspace.locator("th[data-column=name] > a").click(modifiers=["Shift"])
    expect(workspace.locator("#table a[data-row]").first).to_have_text("sgd-0.1-2")
    workspace.get_by_role("button", name="Column lr").focus()
    workspace.keyboard.press("Enter")
    workspace.get_by_role("button", name="Remove from the sort order").click()
    expect(workspace.locator("#table a[data-row]").first).to_have_text("sgd-0.001-2")
    workspace.get_by_role("button", name="Column seed").focus()
    workspace.keyboard.press("Enter")
    workspace.get_by_role("button", name="Then by this, ascending").click()
    expect(workspace.locator("#table .place")).to_have_text(["1", "2"])
    assert query(workspace)["sort"] == ["-name", "config.seed"]


def test_an_archived_run_is_in_a_list_of_its_own_and_comes_back(workspace):
    workspace.get_by_label("Select sgd-0.1-1").check()
    workspace.get_by_role("button", name="Archive", exact=True).click()
    expect(workspace.locator("#table a[data-row]")).to_have_count(11)
    workspace.locator("#views summary").click()
    workspace.get_by_role("link", name="Archived").click()
    expect(workspace.locator("#table a[data-row]")).to_have_text(["sgd-0.1-1"])
    workspace.get_by_label("Select sgd-0.1-1").check()
    expect(workspace.get_by_role("button", name="Archive", exact=True)).to_be_hidden()
    workspace.get_by_role("button", name="Unarchive").click()
    expect(workspace.get_by_role("heading", name="No runs found")).to_be_visible()
    workspace.get_by_role("link", name="Show all runs").click()
    expect(workspace.locator("#table a[data-row]")).to_have_count(12)


def test_deleted_runs_are_found_in_the_trash_and_restored_together(workspace, sweep, site):
    for name in ("sgd-0.1-0", "sgd-0.1-2"):
        workspace.get_by_label(f"Select {name}").check()
    workspace.get_by_role("button", name="Delete").click()
    expect(workspace.locator("#table a[data-row]")).to_have_count(10)
    workspace.goto(site.url + sweep)  # The toast with Undo is gone.
    workspace.locator("#views summary").click()
    workspace.get_by_role("link", name="Trash").click()
    expect(workspace.locator("#table a[data-row]")).to_have_text(["sgd-0.1-2", "sgd-0.1-0"])
    expect(workspace.locator(".trash-note")).to_contain_text("7 days")
    workspace.wait_for_selector(DRAWN)
    workspace.get_by_label("Select all rows").check()
    expect(workspace.get_by_role("button", name="Delete")).to_be_hidden()
    workspace.get_by_role("button", name="Restore").click()
    expect(workspace.get_by_role("heading", name="The trash is empty")).to_be_visible()
    workspace.get_by_role("link", name="Show all runs").click()
    expect(workspace.locator("#table a[data-row]")).to_have_count(12)


def test_a_run_is_renamed_and_the_name_can_be_taken_back(workspace):
    workspace.locator("#main").focus()
    workspace.keyboard.press("j")
    workspace.keyboard.press("e")
    expect(workspace.locator("#asked")).to_have_value("adam-0.001-2")
    workspace.keyboard.type("the best one")
    workspace.keyboard.press("Enter")
    expect(workspace.locator("#table a[data-row]").first).to_have_text("the best one")
    workspace.get_by_role("button", name="Undo").click()
    expect(workspace.locator("#table a[data-row]").first).to_have_text("adam-0.001-2")


def test_all_runs_that_match_are_selected_and_compared(workspace):
    workspace.get_by_label("Search runs").fill("config.optimizer = adam")
    expect(workspace.locator("#table a[data-row]")).to_have_count(6)
    workspace.get_by_label("Select adam-0.1-0").check()
    expect(workspace.get_by_role("button", name="Compare")).to_be_hidden()
    workspace.get_by_role("button", name="Select all 6").click()
    expect(workspace.locator("#bulk [role=status]")).to_have_text("6 selected")
    workspace.get_by_role("button", name="Compare").click()
    workspace.wait_for_url("**/app/compare?runs=*")
    assert len(query(workspace)["runs"][0].split(",")) == 6


def test_the_table_is_downloaded_as_it_is_filtered_and_sorted(workspace):
    workspace.get_by_label("Search runs").fill("config.lr = 0.001")
    expect(workspace.locator("#table a[data-row]")).to_have_count(6)
    workspace.locator("th[data-column=name] > a").click()
    expect(workspace.locator("#table a[data-row]").first).to_have_text("adam-0.001-0")
    with workspace.expect_download() as download:
        workspace.get_by_role("link", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == names(workspace)
