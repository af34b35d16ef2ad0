"""What every page has around its content: shortcuts, toasts, the palette."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .test_live_in_browser import DRAWN, until

SHOW = "detail => document.body.dispatchEvent(new CustomEvent('toast', {detail, bubbles: true}))"


def show(page, text: str, **more) -> None:
    page.evaluate(SHOW, {"text": text} | more)


def test_the_list_of_shortcuts_is_of_this_page_and_a_module_adds_its_own(ada, site):
    ada.keyboard.press("?")
    keys = ada.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys.get_by_text("Go to settings")).to_be_visible()
    expect(keys.get_by_text("Toggle log scale")).to_have_count(0)
    ada.keyboard.press("Escape")
    run = site.run(site.project())
    site.log(run, loss=[1, 2])
    ada.goto(f"{site.url}/app/runs/{run}")
    ada.keyboard.press("?")
    expect(keys.get_by_text("Toggle log scale")).to_be_visible()


def test_two_keys_one_after_the_other_go_to_a_page_and_typing_does_not(ada, site):
    ada.goto(site.url + "/settings")
    ada.get_by_label("Name", exact=True).press_sequentially("gh")
    assert ada.url == site.url + "/settings"
    ada.keyboard.press("Escape")
    ada.keyboard.press("g")
    ada.keyboard.press("h")
    ada.wait_for_url(site.url + "/")


def test_toasts_stand_on_each_other_and_can_be_dismissed_by_key(ada):
    for number in range(7):
        show(ada, f"message {number}")
    toasts = ada.locator("#toasts .toast")
    expect(toasts).to_have_count(5)  # The oldest have left.
    expect(toasts.first).to_contain_text("message 2")
    assert ada.locator("#toasts").get_attribute("role") == "status"
    ada.get_by_role("button", name="Dismiss").last.focus()
    ada.keyboard.press("Enter")
    expect(toasts).to_have_count(4)


@pytest.mark.parametrize("by_key", [False, True], ids=["by the button", "by u"])
def test_undo_posts_what_the_message_says_and_the_page_looks_again(ada, site, by_key):
    posted = []

    def answer(route):
        posted.append(route.request)
        route.fulfill(json={"toast": {"text": "3 runs restored"}})

    ada.route("**/app/runs/bulk", answer)
    ada.evaluate("document.body.addEventListener('look:again', () => { window.looked = true; })")
    show(ada, "3 runs deleted", undo={"action": "restore", "ids": "1,2,3"})
    if by_key:
        ada.keyboard.press("u")
    else:
        ada.get_by_role("button", name="Undo").click()
    expect(ada.locator("#toasts")).to_contain_text("3 runs restored")
    expect(ada.locator("#toasts")).not_to_contain_text("3 runs deleted")
    assert posted[0].post_data == "action=restore&ids=1%2C2%2C3"
    assert posted[0].headers["x-csrf-token"]
    until(lambda: ada.evaluate("window.looked"))


@pytest.mark.provokes("status of 400")
def test_an_undo_that_is_refused_says_why_and_can_be_tried_again(ada, site):
    show(ada, "deleted", undo={"url": "/settings/password", "action": "x", "ids": "1"})
    ada.get_by_role("button", name="Undo").click()
    expect(ada.locator("#toasts .toast[data-kind=wrong]")).to_be_visible()
    expect(ada.get_by_role("button", name="Undo")).to_be_enabled()


def test_a_run_of_another_project_is_opened_from_the_palette_by_keyboard(ada, site):
    run = site.run(site.project("palette one"), "needle in hay", tags=["rare"])
    site.run(site.project("palette two"), "other")
    ada.goto(site.url + "/settings")
    ada.keyboard.press("Control+k")
    field = ada.get_by_role("combobox", name="Search projects, runs and commands")
    expect(field).to_be_focused()
    field.press_sequentially("rare")
    option = ada.get_by_role("option").filter(has_text="needle in hay")
    expect(option).to_have_attribute("aria-selected", "true")
    assert option.get_attribute("id") == field.get_attribute("aria-activedescendant")
    ada.keyboard.press("Enter")
    ada.wait_for_url(f"{site.url}/app/runs/{run}")


def test_what_can_be_done_on_the_page_is_in_the_palette(ada):
    theme = "document.documentElement.dataset.theme"
    before = ada.evaluate(theme)
    ada.keyboard.press("Control+k")
    field = ada.get_by_role("combobox", name="Search projects, runs and commands")
    field.press_sequentially("theme")
    expect(ada.get_by_role("option")).to_have_count(1)
    ada.keyboard.press("Enter")
    expect(field).to_be_hidden()
    until(lambda: ada.evaluate(theme) != before)
    ada.keyboard.press("Control+k")
    field.fill("no such thing anywhere")
    expect(ada.get_by_text("Nothing found. Runs")).to_be_visible()
    ada.keyboard.press("Escape")
    expect(field).to_be_hidden()


def test_the_arrows_choose_in_the_palette_and_what_arrives_later_moves_nothing(ada, site):
    held = []
    ada.route("**/app/search*", lambda route: held.append(route))
    ada.keyboard.press("Control+k")
    field = ada.get_by_role("combobox", name="Search projects, runs and commands")
    with ada.expect_request("**/app/search?q=s"):
        field.press_sequentially("s")
    ada.keyboard.press("ArrowDown")
    chosen = ada.get_by_role("option", selected=True)
    name = chosen.inner_text()
    held[-1].fulfill(json={"projects": [{"name": "settings of old", "about": "", "url": "/"}], "runs": []})
    expect(ada.get_by_role("option").first).to_contain_text("settings of old")
    assert chosen.inner_text() == name


def test_a_slash_searches_everything_where_the_page_has_no_search_of_its_own(ada, site):
    ada.goto(site.url + "/settings")
    ada.keyboard.press("/")
    expect(ada.get_by_role("combobox", name="Search projects, runs and commands")).to_be_focused()


def test_a_run_is_printed_with_its_charts_and_without_what_one_clicks_on(ada, site):
    run = site.run(site.project(), "on paper")
    site.log(run, loss=[3, 2, 1], accuracy=[0, 0.5, 1])
    ada.goto(f"{site.url}/app/runs/{run}")
    ada.wait_for_selector(DRAWN)
    ada.evaluate(
        "addEventListener('beforeprint', () => { window.scaled = document.querySelectorAll('.plot svg[viewBox]').length; })"
    )
    assert ada.pdf()[:5] == b"%PDF-"
    assert ada.evaluate("window.scaled") > 1
    assert ada.locator(".plot svg[data-printed]").count() == 0  # The screen is as it was.
    ada.emulate_media(media="print")
    expect(ada.get_by_role("heading", name="on paper")).to_be_visible()
    expect(ada.locator(".chart").first).to_be_visible()
    for selector in (".bar", ".tabs", ".actions", "#controls", ".live"):
        expect(ada.locator(selector).first).to_be_hidden()
    assert ada.evaluate("getComputedStyle(document.body).colorScheme") == "light"


@pytest.mark.provokes("status of 404")
def test_an_error_page_leads_back_to_where_one_was(ada, site):
    ada.goto(site.url + "/settings")
    ada.evaluate("location.assign('/nowhere')")
    ada.get_by_role("button", name="Go back").click()
    ada.wait_for_url(site.url + "/settings")
    ada.goto(site.url + "/nowhere")  # By hand: there is no page before it that belongs to it.
    expect(ada.get_by_role("link", name="Go to the home page")).to_be_visible()
    expect(ada.get_by_role("button", name="Go back")).to_be_hidden()
    ada.get_by_role("button", name="Search", exact=True).click()
    expect(ada.get_by_role("combobox", name="Search projects, runs and commands")).to_be_focused()


@pytest.mark.provokes("net::ERR_|htmx:error|WebSocket")
def test_a_page_says_that_the_network_is_gone_and_when_it_is_back(ada, site):
    ada.goto(site.url + "/settings")
    mark = ada.locator(".offline")
    ada.context.set_offline(True)
    expect(mark).to_have_text("Offline")
    ada.context.set_offline(False)
    expect(mark).to_have_text("")
