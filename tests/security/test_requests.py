"""Requests that another site, another host name or an odd method sent."""

import pytest

from aimanager.web.forms import safe_next

EVIL = ["http://evil.example", "null", "", "http://localhost:1", "http://localhost.evil.example", "https://localhost",
        "http://localhost@evil.example", "http://[", "http://[::1", "http://evil\u2100.example".encode().decode("latin-1"),
        "file://", "chrome-extension://abc", "http://LOCALHOST.", "localhost", "//localhost"]  # fmt: skip
FORM = {"username": "alice", "password": "correct horse battery staple"}


@pytest.mark.parametrize("origin", EVIL)
def test_a_change_that_another_site_sends_is_refused(api, browser_of, alice, make_run, checksum, origin):
    run_id = make_run(alice)
    before = checksum()
    headers = {"Origin": origin}
    for who in (browser_of(alice), api(alice)):
        assert who.post("/projects/", json={"name": "stolen"}, headers=headers).status_code == 403
        assert who.put(f"/runs/{run_id}", json={"name": "stolen"}, headers=headers).status_code == 403
        assert who.delete(f"/runs/{run_id}", headers=headers).status_code == 403
        assert who.post(f"/app/runs/{run_id}/delete", data={}, headers=headers).status_code == 403
    for path in ("/auth/login", "/login", "/auth/register", "/settings/theme"):
        answer = api().post(path, data=FORM, headers=headers)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
    assert checksum() == before


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_a_change_that_the_browser_itself_calls_foreign_is_refused(browser_of, alice, site):
    answer = browser_of(alice).post("/projects/", json={"name": "stolen"}, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert browser_of(alice).get("/projects/", headers={"Sec-Fetch-Site": site}).status_code == 200


def test_our_own_pages_and_scripts_may(api, browser_of, alice):
    own_origin = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert browser_of(alice).post("/projects/", json={"name": "mine"}, headers=own_origin).status_code == 201
    assert browser_of(alice).post("/projects/", json={"name": "mine"}).status_code == 201
    assert api(alice).post("/projects/", {"name": "mine"}).status_code == 201


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded"]
)
def test_json_is_not_taken_from_a_form_of_another_page(browser_of, alice, checksum, make_project, kind):
    make_project(alice)
    before = checksum()
    for csrf in (True, False):
        answer = browser_of(alice, csrf).post("/projects/", data='{"name": "stolen"}', content_type=kind)
        assert answer.status_code in {400, 403, 415}
    assert checksum() == before


def test_the_login_form_needs_the_token_of_our_page(app, alice):
    client = app.test_client()
    assert client.post("/login", data=FORM).status_code == 403
    client.get("/login")
    token = client.get_cookie("csrf").value
    assert client.post("/login", data=FORM | {"csrf_token": token[::-1]}).status_code == 403
    assert client.post("/login", data=FORM | {"csrf_token": ""}).status_code == 403
    answer = client.post("/login", data=FORM | {"csrf_token": token})
    assert answer.status_code == 303
    assert client.get_cookie("csrf").value != token


def test_the_session_is_new_at_every_login_and_dead_after_logout(app, alice):
    client = app.test_client()
    client.set_cookie("session", "chosen by an attacker")
    sessions = []
    for _ in range(2):
        client.get("/login")
        client.post("/login", data=FORM | {"csrf_token": client.get_cookie("csrf").value})
        sessions.append(client.get_cookie("session").value)
        assert client.post("/logout", data={"csrf_token": client.get_cookie("csrf").value}).status_code == 303
        assert client.get_cookie("session") is None
    assert len({*sessions, "chosen by an attacker"}) == 3
    for session in sessions:
        assert client.get("/auth/me", headers={"Cookie": f"session={session}"}).status_code == 401


def test_cookies_are_for_this_host_only_and_not_for_scripts(make_app, alice):
    for scheme, prefix in (("http", ""), ("https", "__Host-")):
        client = make_app().test_client()
        base = f"{scheme}://localhost"
        client.get("/login", base_url=base)
        token = client.get_cookie(f"{prefix}csrf").value
        answer = client.post("/login", base_url=base, data=FORM | {"csrf_token": token}, headers={"Origin": base})
        cookies = {cookie.split("=")[0]: cookie for cookie in answer.headers.getlist("Set-Cookie")}
        assert set(cookies) == {f"{prefix}session", f"{prefix}csrf"}
        for cookie in cookies.values():
            assert ("; Secure" in cookie) == (scheme == "https")
            assert "SameSite=Lax" in cookie
            assert "Path=/" in cookie
            assert "Domain" not in cookie
        assert "HttpOnly" in cookies[f"{prefix}session"]


def test_the_api_sets_no_cookie(api, alice):
    assert "Set-Cookie" not in api().post("/auth/login", data=FORM).headers
    assert "Set-Cookie" not in api(alice).get("/auth/me").headers


BAD_HOSTS = ["evil.example", "localhost.evil.example", "evil-localhost", "", " ", "local host", "localhost:80:80",
             "127.0.0.1.evil.example", "localhost/evil", "localhost@evil.example", "evil.example:8000", "[::1", "localhost:99999999",
             "169.254.169.254", "0.0.0.0", "10.0.0.1", "127.1", "2130706433", "localhost,evil.example"]  # fmt: skip


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_other_host_names_are_not_answered(api, alice, host):
    for path in ("/auth/me", "/", "/login", "/healthz"):
        answer = api(alice).get(path, headers={"Host": host})
        assert answer.status_code in {400, 421}
        assert "alice" not in answer.text


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST", "localhost."]
)
def test_our_own_names_are_answered(api, alice, host):
    assert api(alice).get("/auth/me", headers={"Host": host}).status_code == 200


def test_a_server_answers_only_to_its_configured_names(make_app):
    client = make_app(allowed_hosts=("ml.example",), public_url="https://track.example").test_client()
    for host, code in (("ml.example", 200), ("track.example", 200), ("ML.EXAMPLE:8000", 200), ("x.ml.example", 421)):
        assert client.get("/healthz", headers={"Host": host}).status_code == code


def test_a_forwarded_host_is_not_believed(api):
    answer = api().get("/login", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert "evil.example" not in answer.text + str(answer.headers)
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:3000", "http://localhost"])
def test_no_other_page_may_read_an_answer(api, alice, origin):
    preflight = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization",
    }
    for method in ("GET", "OPTIONS", "POST"):
        for path in ("/projects/", "/auth/me", "/login", "/nothing", "/healthz"):
            answer = api(alice).open(path, method=method, headers=preflight)
            assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


AWAY = ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example", "///evil.example", "\\\\evil.example",
        "/\t/evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie:x=y\r\nX: y", "evil.example", "/x\\..\\evil", "", " //evil",
        "/\n/evil.example", "data:text/html,x", "/" + "x" * 3000]  # fmt: skip


@pytest.mark.parametrize("away", AWAY)
def test_the_way_back_stays_on_this_site(app, browser_of, alice, away):
    assert safe_next(away) is None
    client = app.test_client()
    client.get("/login")
    answer = client.post("/login", data=FORM | {"csrf_token": client.get_cookie("csrf").value, "next": away})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert browser_of(alice).get("/login", query_string={"next": away}).headers["Location"] == "/"
    theme = app.test_client().post("/settings/theme", data={"theme": "dark", "next": away})
    assert theme.headers["Location"].startswith("/settings")


@pytest.mark.parametrize("path", ["//evil.example", "//evil.example/..", "/\\evil.example", "/%2f%2fevil.example"])
def test_a_path_that_looks_like_a_host_leads_nowhere(api, path):
    answer = api().get("/", environ_overrides={"PATH_INFO": path, "RAW_URI": path})
    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_a_page_of_ours_with_two_slashes_asks_to_log_in_here(api):
    path = "//app/runs/1"
    answer = api().get("/", environ_overrides={"PATH_INFO": path, "RAW_URI": path})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/app/runs/1")


@pytest.mark.parametrize("text", ["x\r\nSet-Cookie: a=b", "x%0d%0aSet-Cookie:%20a=b", "x\nY: z", "x\u2028y"])
def test_a_line_break_in_what_is_sent_makes_no_header(api, browser_of, alice, text):
    answers = [
        api(alice).get("/projects/", query_string={"name": text}),
        api(alice).post("/projects/", {"name": text}),
        browser_of(alice).get("/login", query_string={"next": f"/{text}"}),
        browser_of(alice).get("/settings", headers={"X-Request-ID": text.replace("\r", "").replace("\n", "").encode().decode("latin-1")}),
        api().get(f"/app/runs/1?x={text}"),
    ]  # fmt: skip
    for answer in answers:
        assert answer.status_code < 500
        assert not any("\n" in value or "\r" in value for value in answer.headers.values())
        assert "a=b" not in (answer.headers.get("Set-Cookie") or "")


STRAY = ["../wsgi.py", "..%2fwsgi.py", "%2e%2e/wsgi.py", "%252e%252e/wsgi.py", "..;/wsgi.py", "..\\wsgi.py", "/etc/passwd",
         "css/../../wsgi.py", "x\0.css", "%00", "....//wsgi.py", "C:\\windows", ".hidden"]  # fmt: skip


@pytest.mark.parametrize("stray", STRAY)
def test_no_path_leads_out_of_the_static_files(app, api, stray):
    with app.test_request_context():
        prefix = app.url_map.bind("localhost").build("static", {"filename": "x"})[:-1]
    for path in (f"{prefix}{stray}", f"/static/{stray}"):
        answer = api().get(path)
        assert answer.status_code in {400, 404}
        assert b"create_app" not in answer.data
        assert b"root:" not in answer.data


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "FOO", "CONNECT", "PROPFIND", "PATCH"])
def test_other_methods_do_nothing(api, alice, make_run, method, checksum):
    run_id = make_run(alice)
    before = checksum()
    for path in (f"/runs/{run_id}", "/auth/me", f"/app/runs/{run_id}", "/login"):
        answer = api(alice).open(path, method=method, headers={"X-Secret": "sent"})
        assert answer.status_code in {405}
        assert "sent" not in answer.text
    assert checksum() == before


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_turns_a_read_into_a_delete(api, alice, make_run, header):
    run_id = make_run(alice)
    for how in ({"headers": {header: "DELETE"}}, {"query_string": {"_method": "DELETE"}}):
        assert api(alice).get(f"/runs/{run_id}", **how).status_code == 200
        assert api(alice).open(f"/runs/{run_id}", method="POST", **how).status_code == 405
    assert api(alice).get(f"/runs/{run_id}").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/.git/config", "/.env", "/data/aimanager.db", "/aimanager.db", "/secret.key", "/data/secret.key", "/console",
     "/metrics", "/debug", "/server-status", "/wsgi.py", "/app.py", "/static/../data/secret.key", "/backup.zip", "/-/metrics",
     "/.well-known/../.env", "/admin", "/swagger.json", "/graphql", "/actuator/env", "/?__debugger__=yes&cmd=resource&f=style.css"],
)  # fmt: skip
def test_nothing_of_the_inside_is_served(api, alice, path):
    answer = api(alice).get(path)
    assert answer.status_code in {401, 404} or (path.startswith("/?") and answer.status_code == 200)
    assert "Traceback" not in answer.text
    assert "werkzeug" not in answer.text.lower()
