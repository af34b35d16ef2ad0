"""The compare page in a real browser; the window fails its test on any error or breach of the policy."""

import re

import pytest
from playwright.sync_api import expect

from tests.waiting import wait_until

from .conftest import Site, rest


@pytest.fixture(scope="module")
def runs(site: Site) -> list[int]:
    """Twelve runs of which the learning rate decides the loss."""
    project = site.project("compared")
    made = []
    for i in range(12):
        config = {"lr": 10 ** (-1 - i % 4), "optimizer": ["adam", "sgd"][i % 2], "epochs": 3}
        made.append(site.run(project, f"run {i}", config=config))
        site.log(made[-1], **{"val/loss": [3.0, 1 + (i % 4) + i / 100]})
    return made


@pytest.fixture
def compare(ada, site, runs):
    def open_page(count=12, more=""):
        ada.goto(f"{site.url}/app/compare?runs={','.join(map(str, runs[:count]))}{more}")
        return ada

    return open_page


def test_what_differs_between_two_runs_is_said_at_first_sight(compare):
    page = compare(2)
    table = page.locator(".side-by-side")
    expect(table.get_by_role("rowheader", name="lr", exact=True)).to_be_visible()
    expect(table.get_by_role("rowheader", name="epochs")).to_have_count(0)
    expect(table.locator("tr", has_text="val/loss").locator(".delta[data-verdict=worse]")).to_contain_text("+1.010")


def test_controls_change_the_table_and_the_address_and_leave_the_rest_of_it(compare):
    page = compare(3, "&x=time")
    page.get_by_role("button", name="Differences only").click()
    expect(page.get_by_role("rowheader", name="epochs")).to_be_visible()
    page.get_by_label("Baseline", exact=True).select_option(label="run 2")
    expect(page.locator("#values th.base")).to_contain_text("run 2")
    page.get_by_role("searchbox", name="Search keys").fill("loss")
    expect(page.get_by_role("rowheader", name="lr", exact=True)).to_have_count(0)
    assert re.search(r"x=time&all=1&base=\d+&keys=loss$", page.url)
    page.reload()
    expect(page.locator("#values th.base")).to_contain_text("run 2")


def test_a_control_is_obeyed_while_the_table_renews_itself(compare):
    page = compare(2)
    page.wait_for_selector("[data-live=on]")
    held, released = [], []

    def hold(route):
        if released:
            route.continue_()
        else:
            held.append(route)

    page.route(re.compile(r"/app/compare\?"), hold)
    renew = "document.body.dispatchEvent(new CustomEvent('look:again', { bubbles: true }))"
    page.evaluate(f"{renew}; {renew}")
    wait_until(lambda: held or rest(page))
    page.get_by_role("button", name="Differences only").click()
    page.evaluate(renew)
    released.append(True)
    for route in held:
        route.continue_()
    expect(page.get_by_role("rowheader", name="epochs")).to_be_visible()


def test_figures_are_drawn_in_both_themes_when_they_come_near(compare):
    page = compare()
    for kind in ("parallel", "scatter"):
        figure = page.locator(f"#figure-{kind}")
        figure.scroll_into_view_if_needed()
        expect(figure.locator(".scatterlayer .trace").first).to_be_attached()
    page.get_by_role("button", name=re.compile("Theme")).click()
    page.locator("#importance").scroll_into_view_if_needed()
    expect(page.locator("#importance")).to_contain_text("Over 12 runs")
    expect(page.locator("#importance tbody tr").first).to_contain_text("lr")


def test_figures_are_asked_for_once_the_charts_on_the_screen_are_drawn(compare):
    page = compare()
    page.set_viewport_size({"width": 1440, "height": 2400})
    page.add_init_script("""
      window.drawnCharts = [];
      const { fetch } = window;
      window.fetch = (address, ...more) => {
        if (String(address).includes("/app/compare/figure")) drawnCharts.push(document.querySelectorAll("#charts .surface").length);
        return fetch(address, ...more);
      };
    """)
    page.reload()
    expect(page.locator("#figure-parallel .scatterlayer .trace").first).to_be_attached()
    assert page.evaluate("drawnCharts").count(0) == 0


def test_a_run_is_left_out_with_what_was_chosen_since_the_page_came(compare):
    page = compare(3)
    page.get_by_role("button", name="Differences only").click()
    page.wait_for_url(re.compile("all=1"))
    page.get_by_role("link", name="Leave run 1 out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 runs")
    expect(page.get_by_role("list", name="Runs", exact=True).get_by_role("listitem")).to_have_count(2)
    assert "all=1" in page.url
    assert "run 1" not in page.locator("#legend").inner_text()


def test_a_range_on_an_axis_keeps_the_runs_that_pass_by_pointer_and_by_keyboard(compare):
    page = compare(12, "&axis=config.lr&axis=metrics.val/loss")
    page.locator("#figure-parallel").scroll_into_view_if_needed()
    axis = page.get_by_role("slider", name="Range of lr")
    axis.focus()
    page.keyboard.press("PageUp")
    expect(page.locator("#passing")).to_contain_text("6 of 12 runs pass")
    expect(page.locator("#figure-parallel .trace[data-out]")).to_have_count(6)
    assert "range=config.lr%3A0.5..1" in page.url
    page.reload()
    page.locator("#figure-parallel").scroll_into_view_if_needed()
    expect(page.locator("#passing")).to_contain_text("6 of 12 runs pass")
    page.get_by_role("button", name="Clear ranges").click()
    expect(page.locator("#figure-parallel .trace[data-out]")).to_have_count(0)
    axis.scroll_into_view_if_needed()
    box = axis.bounding_box()
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + box["height"] - 2)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] * 0.9, steps=4)
    page.mouse.up()
    expect(page.locator("#passing")).to_contain_text("3 of 12 runs pass")


def test_a_click_on_a_point_opens_its_run(compare, site):
    page = compare(2, "&plot_x=config.lr&plot_y=metrics.val/loss")
    point = page.locator("#figure-scatter .points path").first
    page.locator("#figure-scatter").scroll_into_view_if_needed()
    expect(point).to_be_attached()
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    expect(page.locator("#figure-scatter .hoverlayer")).to_contain_text("run")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile(r"/app/runs/\d+$"))


def test_the_page_is_no_wider_than_a_small_phone(compare):
    page = compare()
    page.set_viewport_size({"width": 360, "height": 740})
    for part in ("values", "parallel", "scatter", "importance"):
        page.locator(f"#{part}").scroll_into_view_if_needed()
    expect(page.locator("#figure-parallel .scatterlayer .trace").first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_part_is_renewed_by_itself(compare):
    page = compare(3)
    page.get_by_role("button", name="Runs as rows").click()
    expect(page.locator("table.turned")).to_be_visible()
    expect(page.locator("#compare")).to_have_count(1)
    assert "rows=runs" in page.url


def test_axes_are_moved_by_keyboard_and_by_drag_and_stay_so(compare):
    page = compare()
    names = page.locator(".axis-name")
    page.locator("#figure-parallel").scroll_into_view_if_needed()
    expect(names.first).to_have_text("lr")
    names.first.press("ArrowRight")
    expect(names.first).to_have_text("optimizer")
    expect(names.nth(1)).to_be_focused()
    names.nth(1).drag_to(names.nth(2))
    expect(names.nth(2)).to_have_text("lr")
    assert re.search(r"axis=config.optimizer&axis=metrics.val%2Floss.*&axis=config.lr", page.url)
    page.reload()
    page.locator("#figure-parallel").scroll_into_view_if_needed()
    expect(names.nth(2)).to_have_text("lr")


def test_a_run_is_added_by_search_and_what_was_chosen_stays(compare, runs):
    page = compare(2)
    page.get_by_role("button", name="Differences only").click()
    expect(page.get_by_role("rowheader", name="epochs")).to_be_visible()
    page.locator("#compare-with > summary").click()
    page.get_by_role("searchbox", name="Search runs").fill("run 11")
    page.locator("#found-runs").get_by_role("link", name="run 11").click()
    expect(page.get_by_role("heading", name="Compare 3 runs")).to_be_visible()
    expect(page.get_by_role("rowheader", name="epochs")).to_be_visible()
