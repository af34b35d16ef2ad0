"""What is Alice's stays Alice's: by lists, searches, counts, moved objects, keys, guesses at fields."""

import re

import pytest
import sqlalchemy as sa

from aimanager.extensions import db
from aimanager.models import ApiKey
from aimanager.services import tickets
from tests.cast import PASSWORD
from tests.security.conftest import SECRET


def test_no_list_search_or_count_tells_of_what_is_private(api, browser_of, bob, alice, private_run):
    paths = [
        "/projects/", "/projects/?visibility=public", f"/projects/?name=project {SECRET}", "/runs/", "/runs/?limit=1000",
        f"/projects/?visibility=public&name=project {SECRET}", "/openapi.json",
    ]  # fmt: skip
    for path in paths:
        answer = api(bob).get(path)
        assert SECRET not in answer.text
        assert answer.headers.get("X-Total-Count", "0") == "0"
    for path in ("/", "/?visibility=public", f"/?q={SECRET[:8]}&visibility=public", "/settings", "/docs"):
        page = browser_of(bob).get(path)
        assert page.status_code == 200
        assert SECRET not in page.text


def test_a_refusal_says_nothing_of_what_it_hides(api, browser_of, bob, private_run):
    paths = [f"/runs/{private_run}", "/projects/1", f"/metrics/{private_run}", f"/metrics/{private_run}/summary",
             f"/metrics/{private_run}/history/metric {SECRET}", f"/metrics/{private_run}/chart?name=metric {SECRET}",
             "/runs/?project_id=1", f"/app/runs/{private_run}", "/app/projects/1", f"/ws/{private_run}"]  # fmt: skip
    for path in paths:
        for answer in (api(bob).get(path), browser_of(bob).get(path, headers={"Accept": "text/html"})):
            assert answer.status_code in {400, 403}
            assert f"run {SECRET}" not in answer.text
            assert f"project {SECRET}" not in answer.text


def test_a_metric_that_exists_is_refused_like_one_that_does_not(api, bob, private_run):
    there, absent = (api(bob).get(f"/metrics/{private_run}/history/{name}") for name in (f"metric {SECRET}", "nothing"))
    assert (there.status_code, there.data) == (absent.status_code, absent.data)


@pytest.mark.parametrize("field", ["owner_id", "id", "created_at", "owner", "__class__", "runs", "password_hash"])
def test_a_project_cannot_be_given_away_or_forged(api, alice, bob, make_project, field):
    project_id = make_project(alice)
    before = api(alice).get(f"/projects/{project_id}").json
    assert api(alice).put(f"/projects/{project_id}", {field: bob.id}).status_code == 400
    assert api(alice).post("/projects/", {"name": "x", field: bob.id}).status_code == 400
    assert api(alice).get(f"/projects/{project_id}").json == before


@pytest.mark.parametrize(
    "field", ["project_id", "owner_id", "id", "started_at", "created_at", "metadata", "_sa_instance_state"]
)
def test_a_run_cannot_be_moved_into_anothers_project(api, alice, bob, make_project, make_run, field):
    run_id, alices_project = make_run(bob), make_project(alice)
    before = api(bob).get(f"/runs/{run_id}").json
    assert api(bob).put(f"/runs/{run_id}", {field: alices_project}).status_code == 400
    assert api(bob).post(f"/runs/?project_id={alices_project}", {"name": "x"}).status_code == 403
    assert api(bob).post(f"/runs/?project_id={before['project_id']}", {field: alices_project}).status_code == 400
    assert api(bob).get(f"/runs/{run_id}").json == before


def test_a_second_project_id_does_not_help(api, alice, bob, make_project):
    hers, his = make_project(alice), make_project(bob)
    assert api(bob).post(f"/runs/?project_id={hers}&project_id={his}", {}).status_code == 403
    made = api(bob).post(f"/runs/?project_id={his}&project_id={hers}", {})
    assert made.json["project_id"] == his


def test_exist_ok_finds_only_projects_of_ones_own(api, alice, bob, make_project):
    hers = make_project(alice, "shared name", is_public=True)
    made = api(bob).post("/projects/", {"name": "shared name", "exist_ok": True})
    assert made.status_code == 201
    assert made.json["id"] != hers


def test_making_a_project_private_shuts_strangers_out_at_once_and_no_page_was_kept(
    api, browser_of, alice, bob, make_run
):
    run_id = make_run(alice, public=True)
    project_id = api(alice).get(f"/runs/{run_id}").json["project_id"]
    paths = [f"/runs/{run_id}", f"/projects/{project_id}", f"/metrics/{run_id}", f"/app/runs/{run_id}"]
    for path in paths:
        answer = browser_of(bob).get(path)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    api(alice).put(f"/projects/{project_id}", {"is_public": False})
    for path in paths:
        assert browser_of(bob).get(path).status_code == 403
        assert api().get(path).status_code in {303, 401}


def test_an_id_is_not_used_again_after_a_delete(api, alice, bob, make_project, make_run):
    project_id, run_id = make_project(alice), make_run(alice)
    last = make_project(alice)
    key_id = api(alice).post("/auth/keys", {"name": "a"}).json["id"]
    for path in (f"/auth/keys/{key_id}", f"/runs/{run_id}", f"/projects/{last}", f"/projects/{project_id}"):
        assert api(alice).delete(path).status_code == 204
        assert api(alice).delete(path).status_code == 404
    assert make_project(bob) > last
    assert make_run(bob) > run_id
    assert api(bob).post("/auth/keys", {"name": "b"}).json["id"] > key_id


def test_a_key_makes_no_keys_and_touches_no_account(api, alice, bob, key_of):
    for key in (key_of(alice), key_of(alice, "read")):
        for method, path, body in [
            ("GET", "/auth/keys", None), ("POST", "/auth/keys", {"name": "more"}), ("DELETE", "/auth/keys/1", None),
            ("PUT", "/auth/me", {"password": PASSWORD}), ("POST", "/auth/logout", None), ("GET", "/settings", None),
            ("POST", "/app/projects/1/key", None), ("POST", "/settings/keys", None), ("POST", "/logout", None),
        ]:  # fmt: skip
            assert api(key).open(path, method=method, json=body).status_code == 403, (method, path)
    assert len(api(alice).get("/auth/keys").json) == 2


def test_a_ticket_from_a_reading_key_reads(app, alice, key_of, api, private_run):
    ticket = api(key_of(alice, "read")).post("/auth/ws-ticket", {"run_id": private_run}).json["ticket"]
    with app.test_request_context():
        assert tickets.holder(ticket, private_run).scope == "read"
        tickets.spend(ticket)
        for again in (lambda: tickets.holder(ticket, private_run), lambda: tickets.spend(ticket)):
            with pytest.raises(Exception, match="Could not validate credentials"):
                again()


def test_keys_are_shown_once_and_stored_as_a_hash(app, api, alice, settings):
    made = api(alice).post("/auth/keys", {"name": "laptop"}).json
    secret = made["api_key"]
    assert re.fullmatch(r"aimgr_[0-9a-f]{48}", secret)
    (listed,) = api(alice).get("/auth/keys").json
    assert secret not in str(listed)
    assert len(listed["prefix"]) <= 12
    with app.app_context():
        rows = db.session.execute(sa.select(ApiKey.__table__)).all()
    assert secret not in str(rows)
    assert secret[20:] not in str(rows)


def test_keys_end_when_they_should(app, api, alice):
    assert api(alice).post("/auth/keys", {"name": "late", "expires_at": "2020-01-01T00:00:00"}).status_code == 400
    made = api(alice).post("/auth/keys", {"name": "laptop", "expires_at": "2999-01-01T00:00:00"}).json
    assert api(made["api_key"]).get("/auth/me").status_code == 200
    assert api(alice).delete(f"/auth/keys/{made['id']}").status_code == 204
    assert api(made["api_key"]).get("/auth/me").status_code == 401


def test_a_user_makes_a_hundred_keys_and_no_more(api, alice):
    codes = [api(alice).post("/auth/keys", {"name": f"key {number}"}).status_code for number in range(101)]
    assert codes == [201] * 100 + [400]


WRONG = ["password", "owner.password_hash", "__class__", "id;DROP TABLE run", "1=1", "' OR ''='", "metric:", "config:__class__",
         "name DESC", "config:" + "9" * 200, "-" * 200]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_sorting_and_searching_know_no_other_fields(api, browser_of, alice, bob, make_run, text):
    run_id = make_run(alice, config={"a": "9" * 5000, "b": "0" * 5000 + "1"}, name="one")
    project_id = api(alice).get(f"/runs/{run_id}").json["project_id"]
    make_run(alice, project_id, config={"a": "8" * 5000}, name="two")
    browser = browser_of(alice)
    for query in (
        {"sort": text},
        {"q": text},
        {"sort": "-" + text, "q": text},
        {"sort": "config:a", "skip": text},
    ):
        page = browser.get(f"/app/projects/{project_id}", query_string=query)
        assert page.status_code == 200
        assert "argon2" not in page.text
    assert browser.get("/", query_string={"q": text, "visibility": text, "limit": text}).status_code == 200
    assert api(bob).get("/projects/", query_string={"visibility": text}).status_code == 400
    listed = api(bob).get("/projects/", query_string={"name": text})
    assert (listed.status_code, listed.json) == (200, []) or listed.status_code == 400


def test_a_superuser_may_look_but_takes_nothing_over(api, alice, carol, key_of, private_run, checksum):
    key_of(alice)
    before = checksum()
    assert api(carol).get(f"/runs/{private_run}").status_code == 200
    assert api(carol).get("/auth/keys").json == []
    assert api(carol).delete("/auth/keys/1").status_code == 403
    assert api(carol).get("/projects/").json == []
    assert checksum() == before
