"""The controls over the charts: what they change is in the address, and all of it by keyboard."""

import pytest

from .test_live_in_browser import until
from .test_run_page_in_browser import CHART, hover, line, open_run, window


@pytest.fixture
def opened(ada, site):
    run = site.run(site.project())
    site.log(run, loss=[1000.0] + [2 - i / 100 for i in range(99)], epoch=[i // 10 for i in range(100)])
    open_run(ada, site, run)
    until(lambda: ada.locator(".surface").count() == 2)
    return ada


def loss(page, what: str):
    return page.evaluate(f"document.querySelector('.chart[data-name=loss] .js-plotly-plot').{what}")


def test_smoothing_is_chosen_and_changed_by_keyboard(opened):
    opened.locator("[data-menu=smoothing] summary").focus()
    opened.keyboard.press("Enter")
    opened.get_by_role("button", name="Exponential").focus()
    opened.keyboard.press("Enter")
    until(lambda: "smooth=ema%3A0.9" in opened.url)
    opened.get_by_label("Weight").press("ArrowLeft")
    until(lambda: "smooth=ema%3A0.89" in opened.url)
    opened.get_by_text("smoothed 0.89 · exact").first.wait_for()
    opened.keyboard.press("Escape")
    assert opened.locator("[data-says=smoothing]").inner_text() == "Exponential 0.89"
    opened.reload()
    opened.get_by_text("smoothed 0.89 · exact").first.wait_for()


def test_percentiles_crop_a_spike_and_the_chart_says_how_many_points_lie_outside(opened):
    assert window(opened, "yaxis")[1] > 8
    opened.locator("[data-menu=y] summary").click()
    opened.get_by_role("button", name="1–99 %").click()
    until(lambda: loss(opened, "layout.yaxis.range[1]") < 30)
    assert opened.locator(".chart[data-name=loss] .edges").inner_text().split("\n")[0] == "1 point above"
    assert "y=p1-99" in opened.url


def test_a_range_of_values_is_typed_and_nonsense_changes_nothing(opened):
    opened.locator("[data-menu=y] summary").click()
    opened.get_by_label("From").fill("0")
    opened.get_by_label("To", exact=True).fill("3")
    opened.keyboard.press("Enter")
    until(lambda: loss(opened, "layout.yaxis.range") == [0, 3])
    opened.get_by_label("To", exact=True).fill("-1")
    opened.keyboard.press("Enter")
    until(lambda: opened.get_by_label("To", exact=True).get_attribute("aria-invalid") == "true")
    assert loss(opened, "layout.yaxis.range") == [0, 3]
    assert "y=0..3" in opened.url


def test_charts_are_drawn_along_another_metric(opened):
    opened.locator("[data-menu=x] summary").click()
    opened.get_by_label("Another metric").fill("epoch")
    until(lambda: loss(opened, "layout.xaxis.range") == [0, 9])
    assert opened.locator(".chart[data-name=loss] .xtitle").text_content() == "epoch"
    assert "x=metric%3Aepoch" in opened.url
    opened.keyboard.press("Escape")
    opened.locator(".chart[data-name=loss] .plot").focus()
    opened.keyboard.press("ArrowLeft")
    assert "epoch 9" in hover(opened)


def test_live_points_go_on_along_another_metric(opened, site):
    run = int(opened.url.rpartition("/")[2])
    open_run(opened, site, run, "?x=metric:epoch")
    until(lambda: loss(opened, "layout.xaxis.range") == [0, 9])
    site.log(run, loss=[1.0], epoch=[12.0])
    until(lambda: loss(opened, "layout.xaxis.range") == [0, 12])


def test_both_axes_are_logarithmic_and_a_zoom_is_in_steps(opened):
    opened.locator("[data-menu=x] summary").click()
    opened.locator("[data-log-x]").click()
    until(lambda: loss(opened, "layout.xaxis.type") == "log")
    opened.keyboard.press("Escape")
    box = opened.locator(".chart[data-name=loss] .surface").bounding_box()
    middle = box["y"] + box["height"] / 2
    opened.mouse.move(box["x"] + box["width"] / 2, middle)
    opened.mouse.down()
    opened.mouse.move(box["x"] + box["width"], middle, steps=4)
    opened.mouse.up()
    opened.wait_for_url("**min=10*")
    until(lambda: 0.9 < loss(opened, "layout.xaxis.range[0]") < 1.1)
    assert line(opened)[0] < 12


def test_the_controls_fit_a_small_phone(ada, site):
    run = site.run(site.project())
    site.log(run, loss=[1, 2])
    ada.set_viewport_size({"width": 360, "height": 740})
    open_run(ada, site, run)
    for menu in ("x", "smoothing", "y"):
        ada.locator(f"[data-menu={menu}] summary").click()
        box = ada.locator(f"[data-menu={menu}] .panel").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        ada.keyboard.press("Escape")
    assert ada.evaluate("document.documentElement.scrollWidth") == 360
    assert ada.evaluate(f"{CHART} !== null")
