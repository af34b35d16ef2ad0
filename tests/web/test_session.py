import re

import pytest

from tests.cast import PASSWORD

from .conftest import BROWSER


def token_in(answer) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', answer.text)[1]


@pytest.fixture
def door(app):
    """Somebody who is at the login page, and sends its form."""
    client = app.test_client()

    def send(path="/login", **fields):
        token = token_in(client.get(path, headers=BROWSER))
        return client.post(path, data={"csrf_token": token} | fields, headers=BROWSER)

    send.client = client
    return send


def test_logging_in_gives_a_session_and_leads_home(door, alice):
    answer = door(username="alice", password=PASSWORD)
    assert answer.status_code == 303
    assert answer.location == "/"
    assert door.client.get("/", headers=BROWSER).status_code == 200


def test_the_session_cookie_cannot_be_read_by_scripts_nor_sent_from_other_sites(door, alice):
    cookies = door(username="alice@example.com", password=PASSWORD).headers.getlist("Set-Cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("session="))
    assert "HttpOnly" in session
    assert "SameSite=Lax" in session


def test_a_wrong_password_is_said_beside_the_form_and_the_name_is_kept(door, alice):
    answer = door(username="alice", password="wrong")
    assert answer.status_code == 400
    assert "Incorrect username or password" in answer.text
    assert 'value="alice"' in answer.text
    assert "wrong" not in answer.text


def test_an_unknown_name_gets_the_same_answer_as_a_wrong_password(door, alice):
    wrong_password, wrong_name = door(username="alice", password="wrong"), door(username="nobody", password="wrong")
    assert wrong_name.status_code == wrong_password.status_code
    assert token_in(wrong_name)
    assert "Incorrect username or password" in wrong_name.text


def test_who_guesses_too_often_is_told_how_long_to_wait(door, alice):
    answers = [door(username="alice", password="wrong") for _ in range(11)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert re.search(r"\d+ (seconds|minutes)", answers[-1].text)


def test_a_login_form_from_elsewhere_is_refused(app, alice):
    fields = {"username": "alice", "password": PASSWORD}
    assert app.test_client().post("/login", data=fields, headers=BROWSER).status_code == 403
    foreign = BROWSER | {"Origin": "https://evil.example"}
    assert app.test_client().post("/login", data=fields, headers=foreign).status_code == 403


@pytest.mark.parametrize("address", ["/settings", "/app/runs/1?x=time&min=1"])
def test_after_login_one_is_back_where_one_was_going(door, alice, address):
    assert door(username="alice", password=PASSWORD, next=address).location == address


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example", "/\t/evil.example",
     "\\\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: a=b", "/a\\..\\b", "", "evil"],
)  # fmt: skip
def test_after_login_nobody_is_led_to_another_site(door, alice, address):
    assert door(username="alice", password=PASSWORD, next=address).location == "/"


def test_the_page_before_the_login_is_shown_after_it(look, make_run, alice):
    run = make_run(alice)
    answer = look(None, f"/app/runs/{run}?x=time")
    assert answer.status_code == 303
    assert answer.location == f"/login?next=/app/runs/{run}?x%3Dtime"
    assert f'name="next" value="/app/runs/{run}?x=time"' in look(None, answer.location).text


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_a_refused_form_keeps_where_one_was_going_in_its_address(door, alice, path):
    answer = door(f"{path}?next=/app/runs/1?x%3Dtime", next="/app/runs/1?x=time", username="alice", password="wrong")
    assert f'action="{path}?next=/app/runs/1?x%3Dtime"' in answer.text


def test_registering_makes_an_account_and_logs_in(door):
    answer = door("/register", email="dora@example.com", username="dora", password="a long sentence")
    assert answer.status_code == 303
    assert "dora" in door.client.get("/settings", headers=BROWSER).text


def test_each_mistake_in_a_registration_stands_beside_its_field(door, alice):
    answer = door("/register", email="nonsense", username="dora", password="x")
    assert answer.status_code == 400
    assert 'id="email-error"' in answer.text
    taken = door("/register", email="new@example.com", username="ALICE", password="a long sentence")
    assert 'id="username-error"' in taken.text
    assert "already registered" in taken.text


def test_a_closed_server_says_who_makes_accounts(make_app):
    client = make_app(registration="closed").test_client()
    token = token_in(client.get("/register", headers=BROWSER))
    fields = {"csrf_token": token, "email": "a@example.com", "username": "a", "password": "secret"}
    answer = client.post("/register", data=fields, headers=BROWSER)
    assert answer.status_code == 403
    assert "ask the administrator" in answer.text


def test_logging_out_ends_the_session_for_good(browser_of, alice):
    client = browser_of(alice)
    assert client.post("/logout", headers=BROWSER).location == "/login"
    stolen = browser_of(alice)  # The same token again.
    assert stolen.get("/settings", headers=BROWSER).status_code == 303


def test_logging_out_is_never_done_by_a_link(look, alice):
    assert look(alice, "/logout").status_code == 405


def test_whoever_is_signed_in_is_led_past_the_login(look, alice):
    assert look(alice, "/login?next=/settings").location == "/settings"


@pytest.mark.parametrize("blank", ["", "  "])
def test_an_empty_login_form_says_beside_each_field_what_is_missing(door, blank):
    answer = door(username=blank, password="")
    assert answer.status_code == 400
    assert re.search(r'id="username-error">Enter your user name or email<', answer.text)
    assert re.search(r'id="password-error">Enter your password<', answer.text)


def test_an_empty_registration_says_beside_each_field_what_is_missing(door):
    answer = door("/register", email="", username="kept", password="")
    assert answer.status_code == 400
    assert 'id="email-error"' in answer.text
    assert 'id="password-error"' in answer.text
    assert 'value="kept"' in answer.text


def test_a_stale_page_gets_a_page(browser_of, alice):
    client = browser_of(alice, csrf=False)
    answer = client.post("/app/projects/new", data={"name": "x", "csrf_token": "stale"}, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (403, "text/html")
    client.delete_cookie("session")
    answer = client.post("/app/projects/new", data={"name": "x", "csrf_token": "stale"}, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (401, "text/html")


def test_every_page_lies_where_no_program_looks(app):
    api_parts = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules() if "." in rule.endpoint and not rule.endpoint.startswith("web.")}  # fmt: skip
    pages = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules() if rule.endpoint.startswith("web.")}
    assert not api_parts & pages


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/projectsnew", "text/html"), ("/authors", "text/html"), ("/app/nothing", "text/html"), ("/nothing", "text/html"),
     ("/projects/nothing", "application/json"), ("/auth/nothing", "application/json"), ("/ws/x", "application/json"),
     ("/projects/99", "application/json"), ("/app/projects/99", "text/html")],
)  # fmt: skip
def test_what_is_not_there_is_answered_as_what_lies_there_would_be(browser_of, alice, path, kind):
    answer = browser_of(alice).get(path, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (404, kind)


def test_fields_of_forms_take_what_the_server_takes(look, browser_of, alice, make_project, make_run):
    """The longest text of each field goes through, and one letter more does not."""
    project_id = make_project(alice)
    run_id = make_run(alice, project_id)
    pages = {"/": "/app/projects/new", f"/app/projects/{project_id}/settings": f"/app/projects/{project_id}",
             f"/app/runs/{run_id}": f"/app/runs/{run_id}", "/settings": "/settings/keys"}  # fmt: skip
    tried = 0
    for page, action in pages.items():
        form = re.search(rf'<form class="[^"]*form[^"]*"[^>]*action="{action}".*?</form>|<form class="inline new-key".*?</form>', look(alice, page).text, re.S)[0]  # fmt: skip
        limits = re.findall(r'<(?:input|textarea) id="(\w+)"[^>]*?maxlength="(\d+)"', form)
        fields = {name: "x" for name, _ in limits}
        for name, limit in limits:
            for letters, good in ((int(limit), True), (int(limit) + 1, False)):
                answer = browser_of(alice).post(action, data=fields | {name: "x" * letters}, headers=BROWSER)
                assert (answer.status_code < 400) == good, (action, name, letters)
                tried += 1
    assert tried >= 12
