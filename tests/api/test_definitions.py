"""What scripts say of their metrics: which way each gets better, and what it is drawn against."""

import html
import json
import re

import pytest


@pytest.fixture
def project(alice, make_project) -> int:
    return make_project(alice)


@pytest.fixture
def runs(alice, project, make_run, make_points) -> list[int]:
    """Of a metric whose name says that less is better."""
    runs = [make_run(alice, project, name=name) for name in "ab"]
    make_points(alice, runs[0], edit_distance=[1, 5, 2])
    make_points(alice, runs[1], edit_distance=[3, 4, 3])
    return runs


def define(api, person, run, **said):
    return api(person).put(f"/runs/{run}/definitions", json=said)


def test_the_latest_word_counts_for_the_whole_project(api, alice, runs):
    assert define(api, alice, runs[0], loss={"goal": "max"}, acc={"goal": "max", "x": "epoch"}).status_code == 200
    answer = define(api, alice, runs[1], loss={"goal": "min"}, acc={"x": None})
    assert answer.json == {"acc": {"goal": "max", "x": None}, "loss": {"goal": "min", "x": None}}
    assert api(alice).get(f"/runs/{runs[0]}/definitions").json == answer.json
    assert define(api, alice, runs[0], loss={"goal": None}).json == {"acc": {"goal": "max", "x": None}}


def test_the_best_of_a_metric_is_what_its_goal_says(api, alice, project, runs):
    def best(**query):
        return [run["id"] for run in api(alice).get("/runs/", query_string={"project_id": project, **query}).json]

    query = {"sort": "metrics.edit_distance.best"}
    assert best(**query) == runs
    assert best(filter="edit_distance.best > 2") == runs[1:]
    define(api, alice, runs[0], edit_distance={"goal": "max"})
    assert best(**query) == runs[::-1]
    assert sorted(best(filter="edit_distance.best > 2")) == runs


def test_the_table_and_the_comparison_follow_the_goal(api, alice, project, runs):
    def page():
        return api(alice).get(f"/app/compare?runs={runs[0]},{runs[1]}&base={runs[0]}").text

    before = page()
    define(api, alice, runs[0], edit_distance={"goal": "max"})
    assert ("worse" in before, "better" in page()) == (True, True)
    shown = {"show": ["metrics.edit_distance.best"], "sort": "name"}
    lines = api(alice).get(f"/app/projects/{project}/runs.csv", query_string=shown).text.splitlines()
    assert [line.rpartition(",")[2] for line in lines[1:]] == ["5.0", "4.0"]


def test_another_project_is_not_concerned(api, alice, runs, make_project, make_run, make_points):
    define(api, alice, runs[0], edit_distance={"goal": "max"})
    other = make_project(alice, name="other")
    made = [make_run(alice, other) for _ in range(2)]
    for run, values in zip(made, ([1, 5], [3, 4]), strict=True):
        make_points(alice, run, edit_distance=values)
    query = {"project_id": other, "sort": "metrics.edit_distance.best"}
    assert [run["id"] for run in api(alice).get("/runs/", query_string=query).json] == made


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {"loss": {}, "": {}},
        {"loss": {"goal": "up"}},
        {"loss": {"x": ""}},
        {"x" * 251: {"goal": "min"}},
        {"loss": "min"},
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(api, alice, runs, wrong):
    assert api(alice).put(f"/runs/{runs[0]}/definitions", json=wrong).status_code == 400
    assert api(alice).get(f"/runs/{runs[0]}/definitions").json == {}


def test_a_stranger_defines_nothing(api, bob, runs):
    assert define(api, bob, runs[0], loss={"goal": "min"}).status_code == 403


def test_charts_are_drawn_over_the_x_that_was_said_as_long_as_each_run_has_it(
    api, alice, project, runs, make_run, make_points
):
    def own_axes(path):
        said = re.search(r'data-own-axes="([^"]*)"', api(alice).get(path).text)
        return json.loads(html.unescape(said[1])) if said else {}

    make_points(alice, runs[0], epoch=[0, 1, 2])
    define(api, alice, runs[0], edit_distance={"x": "epoch"}, epoch={"x": "epoch"}, never_logged={"x": "epoch"})
    assert own_axes(f"/app/runs/{runs[0]}") == {"edit_distance": "epoch"}
    # The other run has the metric and not its x: alone or overlaid it is drawn over steps.
    assert own_axes(f"/app/runs/{runs[1]}") == {}
    assert own_axes(f"/app/projects/{project}") == {}
    assert own_axes(f"/app/compare?runs={runs[0]},{runs[1]}") == {}
    without = make_run(alice, project)
    make_points(alice, without, loss=[1])
    assert own_axes(f"/app/compare?runs={runs[0]},{without}") == {"edit_distance": "epoch"}
    make_points(alice, runs[1], epoch=[0, 1, 2])
    assert own_axes(f"/app/projects/{project}") == {"edit_distance": "epoch"}
    assert own_axes(f"/app/compare?runs={runs[0]},{runs[1]}") == {"edit_distance": "epoch"}


def test_the_data_that_come_with_a_page_are_of_the_charts_over_steps(api, alice, runs, make_points):
    make_points(alice, runs[0], epoch=[0, 1, 2])
    define(api, alice, runs[0], edit_distance={"x": "epoch"})

    def first(query=""):
        link = re.search(r'id="first-charts" href="([^"]*)"', api(alice).get(f"/app/runs/{runs[0]}{query}").text)
        return re.findall("name=([a-z_]+)", link[1])

    assert first() == ["epoch"]
    assert sorted(first("?x=step")) == ["edit_distance", "epoch"]
