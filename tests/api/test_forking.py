"""Forks and rewinds: what a run has of another one, and what is left of it."""

import csv
import io

import pytest


@pytest.fixture
def parent(alice, make_run, make_points) -> int:
    run = make_run(alice, name="base", config={"lr": 0.1, "seed": 1}, tags=["a"])
    make_points(alice, run, loss=[5, 4, 3, 2, 1], acc=[0, "NaN", 2])
    return run


def summary_of(api, person, run):
    """Of each metric how many points it has, and the least, the greatest and the last value."""
    fields = ("total_points", "min_value", "max_value", "current_value")
    return {
        row["name"]: tuple(row[field] for field in fields) for row in api(person).get(f"/metrics/{run}/summary").json
    }


def fork(api, person, run, **body):
    answer = api(person).post(f"/runs/{run}/fork", json=body)
    assert answer.status_code == 201, answer.json
    return answer.json


def test_a_fork_has_its_parents_points_up_to_the_step_and_then_its_own(api, alice, parent, make_points):
    made = fork(api, alice, parent, step=2, config={"lr": 0.2})
    expected = {"name": "base (from step 2)", "parent_id": parent, "fork_step": 2, "status": "running"}
    expected |= {"config": {"lr": 0.2, "seed": 1}, "tags": ["a"]}
    assert {name: made[name] for name in expected} == expected
    run = made["id"]
    assert summary_of(api, alice, run) == {"loss": (3, 3, 5, 3), "acc": (3, 0, 2, 2)}
    make_points(alice, run, loss=[9, 8])  # Without steps: they go on after those of the parent.
    assert summary_of(api, alice, run)["loss"] == (5, 3, 9, 8)
    assert summary_of(api, alice, parent)["loss"] == (5, 1, 5, 1)
    history = api(alice).get(f"/metrics/{run}/history/loss").json
    assert (history["steps"], history["values"]) == ([0, 1, 2, 3, 4], [5, 4, 3, 9, 8])
    chart = api(alice).get(f"/metrics/{run}/chart?name=loss").json
    assert (chart["x"], chart["last"]) == ([0, 1, 2, 3, 4], [5, 4, 3, 9, 8])
    exported = list(csv.reader(io.StringIO(api(alice).get(f"/metrics/{run}/export").text)))
    assert [row[1] for row in exported if row[0] == "acc"] == ["0", "1", "2"]
    page = api(alice).get(f"/metrics/{run}?skip=4&limit=10")
    assert page.headers["X-Total-Count"] == "8"
    assert len(page.json) == 4


def test_a_fork_of_a_fork_outlives_both(api, alice, parent, make_points):
    first = fork(api, alice, parent, step=1)["id"]
    make_points(alice, first, loss=[7, 6])
    second = fork(api, alice, first, step=2, name="third", tags=["b"])
    assert (second["name"], second["tags"]) == ("third", ["b"])
    for run in (parent, first):
        api(alice).delete(f"/runs/{run}")
    history = api(alice).get(f"/metrics/{second['id']}/history/loss").json
    assert (history["steps"], history["values"]) == ([0, 1, 2], [5, 4, 7])
    assert api(alice).get(f"/runs/{second['id']}").json["parent_id"] == first


def test_a_fork_is_found_and_sorted_by_its_joined_values(api, alice, make_project, make_run, make_points):
    project = make_project(alice)
    run = make_run(alice, project)
    make_points(alice, run, loss=[5, 4, 3, 2, 1])
    forked = fork(api, alice, run, step=1)["id"]
    for status in ("running", "completed"):
        api(alice).put(f"/runs/{forked}", json={"status": status})
        found = api(alice).get("/runs/", query_string={"project_id": project, "sort": "metrics.loss.min"}).json
        assert [one["id"] for one in found] == [run, forked]
        found = api(alice).get("/runs/", query_string={"project_id": project, "filter": "loss.min > 3"}).json
        assert [one["id"] for one in found] == [forked]


def test_a_fork_that_is_asked_for_again_with_the_same_key_is_the_same_run(api, alice, parent):
    send = {"json": {"step": 2}, "headers": {"Idempotency-Key": "k"}}
    made = [api(alice).post(f"/runs/{parent}/fork", **send).json["id"] for _ in range(2)]
    assert made[0] == made[1]
    assert api(alice).post(f"/runs/{parent}/fork", json={"step": 3}, headers=send["headers"]).status_code == 409
    assert fork(api, alice, parent, step=2)["id"] != made[0]


def test_a_rewind_that_is_asked_for_again_with_the_same_key_takes_nothing_more(api, alice, parent, make_points):
    send = {"json": {"step": 1}, "headers": {"Idempotency-Key": "k"}}
    assert api(alice).post(f"/runs/{parent}/rewind", **send).json["last_step"] == 1
    make_points(alice, parent, loss=[40, 30])
    assert api(alice).post(f"/runs/{parent}/rewind", **send).json["last_step"] == 3
    assert api(alice).get(f"/metrics/{parent}/history/loss").json["values"] == [5, 4, 40, 30]
    other = api(alice).post(f"/runs/{parent}/rewind", json={"step": 0}, headers=send["headers"])
    assert other.status_code == 409


def test_a_run_without_points_is_forked_and_rewound(api, alice, make_run):
    run = make_run(alice)
    forked = fork(api, alice, run, step=0)["id"]
    assert summary_of(api, alice, forked) == {}
    answer = api(alice).post(f"/runs/{run}/rewind", json={"step": 0})
    assert (answer.status_code, answer.json["last_step"]) == (200, None)


def test_a_rewound_run_keeps_its_old_tail_in_an_archived_run(api, alice, parent, make_points):
    api(alice).post(f"/runs/{parent}/notes", json={"text": "a spike", "metric": "loss", "step": 4})
    answer = api(alice).post(f"/runs/{parent}/rewind", json={"step": 1})
    assert (answer.status_code, answer.json["last_step"], answer.json["status"]) == (200, 1, "running")
    assert summary_of(api, alice, parent) == {"loss": (2, 4, 5, 4), "acc": (2, 0, 0, "NaN")}
    project = answer.json["project_id"]
    query = {"project_id": project, "filter": "archived"}
    (before,) = api(alice).get("/runs/", query_string=query).json
    expected = {"name": "base (before the rewind to 1)", "parent_id": parent, "fork_step": None, "status": "killed"}
    assert {name: before[name] for name in expected} == expected
    assert summary_of(api, alice, before["id"]) == {"loss": (5, 1, 5, 1), "acc": (3, 0, 2, 2)}
    assert api(alice).get(f"/runs/{parent}/notes").json == []
    assert [note["text"] for note in api(alice).get(f"/runs/{before['id']}/notes").json] == ["a spike"]
    marks = api(alice).get(f"/app/runs/marks?runs={parent}").json
    assert [(mark["kind"], mark["step"]) for mark in marks] == [("rewind", 1)]
    make_points(alice, parent, loss=[40, 30])
    assert api(alice).get(f"/metrics/{parent}/history/loss").json["values"] == [5, 4, 40, 30]
    points = api(alice).get(f"/metrics/{parent}?skip=3&limit=10")
    assert points.headers["X-Total-Count"] == "6"
    assert [point["value"] for point in points.json if point["name"] == "loss"] == [40, 30]


def test_a_rewind_beyond_the_last_step_changes_nothing(api, alice, parent):
    before = summary_of(api, alice, parent)
    answer = api(alice).post(f"/runs/{parent}/rewind", json={"step": 4})
    assert (answer.status_code, answer.json["last_step"]) == (200, 4)
    assert summary_of(api, alice, parent) == before
    query = {"project_id": answer.json["project_id"], "filter": "archived"}
    assert api(alice).get("/runs/", query_string=query).json == []


def test_a_client_goes_on_numbering_its_batches_after_a_rewind(api, alice, make_run):
    run = make_run(alice)
    for seq in (1, 2):
        body = {"client": "c", "seq": seq, "series": {"loss": {"values": [seq], "steps": [seq]}}}
        assert api(alice).post(f"/metrics/{run}/bulk", json=body).status_code == 200
    api(alice).post(f"/runs/{run}/rewind", json={"step": 1})
    repeated = api(alice).post(f"/metrics/{run}/bulk", json=body)
    assert repeated.status_code == 200
    body |= {"seq": 3, "series": {"loss": {"values": [3], "steps": [2]}}}
    assert api(alice).post(f"/metrics/{run}/bulk", json=body).status_code == 200
    assert api(alice).get(f"/metrics/{run}/history/loss").json["values"] == [1, 3]


def test_a_repeated_single_post_says_that_its_point_has_gone(api, alice, make_run):
    run = make_run(alice)
    send = {"json": {"name": "loss", "value": 1, "step": 9}, "headers": {"Idempotency-Key": "k"}}
    assert api(alice).post(f"/metrics/{run}", **send).status_code == 201
    api(alice).post(f"/runs/{run}/rewind", json={"step": 1})
    again = api(alice).post(f"/metrics/{run}", **send)
    assert (again.status_code, "rewind" in again.json["detail"]) == (409, True)


@pytest.mark.parametrize(
    "wrong", [{}, {"step": 1.5}, {"step": "x"}, {"step": 1, "name": ""}, {"step": 2**63}, {"to": 1}]
)
def test_a_fork_that_makes_no_sense_is_refused(api, alice, parent, wrong):
    assert api(alice).post(f"/runs/{parent}/fork", json=wrong).status_code == 400


@pytest.mark.parametrize("what", ["fork", "rewind"])
def test_a_stranger_neither_forks_nor_rewinds(api, alice, bob, make_project, make_run, what):
    run = make_run(alice, make_project(alice, is_public=True))
    assert api(bob).post(f"/runs/{run}/{what}", json={"step": 1}).status_code == 403
