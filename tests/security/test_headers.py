"""What every answer says to a browser, whatever kind of answer it is."""

import pytest
import urllib3

from aimanager.http.headers import ALWAYS, POLICY


@pytest.fixture
def answers(app, api, browser_of, alice, bob, private_run):
    """One answer of every kind, by name."""
    with app.test_request_context():
        static = app.url_map.bind("localhost").build("static", {"filename": "css/base.css"})
    browser, page = browser_of(alice), {"Accept": "text/html"}
    answers = {
        "json": api(alice).get("/auth/me"),
        "created": api(alice).post("/projects/", {"name": "x"}),
        "no content": api(alice).delete("/projects/2"),
        "page": browser.get("/"),
        "run page": browser.get(f"/app/runs/{private_run}"),
        "login page": api().get("/login"),
        "to the login": api().get("/"),
        "after a change": browser.post("/app/projects/new", data={"name": "x"}),
        "static": api().get(static),
        "no static": api().get("/static/nothing.css"),
        "400": api(alice).post("/projects/", {}),
        "401": api().get("/auth/me"),
        "403": api(bob).get(f"/runs/{private_run}"),
        "403 page": browser_of(bob).get(f"/app/runs/{private_run}", headers=page),
        "404": api().get("/nothing"),
        "404 page": api().get("/nothing", headers=page),
        "405": api().open("/auth/me", method="PATCH"),
        "413": api(alice).post("/projects/", data=b"x" * (17 << 20), content_type="application/json"),
        "415": api(alice).post("/projects/", data=b"x", content_type="text/plain"),
        "421": api().get("/", headers={"Host": "evil.example"}),
        "options": api().open("/projects/", method="OPTIONS"),
        "head": api().open("/login", method="HEAD"),
        "socket refused": api().get(f"/ws/{private_run}"),
        "openapi": api().get("/openapi.json"),
        "docs": api().get("/docs"),
        "probe": api().get("/healthz"),
    }
    yield answers
    answers["static"].close()


def test_every_answer_carries_every_header_once(answers):
    wrong = []
    for kind, answer in answers.items():
        for name, value in ALWAYS.items():
            if answer.headers.getlist(name) != [value]:
                wrong.append((kind, answer.status_code, name, answer.headers.getlist(name)))
    assert wrong == []
    assert {answer.status_code for answer in answers.values()} == {
        200, 201, 204, 303, 400, 401, 403, 404, 405, 413, 415, 421,
    }  # fmt: skip


def test_an_error_that_nobody_foresaw_says_nothing_and_carries_them_too(app, api, alice, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("the password is in /srv/secret")

    monkeypatch.setattr("aimanager.services.projects.list_projects", broken)
    for headers in ({}, {"Accept": "text/html"}):
        answer = api(alice).get("/projects/", headers=headers)
        assert answer.status_code == 500
        assert answer.json == {"detail": "Internal server error"}
        assert set(ALWAYS) <= set(answer.headers.keys())
    monkeypatch.setattr("aimanager.services.home.overview", broken)
    page = api(alice).get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (500, "text/html")
    assert "secret" not in page.text
    assert "RuntimeError" not in page.text
    assert set(ALWAYS) <= set(page.headers.keys())


def test_the_policy_allows_nothing_inline_no_eval_and_no_other_host():
    rules = dict(rule.partition(" ")[::2] for rule in POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["object-src"] == "'none'"
    assert rules["form-action"] == "'self'"
    for word in ("unsafe", "http", "*", "nonce", "strict-dynamic"):
        assert word not in POLICY
    assert "data:" not in rules["script-src"]


def test_what_is_meant_for_one_person_is_never_kept(answers):
    kept = {"static", "no static", "to the login", "404", "404 page", "401", "openapi", "docs", "probe", "options", "405", "421",
            "socket refused"}  # fmt: skip
    for kind, answer in answers.items():
        if kind not in kept:
            assert answer.headers["Cache-Control"] == "no-store", kind


def test_an_answer_with_a_token_is_never_kept(api, account):
    assert api().post("/auth/register", account).headers["Cache-Control"] == "no-store"
    answer = api().post("/auth/login", data={"username": "mallory", "password": account["password"]})
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_depends_on_who_asks_says_so_to_caches(answers):
    for kind in ("json", "page", "login page", "to the login", "401", "403", "404"):
        vary = ",".join(answers[kind].headers.getlist("Vary"))
        assert "Cookie" in vary
        assert "Authorization" in vary


def test_static_files_are_kept_for_ever_under_an_address_of_their_content(answers):
    assert answers["static"].headers["Cache-Control"] == "max-age=31536000, public, immutable"
    assert answers["static"].headers.getlist("Set-Cookie") == []


def test_https_is_remembered_where_there_is_https_only(api):
    secure = api().get("/login", base_url="https://localhost")
    assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in api().get("/login").headers


def test_no_answer_names_its_maker(answers):
    for kind, answer in answers.items():
        assert "X-Powered-By" not in answer.headers, kind
        assert "werkzeug" not in answer.headers.get("Server", "").lower(), kind


def test_every_answer_has_an_id_and_takes_only_a_plain_one_from_outside(api, answers):
    ids = [answer.headers["X-Request-ID"] for kind, answer in answers.items() if kind != "static"]
    assert len(set(ids)) == len(ids)
    assert api().get("/healthz", headers={"X-Request-ID": "trace-1"}).headers["X-Request-ID"] == "trace-1"
    for odd in ("x" * 65, "<b>", "a b", "a;b", "\x1b[31m", ""):
        assert api().get("/healthz", headers={"X-Request-ID": odd}).headers["X-Request-ID"] != odd


def test_each_error_is_json_for_programs_and_a_page_for_people(answers):
    for kind, answer in answers.items():
        if answer.status_code >= 400 and kind != "static":
            page = kind.endswith("page")
            assert answer.mimetype == ("text/html" if page else "application/json"), kind
            assert page or isinstance(answer.json["detail"], str)


@pytest.mark.slow
def test_the_real_server_says_the_same_and_survives_odd_requests(gunicorn_server):
    server = gunicorn_server(threads=12)
    pool = urllib3.PoolManager(retries=False)
    answer = pool.request("GET", server.url + "/login")
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "python" not in answer.headers.get("Server", "").lower()
    many = {f"X-{number}": "x" for number in range(3000)}
    assert pool.request("GET", server.url + "/healthz", headers=many).status in {400, 431}
    assert pool.request("GET", server.url + "/healthz", headers={"X-Long": "x" * 100_000}).status in {400, 431}
    assert pool.request("GET", server.url + "/" + "x" * 10_000).status in {400, 414}
    assert pool.request("GET", server.url + "/healthz", headers={"Cookie": "a" * 7000}).status == 200
    assert pool.request("TRACE", server.url + "/healthz").status == 405
    assert pool.request("GET", server.url + "/healthz").status == 200
