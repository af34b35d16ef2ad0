"""The Logs tab as one uses it: real server, real socket, real browser."""

import re
import time

import pytest

from tests.waiting import assert_stays
from tests.waiting import wait_until as until

from .conftest import Site

TOTAL = 5000


def say(site: Site, run: int, *texts: str, **more) -> None:
    for start in range(0, len(texts), 5000):
        lines = [{"stream": "stdout", "time": time.time(), "text": text} | more for text in texts[start : start + 5000]]
        site.send("POST", f"/runs/{run}/logs", {"lines": lines})


@pytest.fixture(scope="module")
def long_run(site: Site) -> int:
    run = site.run(site.project("long"), "long")
    say(site, run, *[f"\x1b[32mline\x1b[0m {n}{' needle' * (n % 1000 == 7)}" for n in range(1, TOTAL + 1)])
    return run


@pytest.fixture
def opened(ada, site, long_run):
    ada.goto(f"{site.url}/app/runs/{long_run}?tab=logs")
    until(lambda: is_at_end(ada))
    return ada


def is_at_end(page) -> bool:
    return page.evaluate(
        "(() => { const s = document.querySelector('[data-log-scroll]');"
        " return s.scrollHeight - s.scrollTop - s.clientHeight < 4 && s.scrollHeight > 1000; })()"
    )


def seen(page) -> list[int]:
    """The numbers of the lines that one sees."""
    return page.evaluate(
        """(() => {
          const box = document.querySelector('[data-log-scroll]').getBoundingClientRect();
          return [...document.querySelectorAll('.log-line')].filter((row) => {
            const own = row.getBoundingClientRect();
            return own.height > 0 && own.bottom > box.top + 8 && own.top < box.bottom - 8;
          }).map((row) => Number(row.id.slice(1)));
        })()"""
    )


def test_it_opens_at_the_end_with_a_few_lines_and_a_scroll_bar_of_all(opened):
    assert seen(opened)[-1] == TOTAL
    assert opened.locator(".log-line").count() <= 600
    height = opened.evaluate("document.querySelector('[data-log-scroll]').scrollHeight")
    assert height == pytest.approx(TOTAL * 18, rel=0.1)


def test_any_place_of_the_scroll_bar_shows_its_lines(opened):
    for part in (0.5, 0.1, 0.9, 0):
        opened.evaluate(
            "part => { const s = document.querySelector('[data-log-scroll]'); s.scrollTop = s.scrollHeight * part; }",
            part,
        )
        until(lambda part=part: (lines := seen(opened)) and abs(lines[0] - TOTAL * part) < 60)
        lines = seen(opened)
        assert lines == list(range(lines[0], lines[0] + len(lines)))
    assert opened.locator(".log-line").count() <= 2000


def test_scrolling_up_reads_every_line_once_in_order(opened):
    read = set(seen(opened))
    for _ in range(60):
        opened.locator("[data-log-scroll]").evaluate("s => s.scrollBy(0, -400)")
        until(lambda: seen(opened))
        read |= set(seen(opened))
        if min(read) < TOTAL - 1000:
            break
    assert read >= set(range(min(read), TOTAL + 1))


def test_hits_are_counted_marked_and_stepped_through_by_keys(opened):
    opened.keyboard.press("/")
    opened.keyboard.type("NEEDLE")
    count = opened.locator("[data-log-count]")
    until(lambda: count.inner_text() == "5 of 5")
    until(lambda: 4007 in seen(opened))
    opened.keyboard.press("Enter")
    until(lambda: count.inner_text() == "1 of 5" and 7 in seen(opened))
    opened.keyboard.press("Shift+Enter")
    until(lambda: count.inner_text() == "5 of 5" and 4007 in seen(opened))
    assert "q=NEEDLE" in opened.url
    assert opened.evaluate("CSS.highlights.get('log-hit-here').size") == 1
    opened.reload()
    until(lambda: count.inner_text() == "5 of 5")


def test_a_link_to_a_line_shows_it(ada, site, long_run):
    ada.goto(f"{site.url}/app/runs/{long_run}?tab=logs#L2500")
    until(lambda: 2500 in seen(ada))
    assert ada.locator("#L2500").get_attribute("data-here") is not None
    ada.locator("#L2502 .log-number").click()
    until(lambda: ada.url.endswith("#L2502") and ada.locator("#L2502").get_attribute("data-here") is not None)


def test_home_and_end_go_to_the_first_and_the_last_line(opened):
    opened.locator("[data-log-scroll]").focus()
    opened.keyboard.press("Home")
    until(lambda: seen(opened)[:1] == [1])
    opened.keyboard.press("End")
    until(lambda: seen(opened)[-1:] == [TOTAL])


def test_wrap_and_times_are_kept_in_the_address(opened):
    opened.get_by_role("button", name="Wrap").click()
    opened.get_by_role("button", name="Times").click()
    assert re.search(r"wrap=0.*times=1", opened.url)
    opened.reload()
    assert opened.get_by_role("button", name="Wrap").get_attribute("aria-pressed") == "false"
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", opened.locator(f"#L{TOTAL} time").inner_text())


def test_new_lines_are_followed_until_one_scrolls_up(ada, site):
    run = site.run(site.project("live"), "live")
    ada.goto(f"{site.url}/app/runs/{run}")
    ada.wait_for_selector("[data-live=on]")
    say(site, run, *[f"line {n}" for n in range(1, 101)])
    ada.get_by_role("link", name="Logs").click()
    ada.wait_for_selector("[data-live=on]")
    say(site, run, "line 101")
    until(lambda: seen(ada)[-1:] == [101] and is_at_end(ada))
    box = ada.locator("[data-log-scroll]")
    box.hover()
    ada.mouse.wheel(0, -600)
    to_end = ada.get_by_role("button", name="Go to the end")
    to_end.wait_for()
    before = seen(ada)
    say(site, run, *[f"line {n}" for n in range(102, 151)])
    until(lambda: ada.locator("#L150").count() == 1)
    assert seen(ada) == before
    to_end.click()
    until(lambda: seen(ada)[-1:] == [150])
    say(site, run, "line 151")
    until(lambda: seen(ada)[-1:] == [151])


def test_a_progress_bar_moves_in_its_line(ada, site):
    run = site.run(site.project("bar"), "bar")
    say(site, run, "\r 10%", partial=True, stream="stderr")
    ada.goto(f"{site.url}/app/runs/{run}?tab=logs")
    ada.wait_for_selector("[data-live=on]")
    for done in (50, 100):
        say(site, run, f"\r {done}%", partial=True, stream="stderr")
        until(lambda done=done: ada.locator("#L1 .log-text").inner_text().strip() == f"{done}%")
    assert ada.locator(".log-line").count() == 1


def test_hostile_lines_do_nothing_and_stay_in_their_line(ada, site, page_faults):
    run = site.run(site.project("hostile"), "hostile")
    say(
        site,
        run,
        "<img src=x onerror=document.title='owned'>",
        "\x1b[38;2;255;0;0m<script>document.title='owned'</script>",
        "\u202eabc",
        "after \x00",
    )
    ada.goto(f"{site.url}/app/runs/{run}?tab=logs")
    until(lambda: ada.locator(".log-line").count() == 4)
    assert ada.locator("#L1 .log-text").inner_text() == "<img src=x onerror=document.title='owned'>"
    assert ada.locator("#L4 .log-text").inner_text() == "after \u2400"
    assert ada.locator("#L2 .t-ink").evaluate("span => span.style.getPropertyValue('--ink-of')") == "#ff0000"
    assert_stays(lambda: "owned" not in ada.title(), seconds=0.3)


def test_an_alert_is_said_at_once_on_the_run_and_on_its_project(ada, site):
    project = site.project("alerting")
    run = site.run(project, "diverging")
    site.log(run, loss=[1, 2])
    ada.goto(f"{site.url}/app/runs/{run}")
    ada.wait_for_selector("[data-live=on]")
    site.send("POST", f"/runs/{run}/alerts", {"title": "Loss is <b>NaN</b>", "level": "error", "step": 120})
    ada.locator(".toast", has_text="Loss is <b>NaN</b>").wait_for()
    assert ada.locator(".alert-strip summary").inner_text().split("\n")[0].startswith("Loss is <b>NaN</b>")
    ada.goto(f"{site.url}/app/projects/{project}")
    ada.wait_for_selector("[data-live=on]")
    site.send("POST", f"/runs/{run}/alerts", {"title": "Slow", "level": "warning"})
    ada.locator(".toast", has_text="diverging: Slow").wait_for()
    ada.get_by_text("2 alerts").click()
    assert ada.locator(".alert-panel li").first.locator("b").inner_text() == "Slow"
