"""Tokens that are not ours, not for this, or no longer good."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from flask import current_app
from flask_jwt_extended import create_access_token, create_refresh_token, decode_token

from aimanager.services import accounts, tickets
from tests.cast import PASSWORD

GUESSABLE = ["", "secret", "changeme", "password", "dev", "development", "flask", "jwt-secret", "your-secret-key",
             "super-secret", "aimanager", "ai-manager", "key", "None"]  # fmt: skip


def part(value) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header, claims, key: bytes, kind=hashlib.sha256) -> str:
    """A token made by hand, as libraries refuse to make some of these."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(hmac.new(key, text.encode(), kind).digest())}"


@pytest.fixture
def claims(app, alice) -> dict:
    with app.test_request_context():
        return decode_token(alice.token)


@pytest.fixture
def refused(api, browser_of, alice, private_run):
    """Whether a token opens nothing: not her account, not her run, not by cookie, not what is public."""

    def ask(token: str) -> bool:
        cookie = {"Cookie": f"session={token}"}
        answers = [
            api(token).get("/auth/me"),
            api(token).get(f"/runs/{private_run}"),
            api(token).get("/projects/?visibility=public"),
            api().get("/auth/me", headers=cookie),
        ]
        return all(
            answer.status_code == 401
            and answer.json == {"detail": "Could not validate credentials"}
            and answer.headers["WWW-Authenticate"] == "Bearer"
            for answer in answers
        )

    return ask


def test_a_token_that_is_ours_is_taken(api, alice, refused):
    assert not refused(alice.token)
    assert api(alice).get("/auth/me").json["username"] == "alice"


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "NONE", "", None])
def test_an_unsigned_token_is_refused(refused, claims, algorithm):
    header = part({"typ": "JWT", "alg": algorithm})
    for signature in ("", part(b"x"), part(b"\0" * 32)):
        assert refused(f"{header}.{part(claims)}.{signature}")


def test_no_key_that_can_be_guessed_signs_our_tokens(refused, claims, settings):
    for key in GUESSABLE:
        assert refused(signed({"typ": "JWT", "alg": "HS256"}, claims, key.encode()))
        assert refused(signed({"typ": "JWT", "alg": "HS512"}, claims, key.encode(), hashlib.sha512))


def test_another_algorithm_is_refused_also_with_the_right_key(refused, claims, settings):
    key = settings.secret_key.encode()
    assert not refused(signed({"typ": "JWT", "alg": "HS256"}, claims, key))
    assert refused(signed({"typ": "JWT", "alg": "HS512"}, claims, key, hashlib.sha512))
    assert refused(signed({"typ": "JWT", "alg": "HS384"}, claims, key, hashlib.sha384))
    assert refused(signed({"typ": "JWT", "alg": "RS256"}, claims, key))


def test_a_token_that_was_tampered_with_is_refused(refused, alice, claims):
    header, payload, signature = alice.token.split(".")
    other = part(claims | {"sub": "2"})
    assert refused(f"{header}.{other}.{signature}")
    assert refused(f"{header}.{payload}.{signature[:-6]}")
    assert refused(f"{header}.{payload}.{signature[::-1]}")
    assert refused(f"{header}.{payload}")
    assert refused(f"{header}.{payload}.{signature}.{signature}")
    assert refused(alice.token.upper())


@pytest.mark.parametrize(
    "more",
    [{"kid": "../../../../dev/null"}, {"kid": "x' UNION SELECT ''--"}, {"jku": "http://127.0.0.1:1/keys"},
     {"x5u": "file:///etc/passwd"}, {"jwk": {"kty": "oct", "k": part(b"mine")}}, {"crit": ["b64"], "b64": False}],
)  # fmt: skip
def test_a_key_that_a_token_names_itself_is_not_used(refused, claims, more):
    for key in (b"", b"mine"):
        assert refused(signed({"typ": "JWT", "alg": "HS256"} | more, claims, key))


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "Bearer", "\xff.\xff.\xff", "A" * 7000, "aimgr_", "aimgr_" + "0" * 48, "aimgr_\xff",
     f"{part(b'[' * 5000)}.e30.e30", f"{part({'alg': 'HS256'})}.{part(b'[' * 5000)}.e30",
     f"{part(b'null')}.e30.e30", f"{part([1])}.{part([1])}.{part([1])}"],
)  # fmt: skip
def test_what_is_no_token_is_refused(api, token):
    answer = api().get("/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert api().get("/auth/me", headers={"Cookie": f"session={token}"}).status_code == 401


def test_a_token_twice_in_one_header_is_refused(api, alice):
    for value in (f"Bearer {alice.token}, Bearer {alice.token}", f"Bearer {alice.token} {alice.token}", alice.token):
        assert api().get("/auth/me", headers={"Authorization": value}).status_code == 401


def test_a_refused_header_is_not_made_good_by_a_cookie(browser_of, alice):
    answer = browser_of(alice).get("/auth/me", headers={"Authorization": "Bearer garbage"})
    assert answer.status_code == 401


def test_other_tokens_of_ours_are_no_access_tokens(app, api, alice, claims, private_run, refused):
    with app.test_request_context():
        assert refused(create_refresh_token(str(alice.id), additional_claims={"epoch": 0}))
        assert refused(tickets.issue(alice.principal, private_run)[0])
    assert refused(alice.csrf)
    assert refused(claims["jti"])


def test_an_expired_token_is_refused(refused, claims, settings):
    now = int(time.time())
    key = settings.secret_key.encode()
    assert refused(signed({"typ": "JWT", "alg": "HS256"}, claims | {"exp": now - 1}, key))
    assert refused(signed({"typ": "JWT", "alg": "HS256"}, claims | {"nbf": now + 3600}, key))


@pytest.mark.parametrize("claim", ["exp", "sub", "aud", "jti", "epoch", "csrf"])
def test_a_token_that_leaves_out_what_limits_it_is_refused(refused, claims, settings, claim):
    less = {name: value for name, value in claims.items() if name != claim}
    assert refused(signed({"typ": "JWT", "alg": "HS256"}, less, settings.secret_key.encode()))


@pytest.mark.parametrize(
    "change",
    [{"sub": "0"}, {"sub": "999"}, {"sub": "-1"}, {"sub": "9" * 40}, {"sub": "²"}, {"sub": "١"}, {"sub": 1}, {"sub": None},
     {"sub": ["1"]}, {"type": "refresh"}, {"exp": "soon"}, {"epoch": 7}, {"aud": []}, {"aud": "ai-manager"}],
)  # fmt: skip
def test_a_claim_that_we_never_make_is_refused(refused, claims, settings, change):
    assert refused(signed({"typ": "JWT", "alg": "HS256"}, claims | change, settings.secret_key.encode()))


def test_a_token_of_another_server_is_refused_even_when_both_were_given_the_same_key(
    make_app, make_user, api, refused, make_migrated_url, tmp_path
):
    other = make_app(database_url=make_migrated_url(), data_dir=tmp_path / "other")
    with other.test_request_context():
        foreign = create_access_token("1", additional_claims={"epoch": 0})
        assert decode_token(foreign)["aud"] == current_app.config["JWT_DECODE_AUDIENCE"]
    assert jwt.decode(foreign, options={"verify_signature": False})["sub"] == "1"
    assert refused(foreign)


def test_a_restart_with_the_same_data_keeps_tokens_good(make_app, alice):
    again = make_app().test_client()
    assert again.get("/auth/me", headers={"Authorization": f"Bearer {alice.token}"}).status_code == 200


def test_a_token_is_dead_after_logging_out_and_others_live(api, alice, refused):
    second = api().post("/auth/login", {"username": "alice", "password": PASSWORD}).json["access_token"]
    assert api(alice).post("/auth/logout").status_code == 204
    assert refused(alice.token)
    assert not refused(second)


def test_every_token_is_dead_after_a_new_password(api, alice, browser_of, refused):
    second = api().post("/auth/login", {"username": "alice", "password": PASSWORD}).json["access_token"]
    answer = api(alice).put("/auth/me", {"password": PASSWORD, "new_password": "a new good password"})
    assert answer.status_code == 200
    assert refused(alice.token)
    assert refused(second)
    assert browser_of(alice).get("/auth/me").status_code == 401
    assert api().post("/auth/login", {"username": "alice", "password": PASSWORD}).status_code == 401
    assert api().post("/auth/login", {"username": "alice", "password": "a new good password"}).status_code == 200


def test_whoever_is_switched_off_is_out_at_once_and_cannot_come_back(app, api, alice, key_of, refused):
    key = key_of(alice)
    with app.test_request_context():
        accounts.set_active(alice.id, False)
    assert refused(alice.token)
    assert refused(key)
    assert api().post("/auth/login", {"username": "alice", "password": PASSWORD}).status_code == 401
    with app.test_request_context():
        accounts.set_active(alice.id, True)
    assert refused(alice.token)
    assert api().post("/auth/login", {"username": "alice", "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize("name", ["token", "access_token", "jwt", "api_key", "key", "authorization", "session"])
def test_a_credential_in_the_address_is_not_looked_at(api, alice, key_of, name):
    for credential in (alice.token, key_of(alice)):
        assert api().get(f"/auth/me?{name}={credential}").status_code == 401
        assert api().post(f"/projects/?{name}={credential}", {"name": "x"}).status_code == 401
