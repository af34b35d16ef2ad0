import ast
import html
import re
from urllib.parse import urlencode

import pytest

from .conftest import as_htmx


def rows(page) -> list[str]:
    """The names of the runs as the table has them, from top to bottom."""
    return re.findall(r'<a data-row href="/app/runs/\d+[^"]*" title="([^"]*)"', page.text)


def heads(page) -> list[str]:
    """The keys of the columns, from left to right."""
    return [html.unescape(key) for key in re.findall(r'<th [^>]*data-column="([^"]*)"', page.text)]


def cells(page, label: str) -> list[str]:
    """The values of a column of numbers, from top to bottom."""
    return re.findall(rf'data-label="{re.escape(html.escape(label))}" title="([^"]*)"', page.text)


def snippet_in(page) -> str:
    """The program that the page has for copying."""
    return html.unescape(re.search(r'<pre id="snippet-code".*?<code>(.*?)</code>', page.text, re.S)[1])


def test_creating_a_project_leads_to_its_page(look, alice):
    answer = look(
        alice, "/app/projects/new", method="POST", data={"name": "digits", "description": "small", "is_public": "1"}
    )
    assert answer.status_code == 303
    page = look(alice, answer.location).text
    assert "digits" in page
    assert "public" in page


def test_a_project_without_a_name_is_asked_for_one_beside_the_field(look, alice):
    answer = look(alice, "/app/projects/new", method="POST", data={"name": "  ", "description": "kept"})
    assert answer.status_code == 400
    assert 'id="name-error"' in answer.text
    assert 'value="kept"' in answer.text


def test_home_shows_how_many_runs_there_are_and_how_many_are_running(
    look, alice, api, make_project, make_run, make_points
):
    project = make_project(alice, "digits")
    runs = [make_run(alice, project) for _ in range(3)]
    make_points(alice, runs[-1], loss=[3, 2, 1])
    api(alice).put(f"/runs/{runs[0]}", {"status": "completed"})
    page = look(alice, "/").text
    row = re.search(rf'<tr id="project-{project}">.*?</tr>', page, re.S)[0]
    assert re.findall(r'<td class="number">(?:<span.*?</svg>)?(\d+)', row, re.S) == ["2", "3"]
    assert "<polyline" in row


def test_home_finds_projects_by_name(look, alice, make_project):
    make_project(alice, "digits")
    make_project(alice, "faces")
    page = look(alice, "/?q=DIG").text
    assert "digits" in page
    assert "faces" not in page


def test_an_empty_project_shows_the_lines_to_copy(look, alice, make_project):
    code = snippet_in(look(alice, f"/app/projects/{make_project(alice, 'digits')}"))
    assert 'project_name="digits"' in code
    assert 'api_url="http://localhost"' in code


@pytest.mark.parametrize(
    "name", ["a \U0001f680 rocket", 'quote " and \\ backslash', "both ' and \"", "\\", "\\'", "é 漢字"]
)
def test_the_lines_to_copy_name_the_project_whatever_it_is_called(look, alice, make_project, name):
    program = ast.parse(snippet_in(look(alice, f"/app/projects/{make_project(alice, name)}")))
    compile(program, "snippet", "exec")
    written = [node.value for node in ast.walk(program) if isinstance(node, ast.keyword) and node.arg == "project_name"]
    assert [ast.literal_eval(value) for value in written] == [name]


def test_the_key_of_the_snippet_works_and_is_shown_once(look, alice, api, make_project):
    project = make_project(alice)
    answer = look(alice, f"/app/projects/{project}/key", method="POST", headers=as_htmx("div#snippet"))
    key = re.search(r"aimgr_[0-9a-f]+", answer.text)[0]
    assert "<html" not in answer.text
    assert api(key).post(f"/runs/?project_id={project}", {"name": "by key"}).status_code == 201
    assert key not in look(alice, f"/app/projects/{project}").text
    assert key not in look(alice, "/settings").text


def test_the_table_shows_the_main_metrics_and_the_config_keys_that_differ(
    look, alice, make_project, make_run, make_points
):
    project = make_project(alice)
    for width in (32, 64):
        run = make_run(alice, project, config={"net": {"width": width}, "seed": 7})
        make_points(alice, run, **{"val/loss": [0.5, 0.123456], "lr": [0.1]})
    page = look(alice, f"/app/projects/{project}")
    metrics = ["metrics.val/loss", "metrics.val/loss.best", "metrics.lr"]
    assert heads(page) == ["name", *metrics, "config.net.width", "created", "duration", "tags"]
    assert ' title="0.123456">0.1235</td>' in page.text


def test_the_table_is_sorted_by_any_column_through_the_address(look, alice, make_project, make_run, make_points):
    project = make_project(alice)
    for name, loss, rate in (("run-10", 0.3, 0.1), ("run-9", 0.1, 0.01), ("run-11", 0.2, 1)):
        make_points(alice, make_run(alice, project, name=name, config={"lr": rate}), loss=[9, loss])
    make_run(alice, project, name="no points")
    path = f"/app/projects/{project}"
    assert rows(look(alice, path)) == ["no points", "run-11", "run-9", "run-10"]
    assert rows(look(alice, f"{path}?sort=created")) == ["run-10", "run-9", "run-11", "no points"]
    assert rows(look(alice, f"{path}?sort=name")) == ["no points", "run-9", "run-10", "run-11"]
    assert rows(look(alice, f"{path}?sort=metric:loss")) == ["run-9", "run-11", "run-10", "no points"]
    assert rows(look(alice, f"{path}?sort=-metric:loss")) == ["run-10", "run-11", "run-9", "no points"]
    assert rows(look(alice, f"{path}?sort=-config:lr")) == ["run-11", "run-10", "run-9", "no points"]
    assert 'aria-sort="descending"' in look(alice, f"{path}?sort=-metric:loss").text


def test_the_table_is_searched_by_name_and_tag(look, alice, make_project, make_run):
    project = make_project(alice)
    make_run(alice, project, name="adam small", tags=["baseline"])
    make_run(alice, project, name="adam large")
    path = f"/app/projects/{project}"
    assert rows(look(alice, f"{path}?q=ADAM+small")) == ["adam small"]
    assert rows(look(alice, f"{path}?q=baseline")) == ["adam small"]
    assert "No runs found" in look(alice, f"{path}?q=nothing").text


def test_a_page_has_fifty_rows_and_as_many_as_are_drawn(look, alice, make_project, make_run):
    project = make_project(alice)
    for n in range(60):
        make_run(alice, project, name=f"run {n}")
    path = f"/app/projects/{project}"
    assert len(rows(look(alice, path))) == 50
    assert len(rows(look(alice, f"{path}?drawn=55"))) == 55


def test_what_a_run_logged_is_text_in_its_cells(look, alice, make_project, make_run):
    project = make_project(alice)
    for name in ("<b>a</b>", '" onload="'):
        make_run(alice, project, name=name, config={"<i>": f"<u>{name}</u>"}, tags=[name])
    page = look(alice, f"/app/projects/{project}").text
    assert "&lt;u&gt;&lt;b&gt;a&lt;/b&gt;&lt;/u&gt;" in page
    assert not re.search('<b>a|<i>|<u>|" onload="', page)


def test_a_long_table_says_how_much_it_shows_and_leads_on(look, alice, make_project, make_run):
    project = make_project(alice)
    for n in range(5):
        make_run(alice, project, name=f"run {n}")
    page = look(alice, f"/app/projects/{project}?limit=3")
    assert len(rows(page)) == 3
    assert "3 of 5 runs" in page.text
    more = re.search(r'<p class="more"[^>]*>.*?href="([^"]+)"', page.text, re.S)[1].replace("&amp;", "&")
    assert len(rows(look(alice, more))) == 5


def test_a_value_that_is_no_number_is_shown_as_what_it_is(look, alice, make_project, make_run, make_points):
    project = make_project(alice)
    make_points(alice, make_run(alice, project), loss=[1, "NaN"])
    make_points(alice, make_run(alice, project), loss=[1, "Infinity"])
    page = look(alice, f"/app/projects/{project}?sort=metric:loss").text
    assert ">NaN</td>" in page
    assert ">∞</td>" in page


def test_a_project_is_deleted_only_by_who_types_its_name(look, alice, make_project):
    project = make_project(alice, "precious")
    path = f"/app/projects/{project}"
    assert look(alice, f"{path}/delete", method="POST", data={"sure": "oops"}).status_code == 400
    assert look(alice, path).status_code == 200
    assert look(alice, f"{path}/delete", method="POST", data={"sure": "precious"}).location == "/"
    assert look(alice, path).status_code == 404


def test_a_project_is_renamed_and_made_public_by_its_form(look, alice, make_project):
    project = make_project(alice, "old")
    path = f"/app/projects/{project}"
    assert (
        look(alice, path, method="POST", data={"name": "new", "description": "d", "is_public": "1"}).status_code == 303
    )
    assert look(None, path).status_code == 200
    answer = look(alice, path, method="POST", data={"name": "", "description": ""})
    assert answer.status_code == 400
    assert 'id="name-error"' in answer.text


def test_columns_are_what_most_runs_have_and_keys_that_really_differ(look, alice, make_project, make_run, make_points):
    project = make_project(alice)
    for width in (32, 64):
        make_points(alice, make_run(alice, project, config={"batch": 8, "width": width}), zeta=[1])
    make_points(alice, make_run(alice, project), alpha=[1])
    keys = heads(look(alice, f"/app/projects/{project}"))
    assert keys[1:5] == ["metrics.zeta", "metrics.alpha", "config.width", "config.batch"]


def test_a_column_shows_and_sorts_by_the_last_the_lowest_or_the_highest_value(
    look, alice, make_project, make_run, make_points
):
    project = make_project(alice)
    for name, points in {"a": [5, 3], "b": [1, 9], "c": [8, 2]}.items():
        make_points(alice, make_run(alice, project, name=name), **{"val/loss": points, "acc": [0.5, points[0]]})
    path = f"/app/projects/{project}?show=metrics.val/loss.min&sort=metrics.val/loss.min"
    lowest = look(alice, path)
    assert rows(lowest) == ["b", "c", "a"]
    assert re.search(r'aria-sort="ascending"[^>]*>\s*<a [^>]*title="Sort by val/loss"', lowest.text)
    assert cells(lowest, "val/loss min") == ["1", "2", "3"]
    assert cells(lowest, "val/loss") == []
    both = look(alice, f"{path}&show=metrics.acc.max".replace("sort=metrics.val/loss.min", "sort=-metrics.acc.max"))
    assert rows(both) == ["c", "a", "b"]
    assert cells(both, "val/loss min") == ["2", "3", "1"]
    assert cells(both, "acc max") == ["8", "5", "1"]
    means = look(alice, f"/app/projects/{project}?show=metrics.acc.mean&sort=-metrics.acc.max")
    assert cells(means, "acc mean") == ["4.25", "2.75", "0.75"]
    assert rows(look(alice, f"{path}&show=metrics.val/loss.best")) == ["b", "c", "a"]
    head = re.search(r'<th [^>]*data-column="metrics.val/loss.min"[^>]*>', lowest.text)[0]
    assert 'data-base="metrics.val/loss" data-of="min" data-better="min"' in head


def test_shown_columns_are_exactly_those_of_the_address_in_its_order(look, alice, make_project, make_run, make_points):
    project = make_project(alice)
    run = make_run(alice, project, config={"lr": 0.1, "a": {"b": "x"}}, notes="# First\n\nsecond")
    make_points(alice, run, **{"val/loss": [2, 1], "odd.min": [5]})
    keys = ["config.a.b", "notes", "metrics.val/loss.mean", 'metrics."odd.min".max', "config.lr", "status"]
    page = look(alice, f"/app/projects/{project}?" + urlencode({"show": [*keys, "nonsense", "metrics."]}, doseq=True))
    assert heads(page) == ["name", *keys]
    assert cells(page, "val/loss mean") == ["1.5"]
    assert cells(page, "odd.min max") == ["5"]
    assert "First" in page.text
    pinned = look(alice, f"/app/projects/{project}?" + urlencode({"show": keys, "pin": ["config.lr", "notes"]}, True))
    assert heads(pinned)[:4] == ["name", "config.lr", "notes", "config.a.b"]


def test_further_rows_are_a_fragment_of_rows_alone(look, alice, make_project, make_run):
    project = make_project(alice)
    for n in range(5):
        make_run(alice, project, name=f"run {n}")
    path = f"/app/projects/{project}?limit=3"
    cursor = re.search(r'data-after="([^"]+)"', look(alice, path).text)[1]
    further = look(alice, f"{path}&after={cursor}", headers=as_htmx("tbody#rows"))
    assert rows(further) == ["run 1", "run 0"]
    assert further.text.lstrip().startswith("<tr")
    assert "data-after" not in further.text


def test_a_condition_is_typed_beside_words_and_its_metric_is_shown(look, alice, make_project, make_run, make_points):
    project = make_project(alice)
    for name, acc in (("adam a", 0.95), ("adam b", 0.5), ("sgd", 0.97)):
        made = {f"loss {n}": [1] for n in range(6)}
        make_points(alice, make_run(alice, project, name=name), **made, odd=[0.1, acc])
    path = f"/app/projects/{project}"
    page = look(alice, f"{path}?q=adam+odd.max+%3E+0.9&sort=-name")
    assert rows(page) == ["adam a"]
    assert "Sort by odd" in page.text
    assert '<input type="hidden" form="search" name="sort" value="-name">' in page.text
    unfinished = look(alice, f"{path}?q=adam+odd.max+%3E")
    assert rows(unfinished) == []
    assert "expected a number after &gt;" in unfinished.text
    assert rows(look(alice, f"{path}?q=adam+odd+%3E+1")) == []


def test_the_name_of_a_metric_alone_says_that_a_condition_is_missing(look, alice, make_project, make_run, make_points):
    project = make_project(alice)
    make_points(alice, make_run(alice, project, name="a"), **{"val/loss": [1]})
    page = look(alice, f"/app/projects/{project}?q=val/lo")
    assert rows(page) == []
    assert "expected &lt;, &gt; or = after val/lo" in page.text


def test_beyond_the_longest_page_one_goes_on_by_cursor_and_back(
    look, alice, make_project, make_run, make_points, monkeypatch
):
    monkeypatch.setattr("aimanager.web.projects.MOST", 3)
    project = make_project(alice)
    for n in range(5):
        make_points(alice, make_run(alice, project, name=f"run {n}"), loss=[n])
    page = look(alice, f"/app/projects/{project}?sort=-metric:loss&limit=1000")
    assert rows(page) == ["run 4", "run 3", "run 2"]
    following = html.unescape(re.search(r'href="([^"]*)">Next runs', page.text)[1])
    page = look(alice, following)
    assert rows(page) == ["run 1", "run 0"]
    first = html.unescape(re.search(r'href="([^"]*)">Back to the first runs', page.text)[1])
    assert rows(look(alice, first)) == ["run 4", "run 3", "run 2"]
    assert rows(look(alice, following.replace("sort=-metric", "sort=metric"))) == ["run 0", "run 1", "run 2"]


def test_a_table_that_the_page_has_already_is_not_sent_again(look, alice, api, make_project, make_run, make_points):
    project = make_project(alice)
    run = make_run(alice, project, name="one")
    other = make_run(alice, make_project(alice))
    path = f"/app/projects/{project}?sort=name"
    version = re.search(r'data-version="(\w+)"', look(alice, path).text)[1]

    def renewed(version: str) -> tuple[int, str]:
        headers = as_htmx("section#runs") | {"If-None-Match": f'"{version}"'}
        answer = look(alice, path, headers=headers)
        return answer.status_code, "".join(re.findall(r'data-version="(\w+)"', answer.text))

    changes = [
        lambda: api(alice).put(f"/runs/{run}", {"name": "two"}),
        lambda: api(alice).put(f"/runs/{run}", {"tags": ["best"]}),
        lambda: make_points(alice, run, loss=[1]),
        lambda: make_points(alice, run, loss=[2]),
        lambda: api(alice).put(f"/runs/{run}", {"status": "failed"}),
        lambda: make_run(alice, project, name="three"),
    ]
    for change in changes:
        assert renewed(version) == (304, "")
        api(alice).put(f"/runs/{other}", {"name": "of another project"})
        assert renewed(version) == (304, "")
        change()
        status, changed = renewed(version)
        assert status == 200
        assert changed not in ("", version)
        version = changed
