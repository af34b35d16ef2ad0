"""Passwords: guessing, guessing whose, choosing bad ones, and the names that go with them."""

import re
import threading

import pytest

from tests.cast import PASSWORD


@pytest.fixture
def login(app):
    def ask(username, password=PASSWORD, address="192.0.2.1", **headers):
        return app.test_client(use_cookies=False).post(
            "/auth/login", data={"username": username, "password": password}, headers=headers,
            environ_base={"REMOTE_ADDR": address},
        )  # fmt: skip

    return ask


@pytest.fixture
def many():
    """Run something in several threads that start together; gives what each returned."""

    def run(number, action):
        barrier, results = threading.Barrier(number), []

        def one(place):
            barrier.wait()
            results.append(action(place))

        threads = [threading.Thread(target=one, args=(place,)) for place in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    return run


def test_a_fresh_server_has_nobody_to_log_in_as(login):
    for name in ("admin", "root", "administrator", "user", "test"):
        for password in ("admin", "password", "root", name, "", "changeme"):
            assert login(name, password, address=f"192.0.2.{len(password)}").status_code in {400, 401}


def test_the_eleventh_guess_has_to_wait_and_so_has_the_right_password(api, alice, login):
    codes = [login("alice", f"wrong {number}").status_code for number in range(25)]
    assert codes == [401] * 10 + [429] * 15
    answer = login("alice")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 600
    assert re.fullmatch(r"Too many failed logins, try again in \d+ seconds", answer.json["detail"])
    assert api(alice).get("/auth/me").status_code == 200
    assert login("alice", address="192.0.2.2").status_code == 200


def test_guesses_that_come_all_at_once_are_no_more_than_one_by_one(alice, login, many):
    codes = many(24, lambda place: login("alice", f"wrong {place}").status_code)
    assert codes.count(401) <= 11  # Two passwords are compared at once.
    assert set(codes) == {401, 429}


@pytest.mark.slow
def test_right_passwords_that_come_all_at_once_all_come_in(alice, login, many):
    assert many(16, lambda place: login("alice").status_code) == [200] * 16


def test_an_address_that_a_client_claims_does_not_help_it(alice, login):
    codes = []
    for number in range(14):
        claim = {"X-Forwarded-For": f"198.51.100.{number}", "X-Real-IP": f"198.51.100.{number}", "Forwarded": "for=x"}
        codes.append(login("alice", "wrong", **claim).status_code)
    assert codes == [401] * 10 + [429] * 4


def test_a_trusted_proxy_tells_the_address(make_app, alice):
    client = make_app(trusted_proxies=1).test_client()

    def codes(*addresses):
        return [
            client.post("/auth/login", data={"username": "alice", "password": "no"}, headers={"X-Forwarded-For": address})
            .status_code
            for address in addresses
        ]  # fmt: skip

    assert codes(*["198.51.100.1"] * 11) == [401] * 10 + [429]
    assert codes(*(f"203.0.113.{number}, 198.51.100.1" for number in range(2))) == [429] * 2
    assert codes("198.51.100.1, 198.51.100.2") == [401]


@pytest.mark.slow
def test_one_name_is_guessed_at_no_faster_from_many_addresses(alice, login):
    codes = [login("alice", "wrong", address=f"192.0.2.{number}").status_code for number in range(32)]
    assert codes == [401] * 30 + [429] * 2


def test_spraying_one_password_over_many_names_ends_at_a_hundred(login, monkeypatch):
    monkeypatch.setattr(
        "aimanager.services.passwords.matches", lambda password, hashed: False
    )  # Hashing is tested above.
    codes = [login(f"name{number}", "Summer2026!").status_code for number in range(120)]
    assert codes == [401] * 100 + [429] * 20


def test_other_spellings_of_a_name_are_the_same_name(alice, login):
    spellings = ["alice", "ALICE", "Alice", "aLICE", "\uff41lice", "alicE"]
    codes = [login(spellings[number % 6], "wrong").status_code for number in range(12)]
    assert codes == [401] * 10 + [429] * 2


@pytest.mark.slow
def test_guessing_at_the_login_does_not_keep_the_owner_from_a_better_password(api, alice, login):
    for number in range(35):
        login(["alice", f"USER {alice.id}", f"user {alice.id}"][number % 3], "wrong", address=f"192.0.2.{number}")
    answer = api(alice).put("/auth/me", {"password": PASSWORD, "new_password": "a new good password"})
    assert answer.status_code == 200


def test_the_present_password_cannot_be_guessed_with_a_stolen_session_either(api, alice, bob):
    answers = [api(alice).put("/auth/me", {"password": f"wrong {number}"}) for number in range(12)]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429] * 2
    assert "Retry-After" in answers[-1].headers
    assert api(bob).put("/auth/me", {"password": PASSWORD}).status_code == 200


def test_nobody_learns_which_names_exist(alice, login, monkeypatch):
    from aimanager.services import passwords

    hashes, hasher = [], passwords._hasher

    class CountingHasher:
        """Remembers the hashes that it compares with: one comparison is what a login costs."""

        def verify(self, hashed, password):
            hashes.append(hashed)
            return hasher.verify(hashed, password)

    passwords._nobody()  # It is made once, at the first login of a process.
    monkeypatch.setattr(passwords, "_hasher", CountingHasher())
    answers = [login(name, "wrong password") for name in ("alice", "nobody")]
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].data == answers[1].data
    # One comparison each, with hashes of the same cost.
    assert len(hashes) == 2
    assert len({hashed.rpartition("$")[0].rpartition("$")[0] for hashed in hashes}) == 1


@pytest.mark.parametrize(
    "password", ["", "1234567", "short", "password", "PASSWORD", "12345678", "qwertyui", "iloveyou"]
)
def test_a_server_that_others_reach_refuses_weak_passwords(make_app, account, password):
    client = make_app(host="0.0.0.0").test_client()
    answer = client.post("/auth/register", json=account | {"password": password})
    assert answer.status_code == 400
    assert answer.json["errors"][0]["loc"] == ["body", "password"]


@pytest.mark.parametrize(
    "proxied",
    [{"trusted_proxies": 1}, {"public_url": "https://ai.example.com"}, {"allowed_hosts": ("ai.example.com",)}],
)
def test_a_server_behind_a_proxy_refuses_weak_passwords_though_it_listens_locally(make_app, account, proxied):
    app = make_app(host="127.0.0.1", **proxied)
    for password in ("a", "password"):
        assert app.test_client().post("/auth/register", json=account | {"password": password}).status_code == 400
    assert app.test_client().post("/auth/register", json=account).status_code == 201


def test_a_public_url_of_this_machine_changes_nothing(make_app, account):
    client = make_app(host="127.0.0.1", public_url="http://localhost:8000/").test_client()
    assert client.post("/auth/register", json=account | {"password": "a"}).status_code == 201


def test_failed_logins_count_an_ipv6_network_as_one_address(login, monkeypatch):
    monkeypatch.setattr("aimanager.services.passwords.matches", lambda password, hashed: False)
    codes = [
        login(f"name{number}", "Summer2026!", address=f"2001:db8::{number:x}").status_code for number in range(105)
    ]
    assert codes == [401] * 100 + [429] * 5
    assert login("name", "Summer2026!", address="2001:db8:0:1::").status_code == 401


def test_on_loopback_the_passwords_of_the_examples_work(api, account, login):
    assert api().post("/auth/register", account | {"password": "pass"}).status_code == 201
    assert login("mallory", "pass").status_code == 200
    assert (
        api().post("/auth/register", account | {"username": "other", "email": "o@x.org", "password": ""}).status_code
        == 400
    )


def test_no_letter_of_a_long_password_is_cut_off(api, account, login):
    long = "x" * 81
    assert api().post("/auth/register", account | {"password": long + "a"}).status_code == 201
    assert login("mallory", long + "b").status_code == 401
    assert login("mallory", long).status_code == 401
    assert login("mallory", long + "a").status_code == 200


def test_a_password_of_a_megabyte_is_refused(api, account, login, alice):
    assert api().post("/auth/register", account | {"password": "x" * 1_000_000}).status_code == 400
    assert api().post("/auth/login", {"username": "alice", "password": "x" * 1_000_000}).status_code == 401
    assert login("alice", "x" * 1_000_000).status_code in {401, 413}
    assert api(alice).put("/auth/me", {"password": PASSWORD, "new_password": "x" * 1_000_000}).status_code == 400


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "a\r\nSet-Cookie: x=y", "a\0b", "\u202eecila", "x" * 300, "", " ", "\t", "a b", "../x",
     "a'--", '"', "alice@example.com", "a\u200bb", "&lt;", "%0d%0a", "{{7*7}}", "-", "."],
)  # fmt: skip
def test_a_user_name_is_letters_and_digits(api, account, name):
    assert api().post("/auth/register", account | {"username": name}).status_code == 400


@pytest.mark.parametrize(
    "email",
    ["a@b\r\nBcc: c@d.org", "a\0@b.org", "<a@b.org>", "a", "@", "a@", "@b", "a b@c.org", "x" * 300 + "@b.org",
     "a@b@c.org", '"a"@b.org', "a@b.org,c@d.org", "a@b\u202e.org", ""],
)  # fmt: skip
def test_an_email_is_one_address(api, account, email):
    assert api().post("/auth/register", account | {"email": email}).status_code == 400


def test_a_name_that_looks_like_one_that_exists_is_taken(api, alice):
    for name in ("ALICE", "Alice", "\uff21\uff2c\uff29\uff23\uff25"):
        answer = api().post("/auth/register", {"email": "other@x.org", "username": name, "password": "a good password"})
        assert (answer.status_code, answer.json["detail"]) == (400, "Username is already registered")
    answer = api().post(
        "/auth/register", {"email": "ALICE@example.com", "username": "b", "password": "a good password"}
    )
    assert answer.status_code == 400


def test_of_twelve_who_want_one_name_at_once_one_gets_it(app, account, many):
    def register(place):
        return app.test_client().post("/auth/register", json=account | {"email": f"m{place % 6}@x.org"}).status_code

    assert sorted(many(12, register)) == [201] + [400] * 11


def test_nobody_makes_himself_more_than_he_is(api, account, alice):
    for more in ({"is_superuser": True}, {"id": 99}, {"role": "admin"}, {"is_active": False}, {"epoch": 9}):
        assert api().post("/auth/register", account | more).status_code == 400
        assert api(alice).put("/auth/me", {"password": PASSWORD} | more).status_code == 400
    made = api().post("/auth/register", account).json
    assert (made["is_superuser"], made["is_active"]) == (False, True)
    assert api(alice).get("/auth/me").json["is_superuser"] is False


def test_where_sign_up_is_closed_nobody_signs_up(make_app, account):
    client = make_app(registration="closed").test_client()
    assert client.post("/auth/register", json=account).status_code == 403
    client.get("/register")
    form = account | {"csrf_token": client.get_cookie("csrf").value}
    assert client.post("/register", data=form).status_code == 403
    assert client.post("/auth/login", json={"username": "mallory", "password": account["password"]}).status_code == 401


def test_a_name_that_grows_when_case_is_ignored_is_refused_where_it_grows_too_long(api, account):
    # The capital form of one sharp s is two letters.
    refused = api().post("/auth/register", account | {"username": "ß" * 40})
    assert (refused.status_code, refused.json["errors"][0]["loc"]) == (400, ["body", "username"])
    assert api().post("/auth/register", account | {"username": "ß" * 32}).status_code == 201
    refused = api().post("/auth/register", account | {"username": "other", "email": "ß" * 60 + "@" + "ß" * 100 + ".de"})
    assert (refused.status_code, refused.json["errors"][0]["loc"]) == (400, ["body", "email"])


def test_of_two_who_change_to_one_email_at_once_one_gets_it(app, alice, bob, many):
    def change(place):
        token = (alice, bob)[place].token
        body = {"email": "one@example.com", "password": PASSWORD}
        answer = app.test_client().put("/auth/me", json=body, headers={"Authorization": f"Bearer {token}"})
        return answer.status_code

    assert sorted(many(2, change)) == [200, 400]


def test_an_email_that_is_taken_between_the_look_and_the_write_is_refused(app, api, alice, bob, monkeypatch):
    monkeypatch.setattr("aimanager.services.accounts._refuse_taken", lambda *_: None)
    answer = api(alice).put("/auth/me", {"email": "bob@example.com", "password": PASSWORD})
    assert (answer.status_code, answer.json["detail"]) == (400, "Email is already registered")


def test_twelve_may_register_at_once(app, account, many):
    def register(place):
        body = account | {"email": f"m{place}@x.org", "username": f"m{place}"}
        return app.test_client().post("/auth/register", json=body).status_code

    assert many(12, register) == [201] * 12


@pytest.mark.parametrize("form", [{}, {"username": "", "password": ""}, {"csrf_token": "x"}])
def test_an_empty_login_says_what_is_missing(api, form):
    for options in ({"data": form}, {"json": form}):
        if options == {"data": {}}:
            options["content_type"] = "application/x-www-form-urlencoded"
        answer = api().post("/auth/login", **options)
        assert answer.status_code == 400
        assert [error["msg"] for error in answer.json["errors"]] == ["username is missing", "password is missing"]
