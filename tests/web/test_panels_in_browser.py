"""What a person does with the charts beyond looking: notes on the lines, and how the cards are laid out."""

import math

from .conftest import log_in
from .test_live_in_browser import DRAWN, until
from .test_run_page_in_browser import CHART, open_run

NOTE = ".note-sign[data-kind=note]"
SPIKE = 30


def spiked_run(site) -> int:
    run = site.run(site.project(), "diverged")
    site.log(run, loss=[9.0 if step == SPIKE else 2 - step / 100 for step in range(60)])
    return run


def point_at(page, name: str, step: int, value: float) -> None:
    """Move the mouse to a point of a chart's line, without groups and on linear scales."""
    place = page.evaluate(
        """([name, step, value]) => {
          const chart = document.querySelector(`.chart[data-name="${name}"] .js-plotly-plot`);
          const { xaxis, yaxis } = chart._fullLayout, box = chart.getBoundingClientRect();
          return [box.left + xaxis._offset + xaxis.d2p(step), box.top + yaxis._offset + yaxis.d2p(value)];
        }""",
        [name, step, value],
    )
    page.mouse.move(*place)


def test_a_note_is_pinned_to_a_spike_by_mouse_and_a_colleague_sees_it_at_once(ada, site, browser):
    run = spiked_run(site)
    colleague = log_in(browser.new_context().new_page(), site)
    open_run(colleague, site, run)
    open_run(ada, site, run)
    point_at(ada, "loss", SPIKE, 9.0)
    ada.mouse.down()
    ada.mouse.up()
    ada.get_by_role("button", name="Add a note").click()
    ada.get_by_label(f"Note on loss at step {SPIKE}").fill("The **learning rate** was too high")
    ada.get_by_role("button", name="Save").click()
    for page in (ada, colleague):
        page.wait_for_selector(NOTE)
        page.locator(NOTE).hover()
        dialog = page.get_by_role("dialog", name="Note")
        assert dialog.locator("strong").inner_text() == "learning rate"
        assert "ada" in dialog.inner_text()
        assert f"step {SPIKE}" in dialog.inner_text()
    # The sign stands at the spike.
    point_at(ada, "loss", SPIKE, 9.0)
    box = ada.locator(NOTE).bounding_box()
    tip = ada.evaluate(
        f"(() => {{ const {{ xaxis, yaxis }} = {CHART}._fullLayout, box = {CHART}.getBoundingClientRect();"
        f" return [box.left + xaxis._offset + xaxis.d2p({SPIKE}), box.top + yaxis._offset + yaxis.d2p(9)]; }})()"
    )
    assert math.isclose(box["x"] + box["width"] / 2, tip[0], abs_tol=2)
    assert min(abs(box["y"] - tip[1]), abs(box["y"] + box["height"] - tip[1])) < 3
    colleague.context.close()


def test_a_note_is_written_read_changed_and_deleted_by_keyboard(ada, site):
    run = spiked_run(site)
    open_run(ada, site, run, "?min=20&max=40")
    until(lambda: ada.evaluate(f"{CHART}.layout.xaxis.range") == [20, 40])
    ada.locator(".chart .plot").focus()
    for _ in range(26):
        ada.keyboard.press("ArrowRight")
    ada.keyboard.press("n")
    ada.keyboard.type("Diverged")
    ada.keyboard.press("Control+Enter")
    ada.wait_for_selector(NOTE)
    assert ada.locator(NOTE).get_attribute("aria-label") == f"Note by ada at step {SPIKE}: Diverged"
    # The focus is on the chart again; the sign is the next stop.
    assert ada.evaluate("document.activeElement.matches('.plot')")
    ada.keyboard.press("Tab")
    assert ada.evaluate("document.activeElement.matches('.note-sign')")
    assert "Diverged" in ada.get_by_role("dialog", name="Note").inner_text()
    ada.keyboard.press("Enter")
    ada.keyboard.press("Enter")
    ada.keyboard.type("again ")
    ada.keyboard.press("Tab")
    ada.keyboard.press("Enter")
    until(lambda: "again" in (ada.locator(NOTE).get_attribute("aria-label") or ""))
    ada.locator(NOTE).focus()
    ada.keyboard.press("Enter")
    ada.keyboard.press("Tab")
    ada.keyboard.press("Enter")
    until(lambda: ada.locator(NOTE).count() == 0)
    assert ada.locator(DRAWN).count() == 1


def workspace(page, site) -> int:
    """The page of a project whose three runs log the loss of training and of validation, and the accuracy."""
    project = site.project("panels")
    for number in range(3):
        run = site.run(project, f"run {number}")
        columns = {
            name: [1 / (step + number + 1) for step in range(50)] for name in ("train/loss", "val/loss", "val/acc")
        }
        site.log(run, **columns)
    page.goto(f"{site.url}/app/projects/{project}")
    until(lambda: page.locator(f"#charts {DRAWN}").count() == 3)
    return project


def choose(page, chart: str, option: str) -> None:
    """From the menu of a chart, by keyboard."""
    page.locator(f".chart[data-name='{chart}'] [data-card-menu]").focus()
    page.keyboard.press("Enter")
    item = page.locator(".card-menu").get_by_text(option, exact=True)
    item.focus()
    page.keyboard.press("Enter")


def shown(page) -> list[str]:
    return page.evaluate(
        "[...document.querySelectorAll('#charts .section')].flatMap((section) => [section.querySelector('h2').textContent,"
        " ...[...section.querySelectorAll('.chart')].filter((c) => c.checkVisibility()).map((c) => c.dataset.name)])"
    )


def test_cards_that_this_browser_has_moved_are_not_seen_where_the_server_sends_them(ada, site):
    workspace(ada, site)
    choose(ada, "val/acc", "Pin on top")
    until(lambda: shown(ada)[:2] == ["Pinned", "val/acc"])
    ada.add_init_script(
        """window.moved = [];
        new PerformanceObserver((list) => {
          for (const { sources } of list.getEntries())
            for (const { node } of sources) {
              const card = node?.nodeType === 1 && node.closest(".chart");
              if (card) window.moved.push(card.dataset.name);
            }
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    assert "data-arranging" in ada.request.get(ada.url).text()
    ada.reload()
    until(lambda: shown(ada)[:2] == ["Pinned", "val/acc"])
    ada.wait_for_selector("#charts:not([data-arranging]) .chart[data-name='val/acc'] .js-plotly-plot")
    assert ada.evaluate("window.moved") == []
    choose(ada, "val/acc", "Unpin")
    until(lambda: "data-arranging" not in ada.request.get(ada.url).text())


def test_cards_are_moved_by_touch_from_their_menu(site, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = log_in(context.new_page(), site)
    run = site.run(site.project(), "on a phone")
    site.log(run, **{"val/acc": [1.0, 2.0], "val/loss": [2.0, 1.0]})
    page.goto(f"{site.url}/app/runs/{run}")
    page.locator(".chart[data-name='val/acc'] [data-card-menu]").tap()
    page.get_by_role("button", name="Move down").tap()
    names = "(cards) => cards.map(({ dataset }) => dataset.name)"
    until(lambda: page.eval_on_selector_all(".chart", names) == ["val/loss", "val/acc"])
    context.close()


def metrics_drawn(page, chart: str) -> int:
    """How many lines are drawn in a chart."""
    lines = f"document.querySelector(`.chart[data-name='{chart}'] .js-plotly-plot`)?.data.filter((t) => t.meta.kind === 'line')"
    return page.evaluate(f"{lines}?.flatMap((trace) => trace.meta.runs).length")


def test_charts_that_are_pinned_hidden_moved_and_resized_stay_so_and_go_into_a_view(ada, site):
    project = workspace(ada, site)
    assert shown(ada) == ["train", "train/loss", "val", "val/acc", "val/loss"]
    choose(ada, "val/acc", "Move right")
    assert shown(ada) == ["train", "train/loss", "val", "val/loss", "val/acc"]
    choose(ada, "val/acc", "Pin on top")
    choose(ada, "train/loss", "Hide")
    choose(ada, "val/loss", "Large")
    expected = ["Pinned", "val/acc", "val", "val/loss"]
    until(lambda: [name for name in shown(ada) if name != "train"] == expected)
    ada.reload()
    until(lambda: [name for name in shown(ada) if name != "train"] == expected)
    assert ada.locator(".chart[data-name='val/loss']").get_attribute("data-rows") == "2"
    # A new run comes: the cards stay where they are.
    site.log(site.run(project, "late"), **{"val/loss": [1.0, 2.0]})
    ada.wait_for_selector("#new-runs:visible, #runs tbody tr:nth-child(4)")
    assert [name for name in shown(ada) if name != "train"] == expected
    ada.locator("#views summary").click()
    ada.get_by_label("Save what the page shows as a new view").fill("arranged")
    ada.get_by_role("button", name="Save view").click()
    ada.wait_for_url("**view=*")
    ada.evaluate("localStorage.clear()")
    ada.reload()
    until(lambda: [name for name in shown(ada) if name != "train"] == expected)
    ada.get_by_role("button", name="1 hidden").click()
    ada.locator(".card-menu").get_by_text("train/loss", exact=True).click()
    until(lambda: "train/loss" in shown(ada))


def test_two_metrics_come_into_one_card_by_menu_or_by_drag_and_apart_again(ada, site):
    workspace(ada, site)
    choose(ada, "train/loss", "Add val/loss")
    until(lambda: metrics_drawn(ada, "train/loss") == 6)
    assert "val/loss" not in shown(ada)
    assert ada.locator(".chart[data-name='train/loss'] h3").inner_text() == "train, val/loss"
    choose(ada, "train/loss", "Separate")
    until(lambda: metrics_drawn(ada, "train/loss") == 3 and "val/loss" in shown(ada))
    ada.locator(".chart[data-name='val/acc'] h3").hover()
    ada.mouse.down()
    ada.locator(".chart[data-name='train/loss'] .plot").hover()
    assert ada.locator(".chart[data-name='train/loss'][data-drop=combine]").count() == 1
    ada.mouse.up()
    until(lambda: metrics_drawn(ada, "train/loss") == 6)
    assert "val/acc" not in shown(ada)


def test_a_chart_is_saved_as_a_picture_with_its_title_and_as_all_its_points(ada, site):
    workspace(ada, site)
    files = {}
    for option in ("PNG", "SVG", "CSV, all points"):
        with ada.expect_download() as download:
            choose(ada, "train/loss", option)
        files[download.value.suggested_filename.rpartition(".")[2]] = download.value.path().read_bytes()
    assert files["png"].startswith(b"\x89PNG")
    svg = files["svg"].decode()
    assert all(text in svg for text in ("train/loss", "run 0", "run 2"))
    assert len(files["csv"].decode().splitlines()) > 150


def test_a_chart_fills_the_window_with_the_values_of_its_lines_and_its_address_is_sent_to_a_colleague(ada, site):
    project = workspace(ada, site)
    choose(ada, "val/loss", "Full screen")
    until(lambda: metrics_drawn(ada, "full screen") == 3)
    assert "full=val%2Floss" in ada.url
    rows = ada.locator(".full .values tr")
    assert [row.split("\t")[0].strip() for row in rows.all_inner_texts()] == ["Name", "run 0", "run 1", "run 2"]
    assert [text.strip() for text in rows.nth(1).inner_text().split("\t")[2:]] == ["0.02000", "0.02000", "1"]
    ada.keyboard.press("ArrowRight")
    until(lambda: ada.locator(".full .at").inner_text().startswith("step "))
    assert rows.nth(1).inner_text().split("\t")[2]
    ada.keyboard.press("Escape")
    until(lambda: "full=" not in ada.evaluate("location.href"))
    assert ada.evaluate("document.activeElement.closest('.chart').dataset.name") == "val/loss"
    ada.goto(f"{site.url}/app/projects/{project}?full=train/loss")
    until(lambda: metrics_drawn(ada, "full screen") == 3)
    assert ada.locator(".full h3").inner_text() == "train/loss"
