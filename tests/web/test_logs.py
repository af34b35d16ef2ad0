"""The Logs tab and alerts as the server draws them: what programs write is text, whatever it is."""

import re

import pytest

from aimanager.store.console.chunk import Line
from aimanager.web import ansi
from aimanager.web.logs import row

# What A31 asks for: markup, escapes, directions, bytes that are no text.
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "\x1b[31m<b>\x1b[0m",
    "\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x07",
    '\x1b[38;2;1;2;3m" onclick="x\x1b[0m',
    "\x00\x07\x1b",
    "\u202eevil\u2066",
    "</div></section><script>",
    "\u2028</script>",
]


@pytest.fixture
def run(alice, make_run) -> int:
    return make_run(alice, name="chatty")


@pytest.fixture
def say(api, alice, run):
    def say(*texts, **more):
        lines = [{"stream": "stdout", "time": 1_700_000_000, "text": text, **more} for text in texts]
        assert api(alice).post(f"/runs/{run}/logs", json={"lines": lines}).status_code == 200

    return say


def html_of(text):
    return str(ansi.rendered(text)[0])


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m not", '<span class="t-ink-1">red</span> not'),
        ("\x1b[1;4;92mx", '<span class="t-bold t-underline t-ink-10">x</span>'),
        ("\x1b[38;5;196mx", '<span class="t-ink" data-ink="#ff0000">x</span>'),
        ("\x1b[38;5;9mx", '<span class="t-ink-9">x</span>'),
        ("\x1b[48;5;244mx", '<span class="t-ground" data-ground="#808080">x</span>'),
        ("\x1b[38;2;10;20;30mx", '<span class="t-ink" data-ink="#0a141e">x</span>'),
        ("\x1b[38:2:10:20:300mx", '<span class="t-ink" data-ink="#0a14ff">x</span>'),
        ("\x1b[31;7mx", '<span class="t-ground-1">x</span>'),
        ("\x1b[7mx", '<span class="t-inverse">x</span>'),
        ("\x1b[31m\x1b[39mx", "x"),
        ("\x1b[1m\x1b[22mx", "x"),
        ("\x1b[999mx", "x"),
        ("\x1b[38;5mx", "x"),
        ("\x1b[38;2;1mx", "x"),
        ("\x1b[;;mx", "x"),
    ],
)
def test_colours_become_classes_and_nothing_else(text, html):
    assert html_of(text) == html


def test_what_cannot_be_seen_is_a_sign_that_can():
    assert html_of("a\x00b\x07c\x7fd\x85e\tf") == "a\u2400b\u2407c\u2421d\ufffde\tf"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_program_becomes_markup(text):
    html = str(row(7, Line(0, -1, 0, text)))
    inside = html.partition('<span class="log-text">')[2].removesuffix("</span></div>")
    # All tags are ours: spans with classes and colours of six digits.
    left = re.sub(r'<span class="[a-z0-9 -]*"( data-(ink|ground)="#[0-9a-f]{6}")*>|</span>', "", inside)
    assert "<" not in left
    assert ">" not in left
    assert '"' not in left
    assert "\x1b" not in html


def test_a_huge_line_is_cut_and_says_by_how_much(api, alice, run, say):
    say("x" * 1_000_000)
    answer = api(alice).get(f"/app/runs/{run}/logs?after=0").json
    assert "995,000 more characters" in answer["rows"][0][1]
    assert len(answer["rows"][0][1]) < 6000
    whole = api(alice).get(f"/app/runs/{run}/logs?after=0&whole=1").json
    assert "x" * 1_000_000 in whole["rows"][0][1]


def test_a_tab_appears_with_the_first_line_and_comes_with_the_last_ones(browser_of, alice, run, say):
    page = browser_of(alice)
    assert "tab=logs" not in page.get(f"/app/runs/{run}").text
    say(*[f"line {n}" for n in range(1, 301)])
    assert f"/app/runs/{run}?tab=logs" in page.get(f"/app/runs/{run}").text
    html = page.get(f"/app/runs/{run}?tab=logs").text
    assert 'id="L300"' in html
    assert 'id="L101"' in html
    assert 'id="L100"' not in html


@pytest.mark.parametrize("text", HOSTILE)
def test_the_page_of_a_run_shows_hostile_lines_and_alerts_as_text(api, browser_of, alice, run, say, text):
    say(text)
    title = "".join(c for c in text if c.isprintable()) or "x"
    api(alice).post(f"/runs/{run}/alerts", json={"title": title, "text": title})
    for tab in ("logs", "overview"):
        html = browser_of(alice).get(f"/app/runs/{run}?tab={tab}").text
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "<svg onload" not in html
        assert "\x1b" not in html


def test_lines_of_one_stream_or_rank_are_shown_alone(browser_of, alice, run, say, api):
    say("of zero", rank=0)
    say("of one", rank=1)
    html = browser_of(alice).get(f"/app/runs/{run}?tab=logs&rank=1").text
    assert "of one" in html
    assert "of zero" not in html
    assert browser_of(alice).get(f"/app/runs/{run}?tab=logs&rank=x&stream=y").status_code == 200


def test_hits_are_line_numbers(api, alice, run, say):
    say(*[f"epoch {n}" for n in range(1, 101)])
    assert api(alice).get(f"/app/runs/{run}/logs/hits?q=EPOCH%209&before=101").json == {
        "lines": [9, *range(90, 100)],
        "first": 1,
        "last": 100,
    }
    assert api(alice).get(f"/app/runs/{run}/logs/hits?q=epoch%209&after=95").json["lines"] == [96, 97, 98, 99]
    assert api(alice).get(f"/app/runs/{run}/logs/hits?q=").status_code == 400


def test_the_file_has_all_lines_without_colours(api, alice, run, say):
    say("\x1b[31mred\x1b[0m", "größe", "\x00")
    answer = api(alice).get(f"/app/runs/{run}/logs.txt")
    assert answer.data.decode() == "red\ngröße\n\x00\n"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="run-{run}.log"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert api(alice).get(f"/app/runs/{run}/logs.txt?times=1").text.startswith("2023-11-14T22:13:20.000Z red\n")


def test_the_page_of_a_project_has_the_newest_alerts_and_their_count(
    api, browser_of, alice, make_project, make_run, monkeypatch
):
    project = make_project(alice)
    run = make_run(alice, project, name="diverging")
    page = browser_of(alice)
    assert 'class="menu left"' not in page.get(f"/app/projects/{project}/alerts").text
    for number in range(22):
        api(alice).post(f"/runs/{run}/alerts", json={"title": f"alert {number}", "level": "warning"})
    html = page.get(f"/app/projects/{project}").text
    assert "22 alerts" in html
    assert "alert 21" in html
    assert ">alert 1<" not in html
    assert "newest 20 of 22 alerts." in html
    monkeypatch.setattr("aimanager.services.alerts.MOST_COUNTED", 21)
    assert "newest 20 of over 21 alerts." in page.get(f"/app/projects/{project}").text


def test_a_fork_links_to_the_log_of_its_parent_before_it_has_lines_and_after(
    api, browser_of, alice, run, say, make_points
):
    make_points(alice, run, loss=[1, 2, 3])
    fork = api(alice).post(f"/runs/{run}/fork", json={"step": 1, "name": "lower rate"}).json["id"]
    assert ">Logs<" not in browser_of(alice).get(f"/app/runs/{fork}").text
    say("what the parent printed")
    link = f'Forked at step 1: what was printed before is in the <a href="/app/runs/{run}?tab=logs">log of chatty</a>.'
    page = browser_of(alice).get(f"/app/runs/{fork}?tab=logs").text
    assert link in page
    assert "No lines of its own yet." in page
    assert "what the parent printed" not in page
    lines = [{"stream": "stdout", "time": 1_700_000_000, "text": "what the fork printed"}]
    assert api(alice).post(f"/runs/{fork}/logs", json={"lines": lines}).status_code == 200
    page = browser_of(alice).get(f"/app/runs/{fork}?tab=logs").text
    assert link in page
    assert "what the fork printed" in page


def test_after_a_rewind_all_lines_stay_and_the_archived_run_links_to_them(
    api, browser_of, alice, run, say, make_points
):
    make_points(alice, run, loss=[1, 2, 3])
    say("before", "and after")
    assert api(alice).post(f"/runs/{run}/rewind", json={"step": 1}).status_code == 200
    assert [one["text"] for one in api(alice).get(f"/runs/{run}/logs").json["lines"]] == ["before", "and after"]
    query = {"project_id": api(alice).get(f"/runs/{run}").json["project_id"], "filter": "archived"}
    (before,) = (one["id"] for one in api(alice).get("/runs/", query_string=query).json)
    page = browser_of(alice).get(f"/app/runs/{before}?tab=logs").text
    assert f'printed before it was rewound is in the <a href="/app/runs/{run}?tab=logs">log of chatty</a>.' in page


def test_the_log_of_a_deleted_parent_is_not_linked_to(api, browser_of, alice, run, say, make_points):
    make_points(alice, run, loss=[1, 2, 3])
    say("printed")
    fork = api(alice).post(f"/runs/{run}/fork", json={"step": 1}).json["id"]
    assert api(alice).delete(f"/runs/{run}").status_code in (200, 204)
    assert "log of" not in browser_of(alice).get(f"/app/runs/{fork}").text
