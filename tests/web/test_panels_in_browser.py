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
