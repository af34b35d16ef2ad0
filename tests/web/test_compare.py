"""The compare page: side by side, as CSV, as figures, and what it refuses."""

import csv
import io
import json
import re

import pytest

from aimanager.services.compare.values import Values
from aimanager.web import figure_axes, figures

from .conftest import as_htmx

MARKUP = "<b style='x'>bold</b> & co"


@pytest.fixture
def pair(alice, make_run, make_points) -> tuple[int, int]:
    first = make_run(alice, name="slow", config={"lr": 0.1, "net": {"width": 64}, "opt": "sgd"})
    second = make_run(alice, name="fast", config={"lr": 0.001, "net": {"width": 64}, "opt": "adam"})
    make_points(alice, first, **{"val/loss": [3, 2], "val/acc": [0.5]})
    make_points(alice, second, **{"val/loss": [4, 1], "val/acc": [0.4]})
    return first, second


@pytest.fixture
def page(look, alice, pair):
    """The page of both runs, or a part of it: `page("&of=min", part="values")`."""

    def open_page(more="", part=None, who=alice):
        headers = as_htmx(f"details#{part}") if part else {}
        return look(who, f"/app/compare?runs={pair[0]},{pair[1]}{more}", headers=headers)

    return open_page


def rows_of(html):
    """The keys of the table with the texts of their cells."""
    body = re.search(r'<div class="scroll side-by-side".*?</table>', html, re.S)[0]
    rows = re.findall(r'<th scope="row"[^>]*>([^<]*)</th>(.*?)</tr>', body, re.S)
    return {
        key: [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td.*?</td>", cells, re.S)]
        for key, cells in rows
    }


def test_two_runs_show_what_differs_with_the_first_as_the_baseline(page):
    rows = rows_of(page().text)
    assert "net.width" not in rows
    assert rows["lr"] == ["0.1", "0.001 ▼ −0.09900 (−99.0 %)"]
    assert rows["opt"] == ["sgd", "adam"]
    assert rows["val/loss"][1].startswith("1 best ▼ −1 (−50.0 %)")
    assert rows["val/loss"][1].endswith("better")
    assert rows["val/acc"][1].endswith("worse")


def test_the_address_chooses_keys_baseline_and_statistic(page, pair):
    assert "net.width" in rows_of(page("&all=1").text)
    assert [*rows_of(page("&keys=loss").text)] == ["val/loss"]
    assert rows_of(page("&base=none").text)["val/loss"] == ["2", "1 best"]
    assert rows_of(page(f"&base={pair[1]}").text)["val/loss"][0].startswith("2 ▲ +1 (+100 %)")
    assert rows_of(page("&of=max&base=none").text)["val/loss"] == ["3 best", "4"]


def test_htmx_gets_the_part_that_it_asks_for(page):
    for part in ("values", "charts", "parallel", "scatter"):
        text = page(part=part).text
        assert "<html" not in text
        assert re.search(rf'<(details|section)[^>]* id="{part}"', text)


def test_what_matters_is_computed_only_when_its_section_is_asked_for(page):
    assert "Computing" in page().text
    assert "Too few runs: 2 runs of those compared have this metric" in page(part="importance").text


def test_enough_runs_are_told_what_matters_with_n_and_method(look, alice, make_run, make_points, make_project):
    project, runs = make_project(alice), []
    for i in range(24):
        runs.append(make_run(alice, project, config={"lr": i, "seed": i % 3, "same": 1}))
        make_points(alice, runs[-1], loss=[i / 24])
    text = look(alice, f"/app/compare?runs={','.join(map(str, runs))}", headers=as_htmx("details#importance")).text
    words = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "Over 24 runs." in words
    assert "ρ&nbsp;+1.00" in words
    assert "random forest" in words
    assert "its R² is 0." in words


def test_a_comparison_without_runs_says_how_to_begin(look, alice):
    answer = look(alice, "/app/compare")
    assert answer.status_code == 200
    assert "Nothing to compare yet" in answer.text


@pytest.mark.parametrize("path", ["/app/compare", "/app/compare.csv", "/app/compare/figure?kind=scatter&x="])
def test_one_run_that_may_not_be_seen_or_does_not_exist_refuses_all(look, alice, bob, make_run, pair, path):
    def status(who, runs):
        return look(
            who, f"{path}{'&' if '?' in path else '?'}runs={runs}", headers={"Sec-Fetch-Mode": "cors"}
        ).status_code

    public = make_run(bob, public=True)
    assert status(alice, f"{pair[0]},{public}") == 200
    assert status(bob, f"{public},{pair[0]}") == 403
    assert status(alice, f"{pair[0]},999") == 404
    assert status(None, public) == 200
    assert status(None, f"{public},{pair[0]}") == 401
    for malformed in ("a", "1;2", "-1", "9" * 40, "²"):
        assert status(alice, malformed) == 400


def test_more_runs_than_fit_are_not_left_out_silently(look, alice, make_run, make_project, monkeypatch):
    monkeypatch.setattr("aimanager.services.compare.runs.MOST", 3)
    project = make_project(alice)
    runs = ",".join(str(make_run(alice, project)) for _ in range(5))
    assert "The first 3 of 5 runs are compared" in look(alice, f"/app/compare?runs={runs}").text


def test_the_csv_has_every_key_and_exact_values_and_no_formula(look, alice, pair, make_run):
    third = make_run(alice, name="=1+1", config={"lr": 1e-7, "note": "-x"})
    answer = look(alice, f"/app/compare.csv?runs={pair[0]},{third}")
    assert answer.mimetype == "text/csv"
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert head == ["kind", "key", f"slow (#{pair[0]})", f"'=1+1 (#{third})"]
    by_key = {row[1]: [row[0], *row[2:]] for row in rows}
    assert by_key["lr"] == ["config", "0.1", "1e-7"]
    assert by_key["note"] == ["config", "", "'-x"]
    assert by_key["net.width"] == ["config", "64", ""]
    assert by_key["val/loss"] == ["metric (last)", "2", ""]


def test_a_figure_is_data_without_colours_of_a_theme_and_without_markup(look, alice, make_run, make_points):
    runs = []
    for i in range(3):
        runs.append(make_run(alice, name=MARKUP, config={MARKUP: i, "kind": f"{MARKUP} {i}"}))
        make_points(alice, runs[-1], loss=[i])
    for query in (
        "kind=parallel",
        f"kind=scatter&plot_x=config.{MARKUP.replace('&', '%26')}",
        "kind=scatter&plot_x=config.kind&plot_colour=config.kind",
    ):
        answer = look(alice, f"/app/compare/figure?{query}&runs={','.join(map(str, runs))}")
        assert answer.mimetype == "application/json"
        assert "<b" not in answer.text
        assert "&lt;b" in answer.text
        assert not re.search(r'"#[0-9a-f]{3,8}"|"rgb', answer.text)
        figure = json.loads(answer.text)
        assert {run for trace in figure["data"] for _, run in trace.get("customdata") or []} == set(runs)


def test_lines_of_parallel_coordinates_lie_between_the_ends_of_their_axes(look, alice, pair):
    figure = look(
        alice,
        f"/app/compare/figure?kind=parallel&axis=config.lr&axis=config.opt&axis=metrics.val/loss.min&runs={pair[0]},{pair[1]}",
    ).json
    lines = {trace["customdata"][0][1]: trace["y"] for trace in figure["data"]}
    assert lines == {pair[0]: [1, 1, 1], pair[1]: [0, 0, 0]}
    assert [axis["key"] for axis in figure["layout"]["meta"]["axes"]] == [
        "config.lr",
        "config.opt",
        "metrics.val/loss.min",
    ]
    assert [axis["log"] for axis in figure["layout"]["meta"]["axes"]] == [True, False, False]


def test_names_and_keys_are_text_wherever_they_stand(look, alice, make_run, make_points):
    runs = [make_run(alice, name=MARKUP, config={MARKUP: MARKUP + str(i)}) for i in range(2)]
    make_points(alice, runs[0], **{MARKUP: [1]})
    assert "<b style" not in look(alice, f"/app/compare?runs={runs[0]},{runs[1]}").text


def test_a_scale_reaches_from_the_least_to_the_greatest_value():
    scale = figure_axes.scale_of(Values("k", "k", [1, None, 5, 3]))
    assert scale.places == [0, None, 1, 0.5]
    assert (scale.ticks[0], scale.ticks[-1]) == ((0, "1"), (1, "5"))
    huge = figure_axes.scale_of(Values("k", "k", [-1.7e308, 1.7e308, 0]))
    assert huge.places == pytest.approx([0, 1, 0.5])
    assert figure_axes.scale_of(Values("k", "k", [2, 2])).places == [0.5, 0.5]
    log = figure_axes.scale_of(Values("k", "k", [0.001, 0.1, 10]))
    assert log.places == pytest.approx([0, 0.5, 1])
    assert [text for _, text in log.ticks] == ["0.001000", "0.01000", "0.1000", "1", "10"]


def test_five_numbers_describe_a_category():
    assert figures.five_numbers([1, 2, 3, 4, 5]) == (1, 2, 3, 4, 5)
    assert figures.five_numbers([7]) == (7, 7, 7, 7, 7)
    x, y = Values("x", "x", ["a", "b", "a", None]), Values("y", "y", [1, 5, 3, 4])
    assert figures.by_category(x, y) == [("a", 2, (1, 1.5, 2, 2.5, 3)), ("b", 1, (5, 5, 5, 5, 5))]


class TestRunsAsRows:
    def test_the_table_has_a_row_a_run_and_says_the_same(self, page, pair):
        html = page("&rows=runs", part="values").text
        head = re.search(r'<tr><th scope="col" class="key">Run</th>.*?</tr>', html, re.S)[0]
        assert re.findall(r'title="([^"]+)">', head)[:2] == ["lr", "opt"]
        rows = re.findall(r'<tr data-run="(\d+)">(.*?)</tr>', html, re.S)
        assert [int(run) for run, _ in rows] == list(pair)
        assert all(len(re.findall(r"<td", cells)) == len(re.findall("<th", head)) - 1 for _, cells in rows)
        assert 'data-verdict="better"' in rows[1][1]

    def test_it_is_in_the_address_and_kept_by_the_form(self, page):
        assert 'name="rows" value="runs" form="state"' in page("&rows=runs").text
        assert 'class="turned"' not in page().text


class TestFindingRuns:
    def test_the_newest_of_the_project_are_offered_without_those_that_are_there(
        self, look, alice, make_project, make_run
    ):
        project = make_project(alice)
        first, second, third = (make_run(alice, project, name=f"one-{n}") for n in range(3))
        html = look(alice, f"/app/compare/with?runs={first},{third}").text
        assert re.findall(r'href="[^"]*?runs=([\d,]+)"', html) == [f"{first},{third},{second}"]

    def test_a_search_finds_runs_by_name_in_all_projects(self, look, alice, make_project, make_run):
        run = make_run(alice, make_project(alice), name="here")
        other = make_run(alice, make_project(alice), name="elsewhere-9")
        html = look(alice, f"/app/compare/with?runs={run}&q=where-9").text
        assert re.findall(r'href="[^"]*?runs=([\d,]+)"', html) == [f"{run},{other}"]
        assert "No other run has this" in look(alice, f"/app/compare/with?runs={run}&q=nothing-has-this").text

    def test_it_finds_nothing_for_who_may_not_see_the_runs(self, look, alice, bob, make_project, make_run):
        run = make_run(alice, make_project(alice), name="secret-run")
        assert look(bob, f"/app/compare/with?runs={run}").status_code == 403
        assert "secret-run" not in look(bob, "/app/compare/with?runs=&q=secret-run").text

    def test_the_page_of_a_run_leads_to_a_comparison(self, look, alice, make_run):
        run = make_run(alice)
        assert f'hx-get="/app/compare/with?runs={run}"' in look(alice, f"/app/runs/{run}").text
