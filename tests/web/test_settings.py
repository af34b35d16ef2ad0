import re

import pytest
import sqlalchemy as sa

from aimanager.extensions import db
from aimanager.models import Session
from aimanager.web.device import device
from tests.cast import PASSWORD
from tests.waiting import wait_until

from .conftest import BROWSER


def test_a_key_is_shown_once_and_works(look, alice, api):
    answer = look(alice, "/settings/keys", method="POST", data={"key_name": "laptop", "scope": "write", "days": "30"})
    key = re.search(r"aimgr_[0-9a-f]{40,}", answer.text)[0]
    assert api(key).get("/auth/me").json["username"] == "alice"
    page = look(alice, "/settings").text
    assert "laptop" in page
    assert key not in page


def test_a_key_for_reading_cannot_write(look, alice, api):
    answer = look(alice, "/settings/keys", method="POST", data={"key_name": "reader", "scope": "read"})
    key = re.search(r"aimgr_[0-9a-f]{40,}", answer.text)[0]
    assert api(key).post("/projects/", {"name": "x"}).status_code == 403


@pytest.mark.parametrize("fields", [{"key_name": ""}, {"key_name": "x" * 101}, {"key_name": "x", "days": "-1"}])
def test_a_key_that_cannot_be_is_refused_beside_its_field(look, alice, fields):
    answer = look(alice, "/settings/keys", method="POST", data=fields)
    assert answer.status_code == 400
    assert 'id="key_name-error"' in answer.text


def test_a_revoked_key_opens_nothing(look, alice, api, key_of):
    key = key_of(alice)
    number = api(alice).get("/auth/keys").json[0]["id"]
    assert look(alice, f"/settings/keys/{number}/revoke", method="POST").status_code == 303
    assert api(key).get("/auth/me").status_code == 401


def test_nobody_revokes_the_key_of_somebody_else(look, bob, alice, api, key_of):
    key = key_of(alice)
    number = api(alice).get("/auth/keys").json[0]["id"]
    assert look(bob, f"/settings/keys/{number}/revoke", method="POST").status_code == 403
    assert api(key).get("/auth/me").status_code == 200


def test_a_new_password_ends_other_sessions_and_keeps_this_one(browser_of, api, alice):
    client = browser_of(alice)
    fields = {"old_password": PASSWORD, "new_password": "another long sentence"}
    assert client.post("/settings/password", data=fields, headers=BROWSER).status_code == 303
    assert client.get("/settings", headers=BROWSER).status_code == 200
    assert api(alice).get("/auth/me").status_code == 401


def test_a_wrong_old_password_is_said_beside_its_field(look, alice):
    answer = look(
        alice, "/settings/password", method="POST", data={"old_password": "x", "new_password": "a new sentence"}
    )
    assert answer.status_code == 400
    assert 'id="old_password-error"' in answer.text


def test_the_email_is_changed_with_the_password(look, alice, api):
    fields = {"email": "new@example.com", "email_password": PASSWORD}
    assert look(alice, "/settings/email", method="POST", data=fields).status_code == 303
    assert api(alice).get("/auth/me").json["email"] == "new@example.com"
    wrong = look(alice, "/settings/email", method="POST", data=fields | {"email": "nonsense"})
    assert wrong.status_code == 400
    assert 'id="email-error"' in wrong.text


def test_an_api_key_never_makes_keys(api, alice, key_of):
    assert api(key_of(alice)).post("/settings/keys", data={"key_name": "more"}).status_code == 403


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


@pytest.fixture
def log_in(app):
    """Log in by the form with some browser."""

    def open_window(who, agent):
        client = app.test_client()
        page = client.get("/login", headers=BROWSER).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
        fields = {"username": who.username, "password": PASSWORD, "csrf_token": token}
        answer = client.post("/login", data=fields, headers=BROWSER | {"User-Agent": agent})
        assert answer.status_code == 303
        client.environ_base["HTTP_X_CSRF_TOKEN"] = client.get_cookie("csrf").value
        return client

    return open_window


def sessions_on(page: str) -> list[tuple[str, str | None]]:
    """Each session of the settings page: its browser, and the number to end it by."""
    table = re.search(r'id="sessions".*?</section>', page, re.S)[0]
    rows = re.findall(r"<tr>\s*<td>.*?</tr>", table, re.S)
    return [
        (re.search(r"<span[^>]*>([^<]*)", row)[1], (re.findall(r'name="session" value="(\d+)"', row) or [None])[0])
        for row in rows
    ]


def test_sessions_are_listed_and_one_is_ended_without_the_others(look, log_in, alice, api):
    client = log_in(alice, FIREFOX)
    listed = sessions_on(look(alice, "/settings").text)
    assert [name for name, _ in listed] == ["Firefox on Linux", "Unknown"]
    assert listed[1][1] is None  # Nobody ends the session at hand from the list.
    assert look(alice, "/settings/sessions/end", method="POST", data={"session": listed[0][1]}).status_code == 303
    assert client.get("/settings", headers=BROWSER).location.startswith("/login")
    assert api(alice).get("/auth/me").status_code == 200
    assert len(sessions_on(look(alice, "/settings").text)) == 1


def test_all_other_sessions_are_ended_at_once_and_this_one_stays(log_in, alice, api):
    here, there = log_in(alice, FIREFOX), log_in(alice, "curl/8.0")
    assert here.post("/settings/sessions/end", headers=BROWSER | {"User-Agent": FIREFOX}).status_code == 303
    here.environ_base["HTTP_X_CSRF_TOKEN"] = here.get_cookie("csrf").value
    assert [name for name, _ in sessions_on(here.get("/settings", headers=BROWSER).text)] == ["Firefox on Linux"]
    assert there.get("/settings", headers=BROWSER).status_code == 303
    assert api(alice).get("/auth/me").status_code == 401


def test_nobody_ends_the_session_of_somebody_else(look, log_in, alice, bob):
    client = log_in(alice, FIREFOX)
    number = sessions_on(look(alice, "/settings").text)[0][1]
    assert look(bob, "/settings/sessions/end", method="POST", data={"session": number}).status_code == 404
    assert client.get("/settings", headers=BROWSER).status_code == 200


def test_a_session_says_when_it_was_last_seen(app, look, alice):
    def is_seen():
        with app.app_context():
            return db.session.scalar(sa.select(Session.seen_at > Session.created_at))

    look(alice, "/settings")
    wait_until(is_seen)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0.0.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        ("Python-urllib/3.11", "Python"),
        ("my-tool 3 (x)", "my-tool 3"),
        ("", "Unknown"),
    ],
)
def test_a_browser_is_named_in_a_few_words(agent, name):
    assert device(agent) == name
