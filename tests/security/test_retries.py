"""An Idempotency-Key: a retry is stored once, and nobody else's key is in the way."""

from concurrent.futures import ThreadPoolExecutor

import pytest

KEY = {"Idempotency-Key": "8f14e45f-ceea"}


@pytest.fixture
def run_id(make_run, alice) -> int:
    return make_run(alice)


def count(api, alice, run_id) -> int:
    return len(api(alice).get(f"/metrics/{run_id}").json)


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [("", {"name": "loss", "value": 1}, {"name": "loss", "value": 2}),
     ("/batch", {"metrics": {"loss": 1}}, {"metrics": {"loss": 1, "acc": 1}})],
)  # fmt: skip
def test_a_retry_is_stored_once_and_another_body_is_refused(api, alice, run_id, path, body, other):
    first, again = (api(alice).post(f"/metrics/{run_id}{path}", body, headers=KEY) for _ in range(2))
    assert (again.status_code, again.json) == (first.status_code, first.json)
    assert count(api, alice, run_id) == 1
    assert api(alice).post(f"/metrics/{run_id}{path}", other, headers=KEY).status_code == 409
    assert count(api, alice, run_id) == 1
    assert api(alice).post(f"/metrics/{run_id}{path}", other, headers={"Idempotency-Key": "next"}).status_code < 300


def test_eight_copies_at_once_are_stored_once_and_all_answered_alike(app, api, alice, run_id):
    headers = {"Authorization": f"Bearer {alice.token}"} | KEY

    def log(_):
        answer = app.test_client().post(f"/metrics/{run_id}", json={"name": "loss", "value": 1}, headers=headers)
        return answer.status_code, answer.data

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(log, range(8)))
    assert len(answers) == 1
    assert answers.pop()[0] == 201
    assert count(api, alice, run_id) == 1


def test_eight_copies_of_a_run_at_once_make_one(app, api, alice, make_project):
    project_id = make_project(alice)
    headers = {"Authorization": f"Bearer {alice.token}"} | KEY

    def start(_):
        path = f"/runs/?project_id={project_id}"
        return app.test_client().post(path, json={"name": "run"}, headers=headers).json["id"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(start, range(8)))) == 1
    assert len(api(alice).get(f"/runs/?project_id={project_id}").json) == 1


def test_a_key_belongs_to_its_run_and_its_project(api, alice, bob, make_run, make_project, run_id):
    second, his, project_id = make_run(alice), make_project(bob), make_project(alice, is_public=True)
    body = {"name": "loss", "value": 1}
    for run in (run_id, second):
        assert api(alice).post(f"/metrics/{run}", body, headers=KEY).status_code == 201
        assert count(api, alice, run) == 1
    hers = api(alice).post(f"/runs/?project_id={project_id}", {}, headers=KEY).json
    created = api(bob).post(f"/runs/?project_id={his}", {}, headers=KEY).json
    assert hers["id"] != created["id"]
    assert api(bob).post(f"/runs/?project_id={project_id}", {}, headers=KEY).status_code == 403


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "a\x7f", "\xff\xfe\x00", "\x80"])
def test_an_odd_key_is_refused_in_words(api, alice, make_project, run_id, key):
    for path, body in ((f"/metrics/{run_id}", {"name": "a", "value": 1}), ("/runs/?project_id=1", {})):
        answer = api(alice).post(path, body, headers={"Idempotency-Key": key})
        assert answer.status_code in {200, 201, 400}
        if answer.status_code == 400:
            assert "Idempotency-Key" in answer.json["detail"]


def test_a_refused_request_uses_up_no_key(api, alice, run_id):
    assert api(alice).post(f"/metrics/{run_id}", {"name": "loss"}, headers=KEY).status_code == 400
    assert api(alice).post(f"/metrics/{run_id}", {"name": "loss", "value": 1}, headers=KEY).status_code == 201
