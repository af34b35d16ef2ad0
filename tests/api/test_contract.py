"""The contract, line by line: paths, fields, types, defaults and messages as users were promised."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api import wire

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?")


@pytest.fixture
def run_id(make_run, alice) -> int:
    return make_run(
        alice, name="Training Run 1", config={"learning_rate": 0.001, "batch_size": 32}, tags=["demo", "test"]
    )


@pytest.mark.parametrize("name", wire.FILES)
def test_the_server_answers_every_example_of_the_contract(app, name):
    assert wire.play(app, name) >= 9


def test_every_file_of_examples_is_played():
    played = {path.stem for path in wire.FOLDER.glob("*.json") if "examples" in json.loads(path.read_text())}
    assert played == set(wire.FILES)


def test_registering_answers_the_user(api):
    account = {"email": "user@example.com", "username": "username", "password": "password"}
    answer = api().post("/auth/register", account)
    assert answer.status_code == 201
    body = answer.json
    assert list(body) == ["id", "email", "username", "is_active", "is_superuser", "created_at", "updated_at"]
    assert body["is_active"] is True
    assert body["is_superuser"] is False
    assert TIME.fullmatch(body["created_at"])
    assert body["created_at"] == body["updated_at"]


@pytest.mark.parametrize("name", ["username", "user@example.com", "USERNAME"])
def test_logging_in_takes_a_form_with_name_or_email(api, name):
    api().post("/auth/register", {"email": "user@example.com", "username": "username", "password": "password"})
    answer = api().post("/auth/login", data={"username": name, "password": "password"})
    assert answer.status_code == 200
    assert answer.json["token_type"] == "bearer"
    assert api(answer.json["access_token"]).get("/auth/me").json["username"] == "username"


def test_logging_in_takes_json_too(api):
    api().post("/auth/register", {"email": "user@example.com", "username": "username", "password": "password"})
    assert api().post("/auth/login", {"username": "username", "password": "password"}).json["token_type"] == "bearer"


def test_a_project_is_created_read_listed_changed_and_deleted(api, alice):
    body = {"name": "My Project", "description": "A machine learning project", "is_public": False}
    made = api(alice).post("/projects/", body)
    assert made.status_code == 201
    project = made.json
    assert list(project) == ["id", "name", "description", "owner_id", "is_public", "created_at", "updated_at"]
    assert project["owner_id"] == alice.id
    assert api(alice).get(f"/projects/{project['id']}").json == project
    assert api(alice).get("/projects/").json == [project]
    changed = api(alice).put(f"/projects/{project['id']}", {"name": "Updated Project Name", "description": "Updated"})
    assert (changed.status_code, changed.json["name"], changed.json["is_public"]) == (
        200,
        "Updated Project Name",
        False,
    )
    gone = api(alice).delete(f"/projects/{project['id']}")
    assert (gone.status_code, gone.data) == (204, b"")
    assert api(alice).get(f"/projects/{project['id']}").status_code == 404


def test_a_run_is_answered_as_the_contract_has_it(api, alice, make_project):
    project_id = make_project(alice)
    body = {"name": "Training Run 1", "config": {"learning_rate": 0.001, "batch_size": 32}, "tags": ["demo", "test"]}
    made = api(alice).post(f"/runs/?project_id={project_id}", body)
    assert made.status_code == 201
    run = made.json
    assert {"id", "name", "project_id", "status", "config", "tags", "started_at", "ended_at"} <= set(run)
    assert run | body == run
    assert (run["status"], run["ended_at"], run["project_id"]) == ("running", None, project_id)
    assert api(alice).get(f"/runs/{run['id']}").json == run
    row = api(alice).get("/runs/").json[0]
    assert {"id", "name", "status", "started_at", "ended_at", "tags"} <= set(row)


def test_a_final_status_ends_a_run(api, alice, run_id):
    ended = api(alice).put(f"/runs/{run_id}", {"status": "completed"}).json
    assert ended["status"] == "completed"
    assert TIME.fullmatch(ended["ended_at"])
    assert api(alice).put(f"/runs/{run_id}", {"status": "running"}).json["ended_at"] is None


def test_a_run_takes_the_end_it_is_given(api, alice, run_id):
    changes = {"status": "completed", "ended_at": "2023-01-01T01:00:00"}
    assert api(alice).put(f"/runs/{run_id}", changes).json["ended_at"] == "2023-01-01T01:00:00"
    changes = {"ended_at": "2023-01-01T03:00:00+02:00"}
    assert api(alice).put(f"/runs/{run_id}", changes).json["ended_at"] == "2023-01-01T01:00:00"


def test_runs_are_listed_newest_first_and_by_project(api, alice, make_project, make_run):
    first, second = make_project(alice), make_project(alice)
    a, b, c = make_run(alice, first), make_run(alice, second), make_run(alice, first)
    assert [run["id"] for run in api(alice).get("/runs/").json] == [c, b, a]
    assert [run["id"] for run in api(alice).get(f"/runs/?project_id={first}").json] == [c, a]
    page = api(alice).get("/runs/?skip=1&limit=1")
    assert ([run["id"] for run in page.json], page.headers["X-Total-Count"]) == ([b], "3")


def test_a_single_metric_is_answered_as_it_is_stored(api, alice, run_id):
    answer = api(alice).post(f"/metrics/{run_id}", {"name": "loss", "value": 0.5, "step": 1})
    assert answer.status_code == 201
    assert list(answer.json) == ["id", "run_id", "name", "value", "step", "timestamp"]
    assert (answer.json["id"], answer.json["value"], answer.json["step"]) == (1, 0.5, 1)
    assert api(alice).get(f"/metrics/{run_id}").json == [answer.json]


def test_a_batch_says_how_many_it_logged(api, alice, run_id):
    body = {"metrics": {"loss": 0.5, "accuracy": 0.85, "learning_rate": 0.001}, "step": 1}
    answer = api(alice).post(f"/metrics/{run_id}/batch", body)
    assert (answer.status_code, answer.json) == (200, {"message": "Logged 3 metrics successfully"})


def test_history_and_summary_are_the_contracts(api, alice, run_id):
    for step, value in enumerate([0.5, 0.4, 0.3], 1):
        body = {"name": "train/loss", "value": value, "step": step, "timestamp": f"2023-01-01T00:0{step - 1}:00"}
        api(alice).post(f"/metrics/{run_id}", body)
    assert api(alice).get(f"/metrics/{run_id}/history/train/loss").json == {
        "name": "train/loss",
        "values": [0.5, 0.4, 0.3],
        "steps": [1, 2, 3],
        "timestamps": ["2023-01-01T00:00:00", "2023-01-01T00:01:00", "2023-01-01T00:02:00"],
    }
    (summary,) = api(alice).get(f"/metrics/{run_id}/summary").json
    assert summary == {
        "name": "train/loss", "current_value": 0.3, "min_value": 0.3, "max_value": 0.5,
        "mean_value": pytest.approx(0.4), "total_points": 3,
    }  # fmt: skip


def test_points_are_listed_by_timestamp_filtered_and_paged(api, alice, run_id):
    for step, minute in enumerate([3, 1, 2]):
        body = {"metrics": {"loss": step, "acc": step}, "step": step, "timestamp": f"2023-01-01T00:0{minute}:00Z"}
        api(alice).post(f"/metrics/{run_id}/batch", body)
    rows = api(alice).get(f"/metrics/{run_id}/?metric_name=loss").json
    assert [row["step"] for row in rows] == [1, 2, 0]
    page = api(alice).get(f"/metrics/{run_id}?skip=2&limit=3")
    assert [(row["name"], row["step"]) for row in page.json] == [("loss", 2), ("acc", 2), ("loss", 0)]
    assert page.headers["X-Total-Count"] == "6"


def test_a_step_that_is_left_out_follows_the_metrics_greatest_one(api, alice, run_id):
    def log(**fields):
        return api(alice).post(f"/metrics/{run_id}", {"name": "loss", "value": 1} | fields).json["step"]

    assert [log(), log(), log(step=10), log(), log(step=3), log()] == [0, 1, 10, 11, 3, 12]


@pytest.mark.parametrize(
    ("sent", "received"),
    [(b"NaN", "NaN"), (b"Infinity", "Infinity"), (b"-Infinity", "-Infinity"), (b'"NaN"', "NaN"),
     (b'"-Infinity"', "-Infinity"), (b"1e400", "Infinity"), (b"-0.0", -0.0), (b"5e-324", 5e-324), (b"1", 1.0),
     (b"1.7976931348623157e308", 1.7976931348623157e308)],
)  # fmt: skip
def test_any_float_goes_in_and_the_same_comes_out(api, alice, run_id, sent, received):
    body = b'{"name": "loss", "value": ' + sent + b', "step": 1}'
    answer = api(alice).post(f"/metrics/{run_id}", data=body, content_type="application/json")
    assert answer.status_code == 201
    for value in (
        answer.json["value"],
        api(alice).get(f"/metrics/{run_id}").json[0]["value"],
        api(alice).get(f"/metrics/{run_id}/history/loss").json["values"][0],
        api(alice).get(f"/metrics/{run_id}/summary").json[0]["current_value"],
    ):
        assert repr(value) == repr(received)


def test_what_is_not_finite_breaks_no_summary(api, alice, run_id):
    body = {"series": {"loss": {"values": [1, "NaN", "Infinity", 3, "-Infinity"]}}}
    assert api(alice).post(f"/metrics/{run_id}/bulk", body).status_code == 200
    (summary,) = api(alice).get(f"/metrics/{run_id}/summary").json
    assert (summary["min_value"], summary["max_value"], summary["mean_value"], summary["total_points"]) == (1, 3, 2, 5)
    api(alice).post(f"/metrics/{run_id}", {"name": "bad", "value": "NaN"})
    bad = api(alice).get(f"/metrics/{run_id}/summary").json[0]
    assert (bad["current_value"], bad["min_value"], bad["mean_value"]) == ("NaN", None, None)


def test_the_same_resource_with_and_without_a_slash(api, alice, run_id):
    api(alice).post(f"/metrics/{run_id}", {"name": "loss", "value": 1})
    for path in (
        "/projects",
        "/runs",
        f"/metrics/{run_id}",
        f"/runs/{run_id}",
        f"/metrics/{run_id}/summary",
        "/auth/me",
    ):
        bare, slashed = api(alice).get(path), api(alice).get(path + "/")
        assert (bare.status_code, slashed.status_code) == (200, 200)
        assert bare.json == slashed.json
    assert api(alice).post("/projects", {"name": "no redirect"}).status_code == 201


def test_every_refusal_has_its_words(api, alice, bob, run_id):
    assert api().get("/auth/me").json == {"detail": "Could not validate credentials"}
    assert api().get("/auth/me").headers["WWW-Authenticate"] == "Bearer"
    assert api(bob).get(f"/runs/{run_id}").json == {"detail": "Not enough permissions"}
    assert api(alice).get("/runs/99999").json == {"detail": "Resource not found"}
    assert api(alice).get("/nothing/here").json == {"detail": "Resource not found"}
    wrong = api(alice).post(f"/metrics/{run_id}", {"name": "loss", "value": 1, "step": "1"})
    assert wrong.status_code == 400
    assert wrong.json["detail"] == "Validation error: step must be an integer"
    assert wrong.json["errors"][0]["loc"] == ["body", "step"]
    forbidden = api(alice).open(f"/runs/{run_id}", method="PATCH")
    assert forbidden.status_code == 405
    assert {"GET", "PUT", "DELETE"} <= set(forbidden.headers["Allow"].replace(" ", "").split(","))
    assert forbidden.json["detail"]


def test_a_taken_name_says_so(api):
    account = {"email": "user@example.com", "username": "username", "password": "password"}
    api().post("/auth/register", account)
    again = api().post("/auth/register", account | {"email": "other@example.com", "username": "USERNAME"})
    assert (again.status_code, again.json["detail"]) == (400, "Username is already registered")
    again = api().post("/auth/register", account | {"username": "other"})
    assert (again.status_code, again.json["detail"]) == (400, "Email is already registered")


def test_a_failed_login_says_no_more_than_that(api):
    api().post("/auth/register", {"email": "user@example.com", "username": "username", "password": "password"})
    wrong = api().post("/auth/login", data={"username": "username", "password": "wrong"})
    unknown = api().post("/auth/login", data={"username": "nobody", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json == unknown.json


def test_deleting_a_project_deletes_its_runs_and_points(api, alice, make_project, make_run, make_points):
    project_id = make_project(alice)
    run_id = make_run(alice, project_id)
    make_points(alice, run_id, loss=[1, 2, 3])
    assert api(alice).delete(f"/projects/{project_id}").status_code == 204
    assert api(alice).get(f"/runs/{run_id}").status_code == 404
    assert api(alice).post(f"/metrics/{run_id}", {"name": "loss", "value": 1}).status_code == 404


def test_ids_are_never_used_again(api, alice, make_project, make_run):
    project_id = make_project(alice)
    run_id = make_run(alice, project_id)
    api(alice).delete(f"/runs/{run_id}")
    assert make_run(alice, project_id) > run_id


def test_a_run_posted_again_with_its_key_is_created_once(api, alice, make_project):
    path, body = f"/runs/?project_id={make_project(alice)}", {"name": "once"}
    first = api(alice).post(path, body, headers={"Idempotency-Key": "k"})
    again = api(alice).post(path, body, headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
    other = api(alice).post(path, {"name": "other"}, headers={"Idempotency-Key": "k"})
    assert other.status_code == 409
    assert api(alice).post(path, body, headers={"Idempotency-Key": "l"}).json["id"] != first.json["id"]
    assert len(api(alice).get("/runs/").json) == 2


def test_a_run_posted_eight_times_at_once_is_created_once(api, alice, make_project):
    path = f"/runs/?project_id={make_project(alice)}"

    def ask(_):
        return api(alice).post(path, {"name": "once"}, headers={"Idempotency-Key": "k"}).json["id"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("GET", "/projects/?skip=99999999999999999999", None, "skip must be an integer of at most 64 bits"),
        ("POST", "/projects/", {"name": "x" * 201}, "name must have at most 200 characters"),
        ("POST", "/projects/", {"name": ""}, "name must have at least 1 characters"),
        ("POST", "/metrics/{run}/batch", {"metrics": {}}, "metrics must have at least 1 items"),
        ("POST", "/metrics/{run}/batch", {"metrics": {"b": "x"}}, "metrics.b must be a number"),
        ("PUT", "/runs/{run}", {"tags": ["x"] * 101}, "tags must have at most 100 items"),
        ("PUT", "/runs/{run}", {"tags": ["x", "y" * 101]}, "tags.1 must have 1 to 100 characters"),
        ("GET", "/ws/{run}", None, "this address speaks WebSocket"),
    ],
)
def test_a_refusal_says_what_was_expected_and_where_once(api, alice, run_id, method, path, body, words):
    answer = api(alice).open(path.replace("{run}", str(run_id)), method=method, json=body)
    assert answer.status_code == 400
    assert answer.json["detail"].startswith(f"Validation error: {words}")
    assert len(answer.json.get("errors", [0])) == 1


def test_a_key_that_was_used_with_another_body_says_so(api, alice, run_id):
    for value, status in ((1, 201), (1, 201), (2, 409)):
        headers = {"Idempotency-Key": "k"}
        answer = api(alice).post(f"/metrics/{run_id}", {"name": "loss", "value": value}, headers=headers)
        assert answer.status_code == status
    assert answer.json["detail"] == "This Idempotency-Key was used with another body; use a new key for other points"
