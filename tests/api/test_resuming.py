"""Resuming a run by its key or its id, and what a script says of its run bit by bit."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def start(api, alice, make_project):
    project = make_project(alice)

    def start(**body):
        return api(alice).post("/runs/", query_string={"project_id": project}, json=body)

    return start


def test_a_run_is_resumed_by_its_key_where_that_is_allowed(start, api, alice, make_points):
    first = start(key="night", name="first", config={"lr": 0.1, "seed": 1}, tags=["a"], resume="allow")
    assert (first.status_code, first.json["key"]) == (201, "night")
    make_points(alice, first.json["id"], loss=[3, 2, 1])
    api(alice).put(f"/runs/{first.json['id']}", json={"status": "failed", "exit": {"code": 1}})
    again = start(key="night", name="second", config={"lr": 0.2}, tags=["b"], total_steps=9, resume="allow")
    assert again.status_code == 200
    expected = {
        "id": first.json["id"],
        "name": "first",
        "status": "running",
        "ended_at": None,
        "config": {"lr": 0.2, "seed": 1},
        "tags": ["a", "b"],
        "total_steps": 9,
        "resumed": True,
        "last_step": 2,
    }
    assert {name: again.json[name] for name in expected} == expected
    assert api(alice).get(f"/runs/{first.json['id']}/environment").json["exit"] is None


def test_a_key_that_is_taken_is_refused_unless_one_asks_to_resume(start):
    assert start(key="night").status_code == 201
    answer = start(key="night")
    assert (answer.status_code, answer.json["errors"][0]["loc"]) == (400, ["body", "key"])
    assert "has the key already" in answer.json["detail"]


def test_a_run_that_must_be_there_is_a_404_when_it_is_not(start):
    assert start(key="night", resume="must").status_code == 404
    assert start(key="night").status_code == 201
    assert start(key="night", resume="must").status_code == 200


def test_a_key_is_of_its_project_and_free_again_once_its_run_is_deleted(start, api, alice, make_project):
    run = start(key="night").json["id"]
    other = make_project(alice, name="another")
    answer = api(alice).post(f"/runs/?project_id={other}", json={"key": "night", "resume": "allow"})
    assert answer.status_code == 201
    api(alice).delete(f"/runs/{run}")
    assert start(key="night").status_code == 201


@pytest.mark.parametrize(
    "wrong", [{"key": ""}, {"key": "x" * 201}, {"key": "a\nb"}, {"resume": "allow"}, {"resume": "yes"}]
)
def test_a_key_that_makes_no_sense_is_refused(start, wrong):
    assert start(**wrong).status_code == 400


def test_a_run_is_resumed_by_its_id_also_if_it_never_ended_and_its_charts_have_a_mark_where_it_goes_on(
    api, alice, make_run, make_points
):
    run = make_run(alice)
    make_points(alice, run, loss=[3, 2, 1], acc=[0.1])
    for _ in range(2):  # The second is as when the request is sent again.
        answer = api(alice).post(f"/runs/{run}/resume", json={})
        assert (answer.status_code, answer.json["status"], answer.json["last_step"]) == (200, "running", 2)
    make_points(alice, run, loss=[0])
    api(alice).post(f"/runs/{run}/resume", json={})
    marks = api(alice).get(f"/app/runs/marks?runs={run}").json
    assert [(mark["kind"], mark["step"]) for mark in marks] == [("resume", 2), ("resume", 3)]


def test_a_start_by_key_that_is_sent_again_is_no_resumption(api, alice, make_project):
    project = make_project(alice)
    send = {"query_string": {"project_id": project}, "headers": {"Idempotency-Key": "once"}}
    body = {"key": "night", "resume": "allow"}
    runs = [api(alice).post("/runs/", json=body, **send).json["id"] for _ in range(2)]
    assert runs[0] == runs[1]
    assert api(alice).get(f"/app/runs/marks?runs={runs[0]}").json == []
    api(alice).put(f"/runs/{runs[0]}", json={"status": "failed"})
    assert api(alice).post("/runs/", json=body, **send).json["status"] == "running"


def test_a_process_that_joins_a_run_leaves_it_as_it_is(start, api, alice):
    made = start(key="job", resume="join")
    assert made.status_code == 201
    run = made.json["id"]
    assert start(key="job", name="mine", config={"lr": 1}, resume="allow").json["id"] == run
    assert api(alice).get(f"/app/runs/marks?runs={run}").json == []  # Nothing was there to go on from.
    api(alice).put(f"/runs/{run}", json={"status": "completed"})
    joined = start(key="job", resume="join", config={"lr": 2}, tags=["b"])
    assert (joined.status_code, joined.json["id"], joined.json["status"]) == (200, run, "completed")
    assert (joined.json["config"], joined.json["tags"]) == ({"lr": 1}, [])


def test_processes_of_a_job_that_start_at_once_share_its_run(api, alice, make_project):
    project = make_project(alice)

    def begin(number):
        body = {"key": "job", "resume": "allow" if number == 0 else "join"}
        headers = {"Idempotency-Key": f"k{number}"}
        return api(alice).post("/runs/", query_string={"project_id": project}, json=body, headers=headers).json["id"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(begin, range(8)))) == 1


def test_a_stranger_resumes_nothing(api, alice, bob, make_run):
    assert api(bob).post(f"/runs/{make_run(alice)}/resume", json={}).status_code == 403


def test_parts_of_a_run_are_merged_by_key(api, alice, make_run):
    run = make_run(alice, config={"lr": 0.1, "seed": 1}, tags=["a", "b"])
    path = f"/runs/{run}"
    api(alice).put(
        path, json={"summary": {"best": 0.5, "verdict": "keep", "gone": 1}, "environment": {"python": "3.12"}}
    )
    sent = {
        "config_update": {"lr": float("nan"), "depth": 3},
        "add_tags": ["c", "a"],
        "remove_tags": ["b"],
        "summary": {"best": 0.6, "gone": None},
        "environment": {"host": "node1"},
    }
    changed = api(alice).put(path, data=json.dumps(sent), content_type="application/json").json
    assert changed["config"] == {"lr": "NaN", "seed": 1, "depth": 3}
    assert changed["tags"] == ["a", "c"]
    assert changed["summary"] == {"best": 0.6, "verdict": "keep"}
    assert api(alice).get(path).json == changed
    assert api(alice).get(f"{path}/environment").json["environment"] == {"python": "3.12", "host": "node1"}


def test_the_end_of_a_run_keeps_its_traceback(api, alice, make_run):
    run = make_run(alice)
    end = {"code": 1, "error": "Traceback (most recent call last):\n  \x1b[31mValueError\x1b[0m"}
    api(alice).put(f"/runs/{run}", json={"status": "failed", "exit": {**end, "signal": None}})
    assert api(alice).get(f"/runs/{run}/environment").json["exit"] == end


@pytest.mark.parametrize(
    "wrong",
    [
        {"add_tags": ["x" * 101]},
        {"add_tags": [f"t{n}" for n in range(101)]},
        {"summary": {"x" * 251: 1}},
        {"summary": {"x": "y" * 1001}},
        {"summary": {"x": [1]}},
        {"summary": {f"m{n}": 1 for n in range(1001)}},
        {"config_update": {"x": "y" * 1024 * 1024}},
        {"environment": {"diff": "y" * 1024 * 1024}},
        {"environment": {"diff": "\x00"}},
        {"exit": {"error": "x" * 65537}},
        {"exit": {"why": "no"}},
        {"key": "another"},
        {"parent_id": 1},
    ],
)
def test_parts_that_make_no_sense_are_refused(api, alice, make_run, wrong):
    run = make_run(alice, config={"lr": 0.1})
    before = api(alice).get(f"/runs/{run}").json
    assert api(alice).put(f"/runs/{run}", json=wrong).status_code == 400
    assert api(alice).get(f"/runs/{run}").json == before
