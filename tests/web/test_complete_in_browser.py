"""The search box of a project in Chromium: what may come next is offered, and a fault is shown at its letter."""

import json

import pytest
from playwright.sync_api import expect

from .conftest import Site
from .test_accessibility import DESK, PHONE, THEMES, violations

OPTIONS = "#search-list [role=option]"


@pytest.fixture(scope="module")
def address(site: Site) -> str:
    project = site.project("completed")
    for name, rate in (("adam small", 0.1), ("adam large", 0.01), ("sgd", 0.1)):
        run = site.run(project, name, config={"lr": rate, "optimizer": name.split()[0]}, tags=["baseline"])
        site.log(run, **{"val/loss": [rate, rate / 2]})
    return f"{site.url}/app/projects/{project}"


@pytest.fixture
def box(ada, address):
    ada.goto(address)
    box = ada.get_by_role("combobox", name="Search runs")
    box.focus()
    return box


def rows(page):
    return page.locator("#table a[data-row]")


def test_a_condition_is_put_together_by_arrows_and_enter(ada, box):
    ada.keyboard.type("optim")
    expect(box).to_have_attribute("aria-expanded", "true")
    ada.keyboard.press("ArrowDown")
    option = ada.locator(OPTIONS).first
    expect(option).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", option.get_attribute("id"))
    ada.keyboard.press("Enter")
    expect(box).to_have_value("config.optimizer ")
    ada.keyboard.type("= sgd")
    expect(rows(ada)).to_have_text(["sgd"])


def test_enter_without_a_choice_searches_for_what_was_typed(ada, box):
    ada.keyboard.type("adam")
    ada.keyboard.press("Enter")
    expect(rows(ada)).to_have_count(2)
    expect(box).to_have_value("adam")
    expect(box).to_have_attribute("aria-expanded", "false")


def test_tab_takes_the_choice_and_without_one_leaves_the_box(ada, box):
    ada.keyboard.type("dur")
    expect(ada.locator(OPTIONS)).to_have_count(1)
    ada.keyboard.press("ArrowDown")
    ada.keyboard.press("Tab")
    expect(box).to_have_value("duration ")
    expect(box).to_be_focused()
    ada.keyboard.press("Tab")
    expect(box).not_to_be_focused()
    expect(ada.locator("#search-list")).to_be_hidden()


def test_escape_closes_the_list_and_keeps_the_text_and_the_focus(ada, box):
    ada.keyboard.type("stat")
    expect(ada.locator("#search-list")).to_be_visible()
    ada.keyboard.press("Escape")
    expect(ada.locator("#search-list")).to_be_hidden()
    expect(box).to_have_value("stat")
    expect(box).to_be_focused()


def test_a_click_takes_an_offer_and_one_types_on(ada, box):
    ada.keyboard.type("stat")
    ada.locator(OPTIONS, has_text="status").first.click()
    expect(box).to_have_value("status ")
    expect(box).to_be_focused()


def test_an_answer_that_comes_late_is_dropped(ada, box):
    held = []

    def answer(route):
        if "q=dur&" in route.request.url:
            held.append(route)
        else:
            route.fulfill(body=json.dumps([{"text": "newest", "from": 0, "to": 4, "kind": "field", "detail": ""}]))

    ada.route("**/complete?**", answer)
    with ada.expect_request("**/complete?q=dur&**"):
        ada.keyboard.type("dur")
    ada.keyboard.type("x")
    expect(ada.locator(OPTIONS)).to_have_text(["newest"])
    for route in held:
        route.fulfill(body=json.dumps([{"text": "late", "from": 0, "to": 3, "kind": "field", "detail": ""}]))
    ada.evaluate("fetch('/complete?q=flush&').catch(() => {})")
    expect(ada.locator(OPTIONS)).to_have_text(["newest"])


def test_a_fault_stands_under_its_letter_and_no_rows_are_shown(ada, box):
    ada.keyboard.type("created > soon")
    fault = ada.locator("#fault")
    expect(fault).to_contain_text("expected a time such as -7d or 2026-01-31 after >, at letter 10")
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(box).to_have_attribute("aria-describedby", "fault")
    expect(rows(ada)).to_have_count(0)
    assert abs(tip(ada) - letter(ada, 10)) < 3
    box.fill("created > -7d and duration > long")
    expect(fault).to_contain_text("at letter 29")
    assert abs(tip(ada) - letter(ada, 29)) < 3
    box.fill("created > -7d")
    expect(box).to_have_attribute("aria-invalid", "false")
    expect(rows(ada)).to_have_count(3)


def tip(page) -> float:
    return page.evaluate(
        "parseFloat(getComputedStyle(document.getElementById('fault'), '::before').left)"
        " + document.getElementById('fault').getBoundingClientRect().left"
    )


def letter(page, number) -> float:
    """Where the middle of a letter of the box is, by a text of the same looks that is laid over it."""
    return page.evaluate(
        """number => {
            const field = document.querySelector('#search input[name=q]'), style = getComputedStyle(field);
            const copy = document.createElement('div');
            for (const name of ['fontSize', 'fontFamily', 'fontWeight', 'fontVariantNumeric']) copy.style[name] = style[name];
            copy.style.position = 'fixed';
            copy.style.whiteSpace = 'pre';
            copy.style.left = `${field.getBoundingClientRect().left + parseFloat(style.paddingLeft) + field.clientLeft}px`;
            copy.textContent = field.value;
            document.body.append(copy);
            const range = document.createRange();
            range.setStart(copy.firstChild, number - 1);
            range.setEnd(copy.firstChild, number);
            const { left, right } = range.getBoundingClientRect();
            copy.remove();
            return (left + right) / 2;
        }""",
        number,
    )


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_list_is_whole_on_the_screen_and_axe_finds_nothing(ada, address, size):
    ada.set_viewport_size(size)
    for theme in THEMES:
        ada.emulate_media(color_scheme=theme, reduced_motion="reduce")
        ada.goto(address)
        ada.get_by_role("combobox", name="Search runs").press_sequentially("l")
        ada.wait_for_selector(OPTIONS)
        ada.keyboard.press("ArrowDown")
        box = ada.locator("#search-list").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
        assert box["y"] + box["height"] <= size["height"]
        assert violations(ada) == [], theme
        ada.get_by_role("combobox", name="Search runs").fill("created > soon")
        expect(ada.locator("#fault")).to_be_visible()
        box = ada.locator("#fault").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
        assert violations(ada) == [], theme
