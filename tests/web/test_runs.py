import gzip
import json
import re
from html import unescape
from math import nan
from urllib.parse import unquote

import pytest

from aimanager.wire import columnar

from .conftest import as_htmx


@pytest.fixture
def run(alice, make_run, make_points) -> int:
    run = make_run(alice, name="baseline", config={"lr": 0.1, "net": {"width": 64}}, tags=["first"])
    make_points(alice, run, **{"train/loss": [3, "NaN", 1.23456], "val/loss": [4], "lr": [0.1], "a/b/c": [1]})
    return run


def test_the_page_shows_its_facts_and_values_before_any_script_runs(look, alice, run):
    page = look(alice, f"/app/runs/{run}").text
    assert "baseline" in page
    assert "6 points" in page
    values = re.search(r'<div id="summary".*?</table>', page, re.S)[0]
    assert "train/loss" in values
    assert ">1.235</data>" in values


def test_charts_are_grouped_by_what_stands_before_the_slash(look, alice, run):
    page = look(alice, f"/app/runs/{run}").text
    sections = re.findall(r'data-section="([^"]*)"', page)
    assert sections == ["train", "val", "a/b", "", "=values"]
    assert sorted(re.findall(r'<article[^>]*data-name="([^"]*)"', page)) == ["a/b/c", "lr", "train/loss", "val/loss"]


def test_the_overview_shows_the_config_with_nested_keys(look, alice, run):
    page = look(alice, f"/app/runs/{run}?tab=overview").text
    assert "net.width" in page
    assert re.search(r'<th scope="row">lr</th><td class="mono">0.1</td>', page)


def test_metrics_of_the_machine_have_a_tab_of_their_own(look, alice, run, make_points):
    charts, system = f"/app/runs/{run}", f"/app/runs/{run}?tab=system"
    assert "System</a>" not in look(alice, charts).text
    assert names_of_charts(look(alice, system).text) == ["train/loss", "val/loss", "a/b/c", "lr"]
    make_points(alice, run, **{"system/cpu": [1], "GPU/0/power": [2], "cpu": [3]})
    assert names_of_charts(look(alice, system).text) == ["GPU/0/power", "system/cpu"]
    page = look(alice, charts).text
    assert "System</a>" in page
    assert names_of_charts(page) == ["train/loss", "val/loss", "a/b/c", "cpu", "lr"]
    summary = look(alice, charts, headers=as_htmx("div#summary")).text
    assert "train/loss" in summary
    assert "system/cpu" not in summary
    assert "system/cpu" in look(alice, f"{charts}?tab=overview").text


def test_a_run_with_nothing_but_metrics_of_the_machine_says_where_they_are(look, alice, make_run, make_points):
    run = make_run(alice)
    make_points(alice, run, **{"gpu/0/power": [2]})
    page = look(alice, f"/app/runs/{run}").text
    assert "metrics of its machine" in page
    assert "Waiting for the first point" not in page


def names_of_charts(page: str) -> list[str]:
    return re.findall(r'<article[^>]*data-name="([^"]*)"', page)


def beside(page: str) -> list[str]:
    """The addresses of the runs before and after."""
    return [unescape(url) for url in re.findall(r'rel="(?:prev|next)" href="([^"]*)"', page)]


def test_the_runs_beside_a_run_are_those_of_the_list_one_came_from(look, alice, make_project, make_run):
    project = make_project(alice)
    ids = [make_run(alice, project, name=name, tags=[tag]) for name, tag in (("b", "x"), ("c", "x"), ("a", "y"))]
    assert beside(look(alice, f"/app/runs/{ids[1]}").text) == [f"/app/runs/{ids[2]}", f"/app/runs/{ids[0]}"]
    page = look(alice, f"/app/projects/{project}?sort=name&q=tags+has+x&layout=table").text
    links = [unescape(url) for url in re.findall(r'data-row href="([^"]*)"', page)]
    assert links == [f"/app/runs/{run}?from=q%3Dtags%2Bhas%2Bx%26sort%3Dname" for run in ids[:2]]
    assert beside(look(alice, links[0]).text) == [links[1]]
    assert beside(look(alice, links[1] + "&tab=overview&than=3").text) == [links[0] + "&tab=overview"]
    assert "?from" not in look(alice, f"/app/projects/{project}?layout=table").text


@pytest.mark.parametrize("came_from", ["q=lr+<", "sort=nonsense", "%00", "q=" + "x" * 5000, "&&=;", ""])
def test_a_list_that_is_not_understood_is_that_of_all_runs(look, alice, make_project, make_run, came_from):
    project = make_project(alice)
    first, second = make_run(alice, project, name="x" * 200), make_run(alice, project)
    answer = look(alice, f"/app/runs/{second}", query_string={"from": came_from})
    assert answer.status_code == 200
    assert re.search(rf'rel="next" href="/app/runs/{first}\b', answer.text) or "xxxxx" in came_from


@pytest.fixture
def differing(alice, make_project, make_run, make_points) -> list[int]:
    """Three runs of a project: the last two differ in one key of the config and in a loss, the first in nothing from the last."""
    project, runs = make_project(alice), []
    for lr, loss in ((0.5, 0.25), (0.1, 0.5), (0.5, 0.25)):
        runs.append(make_run(alice, project, config={"lr": lr, "epochs": 3}))
        make_points(alice, runs[-1], **{"val/loss": [loss], "val/accuracy": [0.75]})
    return runs


def differences_of(page: str) -> str:
    return re.search(r'<section id="differences".*?</section>', page, re.S)[0]


def test_the_overview_says_what_differs_from_the_run_before(look, alice, differing):
    shown = differences_of(look(alice, f"/app/runs/{differing[2]}?tab=overview").text)
    assert f'<option value="{differing[1]}" selected>' in shown
    assert re.findall(r'<th scope="row">(.*?)</th>', shown) == ["lr", "val/loss"]
    assert 'data-verdict="better"' in shown
    assert "−0.2500" in shown
    assert "+0.4000" in shown


def test_the_run_that_it_is_compared_with_is_in_the_address(look, alice, differing):
    address = f"/app/runs/{differing[2]}?tab=overview&than={differing[0]}"
    shown = differences_of(look(alice, address, headers=as_htmx("section#differences")).text)
    assert f'<option value="{differing[0]}" selected>' in shown
    assert "No differences" in shown
    assert 'name="tab" value="overview"' in shown


def test_a_run_that_may_not_be_read_is_compared_with_nothing(look, alice, bob, make_run, differing):
    secret = make_run(bob, name="a secret", config={"secret": 1})
    for than in (secret, 10**30, -1, "x", differing[2]):
        shown = differences_of(look(alice, f"/app/runs/{differing[2]}?tab=overview&than={than}").text)
        assert f'<option value="{differing[1]}" selected>' in shown
        assert "secret" not in shown


def test_runs_of_other_projects_and_of_the_trash_are_not_offered(look, alice, make_run, differing):
    other = make_run(alice)
    look(alice, f"/app/runs/{differing[1]}/delete", method="POST")
    shown = differences_of(look(alice, f"/app/runs/{differing[2]}?tab=overview").text)
    assert re.findall(r'<option value="(\d+)"', shown) == [str(differing[0])]
    assert "no other run" in differences_of(look(alice, f"/app/runs/{other}?tab=overview").text)


def test_a_run_that_waits_says_so(look, alice, make_run):
    assert "Waiting for the first point" in look(alice, f"/app/runs/{make_run(alice)}").text


def test_a_run_is_renamed_tagged_and_annotated_by_its_form(look, alice, api, run):
    fields = {"name": "better", "tags": " a, b ,, a", "notes": "# why\n\n**because**"}
    assert look(alice, f"/app/runs/{run}", method="POST", data=fields).status_code == 303
    stored = api(alice).get(f"/runs/{run}").json
    assert (stored["name"], stored["tags"]) == ("better", ["a", "b"])
    assert "<strong>because</strong>" in look(alice, f"/app/runs/{run}").text


def test_a_mistake_in_the_form_stands_beside_its_field_and_nothing_is_lost(look, alice, run):
    answer = look(alice, f"/app/runs/{run}", method="POST", data={"name": "", "tags": "kept", "notes": "kept too"})
    assert answer.status_code == 400
    assert 'id="name-error"' in answer.text
    assert 'value="kept"' in answer.text
    assert "kept too" in answer.text


def test_a_run_is_marked_as_ended(look, alice, api, run):
    look(alice, f"/app/runs/{run}", method="POST", data={"status": "killed"})
    stored = api(alice).get(f"/runs/{run}").json
    assert stored["status"] == "killed"
    assert stored["ended_at"]
    assert 'data-state="killed"' in look(alice, f"/app/runs/{run}").text


def test_deleting_a_run_leads_to_its_project_where_it_can_be_undone(look, alice, api, run):
    project = api(alice).get(f"/runs/{run}").json["project_id"]
    answer = look(alice, f"/app/runs/{run}/delete", method="POST")
    assert answer.location == f"/app/projects/{project}"
    cookie = next(cookie for cookie in answer.headers.getlist("Set-Cookie") if cookie.startswith("toast="))
    toast = json.loads(unquote(cookie.partition(";")[0].removeprefix("toast=")))
    assert toast == {"text": "baseline deleted", "undo": {"action": "restore", "ids": str(run), "value": ""}}


def test_the_first_line_of_notes_keeps_its_letters(look, alice, make_run):
    for notes, shown in (("# <b>bold</b>", "&lt;b&gt;bold&lt;/b&gt;"), ("\n- **why** #\n", "why")):
        assert f"</span> {shown}</summary>" in look(alice, f"/app/runs/{make_run(alice, notes=notes)}").text


@pytest.mark.parametrize(
    ("notes", "not_there"),
    [
        ("[a](javascript:alert(1))", "href"),
        ("[a](data:text/html,x)", "href"),
        ("[a](JaVaScRiPt&colon;alert(1))", "href"),
        ("<script>alert(1)</script>", "<script>alert"),
        ("<a href='x' onclick=alert(1)>b</a>", "<a href='x'"),
        ("![a](https://evil.example/p.png)", "<img"),
        ("<iframe src=//evil.example>", "<iframe"),
    ],
)
def test_notes_do_no_harm(look, alice, make_run, notes, not_there):
    run = make_run(alice, notes=notes)
    shown = re.search(r'<div class="prose" hx-ignore>(.*?)</div>', look(alice, f"/app/runs/{run}").text, re.S)[1]
    assert not_there not in shown


def test_links_in_notes_give_nothing_away(look, alice, make_run):
    run = make_run(alice, notes="[paper](https://example.org/a) [mail](mailto:a@example.org)")
    page = look(alice, f"/app/runs/{run}").text
    assert '<a href="https://example.org/a" rel="noopener nofollow">paper</a>' in page
    assert 'href="mailto:a@example.org"' in page


def test_a_picture_in_the_notes_is_a_link_with_its_words(look, alice, make_run):
    notes = "![a *curve*](https://example.org/p.png) [![badge](https://example.org/b.png)](https://example.org/)"
    page = look(alice, f"/app/runs/{make_run(alice, notes=notes)}").text
    assert '<p><a href="https://example.org/p.png" rel="noopener nofollow">a curve</a> ' in page
    assert '<a href="https://example.org/" rel="noopener nofollow">badge</a></p>' in page


@pytest.mark.parametrize("depth", [1, 18, 19, 20, 21, 40, 5000])
def test_no_word_of_the_notes_is_lost_however_deep_it_is_nested(look, alice, make_run, depth):
    run = make_run(alice, notes=f"x\n\n{'>' * depth} the core")
    page = look(alice, f"/app/runs/{run}").text
    shown = re.search(r'<div class="prose" hx-ignore>(.*?)</div>', page, re.S)[1]
    assert "the core" in shown
    assert shown.count("<blockquote>") == (depth if depth < 19 else 0)


def test_a_run_of_a_thousand_metrics_is_one_small_page(look, alice, make_run, make_points):
    run = make_run(alice)
    make_points(alice, run, **{f"layer{n % 10}/weight.{n}": [n] for n in range(1000)})
    page = look(alice, f"/app/runs/{run}").text
    assert page.count('class="chart"') == 24
    assert page.count('class="plot"') == 25  # And one in the template.
    later = json.loads(unescape(re.search(r"data-charts='([^']*)'", page)[1]))
    assert sum(len(charts["names"]) for charts in later) == 976
    assert all(charts["names"] == [f"weight.{last}" for last in charts["lasts"]] for charts in later)
    assert later[-1]["section"] == "layer9"
    assert set(later[-1]["steps"]) == {0}
    assert page.count("<tr>") == 0
    assert len(page) < 75_000
    assert look(alice, f"/app/runs/{run}", headers=as_htmx("div#summary")).text.count("<tr>") == 1001


@pytest.fixture
def charts(look):
    """Charts as the page gets them: `charts(alice, run, "name=loss")`, with arrays for references."""

    def fetch(who, run, query):
        answer = look(who, f"/app/charts?runs={run}&{query}")
        assert answer.mimetype == "application/vnd.ai-manager.chart"
        head, columns = columnar.unpack(answer.data)
        for chart in head["charts"]:
            for name, part in chart.items():
                if isinstance(part, list) and len(part) == 3 and part[0] in columnar.KINDS:
                    chart[name] = columns.column(part, name)
        return head["charts"]

    return fetch


def test_charts_answer_several_metrics_at_once(charts, alice, run):
    loss, lr = charts(alice, run, "name=train/loss&name=lr&name=unknown")
    assert (loss["name"], lr["name"]) == ("train/loss", "lr")
    assert (loss["total_points"], loss["exact"], loss["last_id"]) == (3, True, 6)
    assert loss["x"].tolist() == [0, 1, 2]
    assert loss["last"].tolist() == pytest.approx([3, nan, 1.23456], abs=0, nan_ok=True)
    assert loss["bad"] == [{"x": 1, "value": "NaN"}]


def test_a_chart_of_two_thousand_buckets_is_small_on_the_wire(look, alice, make_run, make_points):
    run = make_run(alice)
    make_points(alice, run, loss=[1 / (1 + i % 997) for i in range(100_000)])
    path = f"/app/charts?runs={run}&name=loss&points=2000"
    answer = look(alice, path, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.data) < 45_000
    assert gzip.decompress(answer.data) == look(alice, path).data


def test_a_downsampled_chart_keeps_the_spike(charts, alice, make_run, make_points):
    run = make_run(alice)
    values = [1.0] * 20_000
    values[12_345] = 99.0
    make_points(alice, run, loss=values)
    (chart,) = charts(alice, run, "name=loss&points=100")
    assert not chart["exact"]
    assert chart["total_points"] == chart["counts"].sum() == 20_000
    assert len(chart["x"]) <= 100
    assert chart["max"].max() == 99.0
    (detail,) = charts(alice, run, "name=loss&points=100&min=12340&max=12350")
    assert detail["exact"]
    assert detail["last"].tolist() == [1.0] * 5 + [99.0] + [1.0] * 5


def test_the_window_of_a_chart_is_in_the_units_of_the_page(charts, alice, api, make_run):
    run = make_run(alice)
    columns = {"values": [1, 2], "timestamps": [1_700_000_000.0, 1_700_000_090.5]}
    api(alice).post(f"/metrics/{run}/bulk", {"series": {"loss": columns}})
    for window in ("x=time&min=1700000090000", "x=relative&min=90", "min=1"):
        (chart,) = charts(alice, run, f"name=loss&{window}")
        assert chart["times"].tolist() == [1_700_000_090.5]
        assert chart["steps"].tolist() == [1]


@pytest.mark.parametrize("query", ["x=banana", "min=abc", "max=NaN", "min=1e999"])
def test_a_chart_that_cannot_be_is_refused(look, alice, run, query):
    assert look(alice, f"/app/charts?runs={run}&name=lr&{query}").status_code == 400


@pytest.mark.parametrize("query", ["points=1000000000", "points=-5", "points=x", "min=-1e300&max=1e300"])
def test_a_greedy_chart_is_bounded(look, alice, run, query):
    assert look(alice, f"/app/charts?runs={run}&name=lr&{query}").status_code == 200
