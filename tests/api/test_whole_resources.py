"""GET, change, PUT back; and what else scripts send that means the same."""

import pytest


@pytest.fixture
def run_id(make_run, alice) -> int:
    return make_run(alice, name="first", config={"lr": 0.1}, tags=["a"], notes="notes")


def test_a_whole_project_is_put_back(api, alice, make_project):
    path = f"/projects/{make_project(alice, description='before')}"
    project = api(alice).get(path).json
    changed = api(alice).put(path, project | {"description": "after"})
    assert changed.status_code == 200
    assert changed.json == project | {"description": "after", "updated_at": changed.json["updated_at"]}
    assert api(alice).get(path).json == changed.json


def test_a_whole_run_is_put_back(api, alice, run_id):
    path = f"/runs/{run_id}"
    run = api(alice).get(path).json
    changed = api(alice).put(path, run | {"notes": "after"})
    assert changed.status_code == 200
    assert changed.json == run | {"notes": "after", "updated_at": changed.json["updated_at"]}


def test_a_whole_run_that_is_put_back_with_another_status_ends_and_begins_again(api, alice, run_id):
    path = f"/runs/{run_id}"
    done = api(alice).put(path, api(alice).get(path).json | {"status": "completed"}).json
    assert done["ended_at"] is not None
    again = api(alice).put(path, done | {"notes": "still ended"}).json
    assert again["ended_at"] == done["ended_at"]
    assert api(alice).put(path, again | {"status": "running"}).json["ended_at"] is None


def test_a_whole_account_is_put_back_with_the_password(api, alice):
    account = api(alice).get("/auth/me").json
    body = account | {"email": "new@example.com", "password": "correct horse battery staple"}
    changed = api(alice).put("/auth/me", body)
    assert (changed.status_code, changed.json["email"]) == (200, "new@example.com")
    refused = api(alice).put("/auth/me", body | {"is_superuser": True})
    assert (refused.status_code, refused.json["detail"]) == (400, "Validation error: is_superuser cannot be changed")


def test_what_a_get_answers_a_put_takes(api):
    schemas = api().get("/openapi.json").json["components"]["schemas"]
    for answer, change in (("ProjectOut", "ProjectChanges"), ("RunOut", "RunChanges"), ("UserOut", "Account")):
        assert set(schemas[answer]["properties"]) <= set(schemas[change]["properties"])


@pytest.mark.parametrize("field", ["id", "project_id", "started_at", "created_at", "updated_at"])
def test_what_nobody_may_change_of_a_run_is_refused_by_name(api, alice, run_id, field):
    other = 99 if field.endswith("id") else "2020-01-01T00:00:00"
    answer = api(alice).put(f"/runs/{run_id}", {"notes": "changed", field: other})
    assert (answer.status_code, answer.json["detail"]) == (400, f"Validation error: {field} cannot be changed")
    assert answer.json["errors"][0]["loc"] == ["body", field]
    assert api(alice).get(f"/runs/{run_id}").json["notes"] == "notes"


@pytest.mark.parametrize("field", ["id", "owner_id", "created_at", "updated_at"])
def test_what_nobody_may_change_of_a_project_is_refused_by_name(api, alice, make_project, field):
    other = 99 if field.endswith("id") else "2020-01-01T00:00:00"
    answer = api(alice).put(f"/projects/{make_project(alice)}", {field: other})
    assert (answer.status_code, answer.json["detail"]) == (400, f"Validation error: {field} cannot be changed")


def test_an_unknown_field_is_refused_by_name(api, alice, run_id):
    answer = api(alice).put(f"/runs/{run_id}", {"nmae": "typo"})
    assert (answer.status_code, "nmae" in answer.json["detail"]) == (400, True)


def test_times_are_compared_as_instants(api, alice, run_id):
    run = api(alice).get(f"/runs/{run_id}").json
    assert api(alice).put(f"/runs/{run_id}", {"started_at": run["started_at"] + "Z"}).status_code == 200


def test_rights_are_checked_before_the_contents_of_a_project(api, bob, alice, make_project):
    project_id = make_project(alice, is_public=True)
    assert api(bob).put(f"/projects/{project_id}", {"id": 99}).status_code == 403


@pytest.mark.parametrize("step", [b"3.0", b"3", b"3e0"])
def test_a_whole_number_is_a_step_however_it_is_written(api, alice, run_id, step):
    for path, body in (
        ("", b'{"name": "a", "value": 1, "step": %s}'),
        ("/batch", b'{"metrics": {"b": 1}, "step": %s}'),
        ("/bulk", b'{"series": {"c": {"values": [1, 2], "steps": [1, %s]}}}'),
    ):
        answer = api(alice).post(f"/metrics/{run_id}{path}", data=body % step, content_type="application/json")
        assert answer.status_code < 300, answer.text
    points = api(alice).get(f"/metrics/{run_id}").json
    assert {point["name"]: point["step"] for point in points} == {"a": 3, "b": 3, "c": 3}


@pytest.mark.parametrize("step", [b"3.5", b"true", b'"1"', b"1e300", b"NaN", b"9223372036854775808", b"9.3e18"])
def test_anything_else_is_no_step(api, alice, run_id, step):
    for path, body in (
        ("", b'{"name": "a", "value": 1, "step": %s}'),
        ("/batch", b'{"metrics": {"b": 1}, "step": %s}'),
        ("/bulk", b'{"series": {"c": {"values": [1, 2], "steps": [1, %s]}}}'),
    ):
        answer = api(alice).post(f"/metrics/{run_id}{path}", data=body % step, content_type="application/json")
        assert (answer.status_code, "step" in answer.json["detail"]) == (400, True), answer.text
    assert api(alice).get(f"/metrics/{run_id}").json == []


def test_true_and_false_are_the_values_one_and_zero(api, alice, run_id):
    api(alice).post(f"/metrics/{run_id}", {"name": "a", "value": True})
    api(alice).post(f"/metrics/{run_id}/batch", {"metrics": {"b": False, "c": 2.5}})
    api(alice).post(f"/metrics/{run_id}/bulk", {"series": {"d": {"values": [True, 0.5, "NaN"]}}})
    values = [(point["name"], point["value"]) for point in api(alice).get(f"/metrics/{run_id}").json]
    assert values == [("a", 1.0), ("b", 0.0), ("c", 2.5), ("d", 1.0), ("d", 0.5), ("d", "NaN")]
