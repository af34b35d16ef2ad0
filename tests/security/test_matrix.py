"""Who may do what: every route and kind of caller, private and public, by token, cookie and key, pages and sockets."""

import base64
import threading
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from flask_jwt_extended import create_access_token

from aimanager.extensions import writing
from aimanager.http.auth import check_every_route_has_a_rule
from aimanager.models import ApiKey
from aimanager.models.base import now
from aimanager.services import accounts, api_keys, marks, sessions, views
from tests.security.conftest import SECRET
from tests.security.doors import (
    REQUESTS,
    WEBSOCKET,
    Caller,
    by_cookie,
    by_key,
    by_token,
    expected,
    handshake,
    knock,
    routes,
)

pytestmark = pytest.mark.slow  # Every door with every caller or body: too much for the quick run.

BY = ["token", "cookie", "key"]
STRANGERS = [*(f"bob by {by}" for by in BY), "nobody"]
REFUSED = [
    "garbage by token", "garbage by cookie", "garbage by key", "garbage by basic", "an unknown scheme",
    "an expired token", "an expired cookie", "a token that was logged out", "a cookie that was logged out",
    "a revoked key", "an expired key", "disabled by token", "disabled by cookie", "disabled by key",
]  # fmt: skip
OWNERS = [*(f"{who} by {by}" for who in ("alice", "carol") for by in BY), "a key to read", "a basic key to read"]


@dataclass(frozen=True)
class Place:
    """Somebody's project, run, key, shared view and note."""

    project_id: int
    run_id: int
    key_id: int
    view_id: int
    note_id: int

    @property
    def objects(self):
        return vars(self)


@pytest.fixture
def make_place(app, make_project, make_run, make_points):
    def make(owner, public, name="a project"):
        project_id = make_project(owner, name, is_public=public)
        run_id = make_run(owner, project_id, name="run")
        make_points(owner, run_id, loss=[1, 2], **({SECRET: [1]} if not public else {}))
        with app.test_request_context():
            key_id = api_keys.issue(owner.principal, "her key")[0].id
            view_id = views.create(owner.principal, project_id, "her view", is_shared=True).id
            note_id = marks.pin(owner.principal, run_id, "a note").id
            return Place(project_id, run_id, key_id, view_id, note_id)

    return make


@pytest.fixture
def make_caller(app, make_user, key_of):
    """A caller by name. For those who may come in the account is new each time, as doors may end it."""
    made = iter(range(10_000))

    def person(caller, **fields):
        return make_user(f"{caller.split()[0]}{next(made)}", **fields)

    def refused(caller):
        dora = person("dora")
        key = key_of(dora)
        with app.test_request_context():
            if "expired" in caller:
                late = create_access_token(
                    str(dora.id), expires_delta=timedelta(minutes=-1), additional_claims={"epoch": 0}
                )
                dora = replace(dora, token=late)
                key_id = api_keys.list_keys(dora.principal)[0].id
                with writing() as session:
                    session.get(ApiKey, key_id).expires_at = now()
            if "logged out" in caller:
                sessions.end(dora.principal)
            if "revoked" in caller:
                api_keys.revoke(dora.principal, api_keys.list_keys(dora.principal)[0].id)
            if "disabled" in caller:
                accounts.set_active(dora.id, False)
        if "garbage" in caller:
            dora, key = replace(dora, token=dora.token[:-4] + "AAAA"), "aimgr_" + "0" * 48
        if "scheme" in caller:
            return {"Authorization": f"Digest {dora.token}"}
        if "basic" in caller:
            return {"Authorization": "Basic " + base64.b64encode(b"dora:correct horse").decode()}
        return by_key(key) if "key" in caller else by_cookie(dora) if "cookie" in caller else by_token(dora)

    def make(caller, owner=None):
        if caller == "nobody":
            return Caller("nobody", {})
        if caller in REFUSED:
            return Caller("refused", refused(caller))
        if caller.endswith("key to read"):
            key = key_of(owner, "read")
            basic = {"Authorization": "Basic " + base64.b64encode(f"any:{key}".encode()).decode()}
            return Caller("owner", basic if "basic" in caller else by_key(key), may_write=False, by_password=False)
        who = {"alice": "owner", "bob": "stranger", "carol": "superuser"}[caller.split()[0]]
        whom = owner if who == "owner" else person(caller, is_superuser=who == "superuser")
        if caller.endswith("by key"):
            return Caller(who, by_key(key_of(whom)), by_password=False)
        return Caller(who, by_cookie(whom) if caller.endswith("cookie") else by_token(whom))

    return make


def cells(app):
    """Each route, for a private and a public object where it is about one."""
    for route in routes(app):
        for public in (False, True) if route.object else (False,):
            yield route, public


def test_every_route_has_a_rule_and_a_row(app):
    check_every_route_has_a_rule(app)
    assert {route.name for route in routes(app)} == set(REQUESTS)
    assert {route.needs for route in routes(app)} == {
        "anyone", "visitor", "public_or_read", "user", "write", "session",
    }  # fmt: skip


def test_an_application_with_a_route_without_a_rule_does_not_start(make_app, monkeypatch):
    def forgetful(app, folder):
        app.add_url_rule("/backdoor", "backdoor", lambda: "welcome")
        # Nobody closes what does not start.
        app.extensions["aimanager"].metric_store.close()
        for thread in threading.enumerate():
            if thread.name == "store-tidy":
                thread.join(10)
        app.extensions["aimanager"].database.engine.dispose()

    monkeypatch.setattr("aimanager.factory._add_routes", forgetful)
    with pytest.raises(RuntimeError, match=r"no rule with @requires: /backdoor \(backdoor\)"):
        make_app()


def test_a_route_without_a_rule_that_was_added_later_is_closed_to_everybody(app, api, alice):
    app.url_map.add(app.url_rule_class("/backdoor", endpoint="backdoor"))
    app.view_functions["backdoor"] = lambda: "welcome"
    assert api(alice).get("/backdoor").status_code == 403


def test_a_rule_that_does_not_exist_cannot_be_stated():
    from aimanager.http.auth import requires

    with pytest.raises(ValueError, match="admin"):
        requires("admin")


@pytest.mark.parametrize("name", STRANGERS + REFUSED)
def test_strangers_read_what_is_public_and_change_nothing(
    app, name, alice, private_run, make_place, make_caller, checksum
):
    places = {public: make_place(alice, public) for public in (False, True)}
    before = checksum()
    wrong = []
    for route, public in cells(app):
        caller = make_caller(name)
        right = expected(route, caller, public)
        status, answer = knock(app, route, caller, **places[public].objects)
        if status != right or (route.object and not public and SECRET.encode() in answer):
            wrong.append((route.method, str(route.rule), "public" if public else "private", status, right))
    assert wrong == []
    assert checksum() == before


@pytest.mark.parametrize("name", OWNERS)
def test_owners_and_superusers_come_in_and_a_key_does_no_more_than_its_scope(
    app, name, alice, make_user, make_place, make_caller
):
    wrong = []
    for number, (route, public) in enumerate(cells(app)):
        owner = make_user(f"owner{number}")
        place = make_place(owner, public)
        caller = make_caller(name, owner)
        right = expected(route, caller, public)
        status, _ = knock(app, route, caller, **place.objects)
        if status != right:
            wrong.append((route.method, str(route.rule), "public" if public else "private", status, right))
    assert wrong == []


def test_what_does_not_exist_is_a_404_for_whoever_is_signed_in(app, alice):
    wrong = []
    for route in routes(app):
        if route.object and route.needs not in {"anyone", "visitor"}:
            status, _ = knock(
                app,
                route,
                Caller("owner", by_token(alice)),
                project_id=999,
                run_id=999,
                key_id=999,
                view_id=999,
                note_id=999,
            )
            if status != 404:
                wrong.append((route.method, str(route.rule), status))
    assert wrong == []


def test_a_cookie_without_its_csrf_token_changes_nothing(app, alice, make_place, checksum):
    place = make_place(alice, True)
    before = checksum()
    wrong = []
    for route in routes(app):
        if route.method == "GET" or route.needs in {"anyone", "visitor"}:
            continue
        for token in ({}, {"X-CSRF-TOKEN": "twice"}, {"X-CSRF-TOKEN": ""}):
            cookie = {"Cookie": f"session={alice.token}; csrf=twice", "X-CSRF-TOKEN": ""} | token
            status, _ = knock(app, route, Caller("owner", cookie), **place.objects)
            if status != 403:
                wrong.append((route.method, str(route.rule), status))
    assert wrong == []
    assert checksum() == before


def test_nothing_is_changed_by_get_or_head(app, alice, make_place, checksum):
    place = make_place(alice, False)
    before = checksum()
    for route in routes(app):
        if route.method == "GET" and not route.rule.websocket:
            assert knock(app, route, Caller("owner", by_cookie(alice)), **place.objects)[0] == 200, route
            head = app.test_client().head(
                str(route.rule).replace("<id:run_id>", str(place.run_id)), headers=by_cookie(alice)
            )
            assert head.data == b""
    assert checksum() == before
    for path in ("/logout", "/auth/logout"):
        assert app.test_client().get(path, headers=by_cookie(alice)).status_code == 405


@pytest.mark.parametrize(
    "since", ["0" * 20 + "9" * 5000, "9" * 5000, "9223372036854775808", "-1", "x", "", "²", "1.0", "%00"]
)
def test_a_socket_that_says_it_heard_something_impossible_is_refused(app, alice, make_run, since):
    path = f"/ws/{make_run(alice)}?since={since}"
    status, answer = handshake(app.test_client(), path, by_token(alice) | WEBSOCKET)
    assert status == 400
    assert b"detail" in answer
