"""Pages in a real browser: quiet consoles, a strict policy, the keyboard, narrow screens.

The window fails its test on any error or breach of the policy.
"""

from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from .conftest import Site
from .test_live_in_browser import DRAWN, lengths, until

PAYLOAD = "<img src=x onerror=window.hit=1><b>x</b>"


@dataclass(frozen=True)
class Place:
    """A project and the addresses of its two runs, the second with markup wherever somebody may write."""

    project: str
    baseline: str
    marked: str

    @property
    def pages(self) -> list[str]:
        more = ["/", self.project, self.marked, self.marked + "?tab=overview", "/settings", "/docs"]
        return [*more, "/app/runs/999999"]


@pytest.fixture
def place(site: Site) -> Place:
    project = site.project(PAYLOAD, description=PAYLOAD)
    runs = [
        site.run(project, name, config={"lr": 0.1, "who": name}, tags=[PAYLOAD], notes=PAYLOAD)
        for name in ("baseline", PAYLOAD)
    ]
    for run in runs:
        site.log(run, **{"train/loss": [1 / (i + 1) for i in range(3000)], "val/loss": [1, "NaN", 3], PAYLOAD: [1, 2]})
    return Place(f"/app/projects/{project}", *(f"/app/runs/{run}" for run in runs))


@pytest.mark.provokes("status of 404")
def test_pages_break_no_policy_and_no_name_acts(ada, site, place):
    ada.add_init_script(
        "window.broken = [];"
        "document.addEventListener('securitypolicyviolation', (event) => broken.push(event.violatedDirective))"
    )
    for path in place.pages:
        ada.goto(site.url + path)
        if path == place.marked:
            ada.wait_for_selector(DRAWN)
            for drawn in ada.locator(DRAWN).all():
                drawn.hover()
            ada.locator("[data-menu=y] summary").click()
            ada.locator("[data-log]").click()
            ada.locator("[data-menu=x] summary").click()
            ada.locator("[data-x=relative]").click()
            ada.wait_for_load_state("networkidle")
            ada.locator("[data-card-menu]").first.dispatch_event("click")
            with ada.expect_download() as picture:
                ada.get_by_role("button", name="PNG").click()
            assert picture.value.suggested_filename.endswith(".png")
        assert ada.evaluate("[broken, window.hit ?? null]") == [[], None], path


@pytest.mark.provokes("status of 404")
def test_no_page_is_wider_than_a_small_phone(ada, site, place):
    ada.set_viewport_size({"width": 360, "height": 740})
    for path in place.pages:
        ada.goto(site.url + path)
        ada.wait_for_load_state("networkidle")
        assert ada.evaluate("document.documentElement.scrollWidth") == 360, path


@pytest.mark.parametrize("project", ["digits", "p" * 100])
def test_both_names_of_the_path_are_legible_however_long_they_are(ada, site, project):
    run = site.run(site.project(project), "r" * 200)
    for width in (700, 900, 1280):
        ada.set_viewport_size({"width": width, "height": 740})
        ada.goto(f"{site.url}/app/runs/{run}")
        widths = ada.evaluate(
            "[...document.querySelectorAll('ol.path li:not(:first-child) > *')].map((one) => one.clientWidth)"
        )
        assert min(widths) >= 38, (width, widths)
        assert ada.evaluate("document.documentElement.scrollWidth") == width


def test_a_run_is_found_and_read_by_keyboard_alone(ada, site, place):
    ada.goto(site.url + "/")  # The newest project is the first row.
    keys = ada.keyboard
    keys.press("j")
    keys.press("Enter")
    ada.wait_for_url(site.url + place.project)
    keys.press("/")
    keys.type("baseline")
    ada.wait_for_url("**q=baseline")
    until(lambda: ada.locator("#runs [data-row]").count() == 1)
    keys.press("Escape")
    keys.press("j")
    keys.press("Enter")
    ada.wait_for_url(f"{site.url}{place.baseline}?from=*")
    ada.wait_for_selector(DRAWN)
    until(lambda: len(lengths(ada)) == 3)
    for key in ("j", "ArrowRight", "ArrowRight"):
        keys.press(key)
    assert ada.locator("#charts + [role=status]").inner_text().startswith("step ")
    keys.press("+")
    ada.wait_for_url("**min=*")
    keys.press("0")
    until(lambda: "min=" not in ada.evaluate("location.search"))
    keys.press("g")
    keys.press("u")
    ada.wait_for_url(site.url + place.project)


def test_the_list_of_shortcuts_opens_and_closes_by_key(ada):
    ada.keyboard.press("?")
    assert ada.locator("#keys").is_visible()
    ada.keyboard.press("Escape")
    assert not ada.locator("#keys").is_visible()


def test_the_theme_changes_without_a_reload_and_charts_follow(ada, site, place):
    ada.goto(site.url + place.baseline)
    ada.wait_for_selector(DRAWN)
    ground = "document.querySelector('.js-plotly-plot').layout.paper_bgcolor"
    light = ada.evaluate(ground)
    ada.keyboard.press("t")
    ada.keyboard.press("t")
    until(lambda: ada.evaluate(ground) != light)
    ada.reload()
    assert ada.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_address_is_the_state_of_the_charts(ada, site, place):
    ada.goto(f"{site.url}{place.baseline}?x=relative&log=1&chart=val")
    ada.wait_for_selector(DRAWN)
    assert ada.locator("[data-x=relative]").get_attribute("aria-pressed") == "true"
    assert ada.locator("[data-log]").is_checked()
    assert ada.locator("[data-says]").all_inner_texts() == ["Since start", "Off", "Log"]
    assert ada.locator(".chart:visible").count() == 1
    assert ada.get_by_text("1 of 3 charts").is_visible()


def test_only_charts_on_screen_are_fetched(ada, site):
    run = site.run(site.project())
    site.log(run, **{f"layer/weight.{n}": [n] for n in range(300)})
    requested = []
    ada.on("request", lambda request: "/charts?" in request.url and requested.append(request.url))
    ada.goto(f"{site.url}/app/runs/{run}")
    ada.wait_for_selector(DRAWN)
    ada.wait_for_load_state("networkidle")
    assert 0 < sum(address.count("name=") for address in requested) < 40


def test_sorting_changes_the_address_and_the_back_button_undoes_it(ada, site, place):
    ada.goto(site.url + place.project)
    ada.locator("th a[href$='sort=name']").click()
    ada.wait_for_url("**sort=name")
    ada.wait_for_selector("th[aria-sort=ascending]")
    ada.go_back()
    ada.wait_for_selector("th[aria-sort=descending]")
    assert "sort=name" not in ada.url


def test_a_search_keeps_the_order_and_a_condition_that_is_not_whole_yet_shows_no_rows(ada, site):
    project = site.project("conditions")
    for name, losses in {"a": [3, 2], "b": [1, 5], "c": [9, 4]}.items():
        site.log(site.run(project, name=name), loss=losses)
    ada.goto(f"{site.url}/app/projects/{project}")
    rows = expect(ada.locator("a[data-row]"))
    ada.locator("th[data-column='metrics.loss.best'] > a").click()
    ada.wait_for_selector("th[aria-sort=ascending]")
    rows.to_have_text(["b", "a", "c"])
    box = ada.get_by_label("Search runs")
    box.press_sequentially("loss")
    ada.get_by_text("expected <, > or = after loss").wait_for(state="attached")  # Behind what is offered.
    rows.to_have_count(0)
    box.press_sequentially(".min >")
    ada.get_by_text("expected a number after >").wait_for(state="attached")
    rows.to_have_count(0)
    box.press_sequentially(" 1")
    rows.to_have_text(["a", "c"])
    ada.wait_for_url("**q=loss.min*")
    ada.reload()
    rows.to_have_text(["a", "c"])


def test_on_a_phone_each_run_is_a_card_with_its_values(ada, site):
    project = site.project("cards")
    site.log(site.run(project, name="a run with a name"), **{"val/loss": [0.25], "val/acc": [0.5]})
    ada.set_viewport_size({"width": 360, "height": 700})
    ada.goto(f"{site.url}/app/projects/{project}")
    for value in ada.locator("tbody .cell data").all():
        box = value.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    assert ada.evaluate("document.documentElement.scrollWidth") == 360


def ticks(page, axis: str) -> list[str]:
    """The labels of an axis of the first chart, as they are on the screen."""
    page.wait_for_selector(DRAWN)
    return page.locator(f".chart .{axis}tick text").all_text_contents()


def drawn(page, site, columns: list[float], query: str = "", **fields) -> None:
    run = site.run(site.project())
    site.send("POST", f"/metrics/{run}/bulk", {"series": {"loss": {"values": columns} | fields}})
    page.goto(f"{site.url}/app/runs/{run}{query}")


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.9, 0.5, 0.2, 0.04], ["0.05", "0.1", "0.2", "0.5"]),
        ([1000, 10, 0.1, 0.001], ["0.001", "0.1", "10", "1,000"]),
        ([3.1, 3.2, 3.4], ["3.1", "3.2", "3.3", "3.4"]),
        ([7], ["7"]),
    ],
)
def test_a_logarithmic_axis_writes_its_numbers_in_full(ada, site, values, labels):
    drawn(ada, site, values, "?log=1")
    assert ticks(ada, "y") == labels


@pytest.mark.parametrize(
    ("steps", "labels"),
    [([0], ["0"]), ([0, 1], ["0", "1"]), ([4, 7], ["4", "5", "6", "7"]), ([10**6, 10**6 + 2], ["1,000,000", "1,000,001"])],
)  # fmt: skip
def test_there_is_no_tick_between_two_steps(ada, site, steps, labels):
    drawn(ada, site, [1.0] * len(steps), steps=steps)
    assert ticks(ada, "x") == labels


BOXES = """[...document.querySelectorAll('.chart .ytick text, .chart .xtick text')].map((text) => {
  const [label, plot] = [text, text.closest('.plot')].map((one) => one.getBoundingClientRect());
  return [text.closest('.ytick') !== null, label.left - plot.left, label.right, label.top, label.bottom - plot.bottom, label.bottom];
})"""


@pytest.mark.parametrize(
    "values", [[1e300, -1e300], [1.5e-300, 2.5e-300], [123456, -123456], [3, 3], [5.4321e299] * 2, [-123456] * 2]
)
def test_no_label_of_an_axis_is_cut_off_or_lies_upon_another(ada, site, values):
    drawn(ada, site, values, steps=[1_000_000, 9_000_000])
    assert len(ticks(ada, "y")) >= len(set(values))
    boxes = ada.evaluate(BOXES)
    assert min(left for _, left, *_ in boxes) >= 0
    assert max(over for *_, over, _ in boxes) <= 1
    under = max(bottom for upwards, *_, bottom in boxes if upwards)
    assert under <= min(top for upwards, _, _, top, *_ in boxes if not upwards) + 2


def test_a_stretch_without_a_point_says_so(ada, site):
    drawn(ada, site, [3, 2, 1], "?min=200&max=300", steps=[0, 100, 1000])
    ada.get_by_text("no points in this range").wait_for()
    drawn(ada, site, [1.0] * 5000, "?min=6000&max=7000")
    ada.get_by_text("no points in this range").wait_for()
