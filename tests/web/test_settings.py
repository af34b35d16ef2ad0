import re

import pytest

from tests.cast import PASSWORD

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
