"""Values that scripts have set in a run's summary are found, sorted and shown like those of its config."""

import pytest


@pytest.fixture
def project(api, alice, make_project, make_run) -> int:
    project = make_project(alice)
    for name, summary in (("a", {"test/acc": 0.9, "verdict": "keep"}), ("b", {"test/acc": 0.95}), ("c", {})):
        run = make_run(alice, project, name=name, config={"lr": 0.1})
        api(alice).put(f"/runs/{run}", json={"summary": summary})
    return project


def found(api, alice, project, **query):
    return [run["name"] for run in api(alice).get("/runs/", query_string={"project_id": project, **query}).json]


def test_runs_are_found_and_sorted_by_values_that_their_scripts_set(api, alice, project):
    assert found(api, alice, project, filter="config.summary.test/acc > 0.92") == ["b"]
    assert found(api, alice, project, filter='config.summary.verdict = "keep"') == ["a"]
    assert found(api, alice, project, sort="-config.summary.test/acc") == ["b", "a", "c"]
    assert sorted(found(api, alice, project, filter="config.lr = 0.1")) == ["a", "b", "c"]


def test_a_value_that_is_set_anew_or_taken_away_is_found_as_it_is_now(api, alice, project):
    (run,) = api(alice).get("/runs/", query_string={"project_id": project, "filter": "a", "sort": "name"}).json
    api(alice).put(f"/runs/{run['id']}", json={"summary": {"test/acc": 0.99, "verdict": None}})
    assert found(api, alice, project, sort="-config.summary.test/acc") == ["a", "b", "c"]
    assert found(api, alice, project, filter="config.summary.verdict exists") == []


def test_a_column_of_the_table_shows_them(api, alice, project):
    query = {"show": ["config.summary.test/acc", "config.lr"], "sort": "name"}
    lines = api(alice).get(f"/app/projects/{project}/runs.csv", query_string=query).text.splitlines()
    assert [line.split(",")[1:] for line in lines[1:]] == [["a", "0.9", "0.1"], ["b", "0.95", "0.1"], ["c", "", "0.1"]]
    offered = api(alice).get(f"/app/projects/{project}/columns?find=acc", headers={"Accept": "application/json"}).json
    assert ["config.summary.test/acc", 2] in [[one["key"], one["runs"]] for one in offered["columns"]]
