"""Every page for everybody: who sees it, who is sent to the login, what an error looks like."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from .conftest import BROWSER, as_htmx

PAYLOAD = "<img src=x onerror=alert(1)>'\"</script>"


class Reader(HTMLParser):
    """What a browser makes of a page: its elements and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    @property
    def dangers(self) -> list[str]:
        """What could act or be fetched, other than what our own pages are made of."""
        return [
            f"{tag} {attributes}"
            for tag, attributes in self.elements
            if tag in {"img", "iframe", "object", "embed", "style", "base"}
            or (tag == "script" and not (attributes.get("src") or "").startswith("/static/"))
            or any(name.startswith("on") or name in {"style", "srcdoc"} for name in attributes)
        ]


@pytest.fixture
def place(alice, make_project, make_run, make_points):
    """Alice's private project with a run in it."""
    project = make_project(alice, "hidden work")
    run = make_run(alice, project, name="baseline", config={"lr": 0.1, "net": {"width": 64}}, tags=["first"])
    make_points(alice, run, **{"train/loss": [3, 2, 1.23456], "lr": [0.1]})
    return project, run


def paths(place) -> list[str]:
    project, run = place
    return ["/", f"/app/projects/{project}", f"/app/runs/{run}", f"/app/runs/{run}?tab=overview", "/settings"]


def test_the_owner_sees_every_page(look, alice, place):
    for path in [*paths(place), "/docs"]:
        answer = look(alice, path)
        assert answer.status_code == 200, path
        assert answer.mimetype == "text/html"
        assert answer.text.count("<h1") == 1, path


def test_a_visitor_is_sent_to_the_login(look, place):
    for path in paths(place):
        answer = look(None, path)
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/login"), path


def test_a_stranger_sees_nothing_of_a_private_project(look, bob, place):
    project, run = place
    for path in (f"/app/projects/{project}", f"/app/runs/{run}", f"/app/charts?runs={run}&name=lr"):
        answer = look(bob, path)
        assert answer.status_code == 403, path
        assert "baseline" not in answer.text
    assert "hidden work" not in look(bob, "/").text


def test_everybody_may_read_a_public_project_and_nobody_else_change_it(look, alice, bob, make_project, make_run):
    project = make_project(alice, "open work", is_public=True)
    run = make_run(alice, project, name="seen by all")
    for who in (None, bob):
        assert "open work" in look(who, "/?visibility=public").text
        assert "seen by all" in look(who, f"/app/projects/{project}").text
        page = look(who, f"/app/runs/{run}")
        assert page.status_code == 200
        assert "Delete run" not in page.text
    assert look(bob, f"/app/runs/{run}", method="POST", data={"name": "mine"}).status_code == 403
    assert look(bob, f"/app/runs/{run}/delete", method="POST").status_code == 403
    assert look(bob, f"/app/projects/{project}/delete", method="POST", data={"sure": "open work"}).status_code == 403


def test_a_form_without_its_token_changes_nothing(browser_of, look, alice, place):
    project, run = place
    client = browser_of(alice, csrf=False)
    for path in (f"/app/runs/{run}/delete", f"/app/projects/{project}", "/settings/keys", "/logout"):
        assert client.post(path, data={}, headers=BROWSER).status_code == 403, path
    assert look(alice, f"/app/runs/{run}").status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/app/runs/99999", 404), ("/nowhere", 404), ("/logout", 405)])
def test_an_error_is_a_page_that_says_what_to_do(look, alice, path, status):
    answer = look(alice, path)
    assert answer.status_code == status
    assert f">{status}<" in answer.text
    assert "Go to the home page" in answer.text


@pytest.mark.parametrize("number", ["0", "18446744073709551616", "1;DROP", "-1", "x", "9" * 400, "1%00"])
def test_a_strange_id_is_no_page(look, alice, number):
    for path in (f"/app/runs/{number}", f"/app/projects/{number}", f"/app/runs/{number}/charts"):
        # A NUL is refused wherever it stands in an address.
        assert look(alice, path).status_code == (400 if "%00" in number else 404)


def test_what_nobody_foresaw_is_a_page_without_a_word_of_the_inside(make_app, look, monkeypatch, alice):
    monkeypatch.setattr("aimanager.services.home.overview", lambda *_: 1 / 0)
    answer = look(alice, "/")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "ZeroDivisionError" not in answer.text


def test_markup_in_every_name_is_only_text(look, alice, api, make_project, make_run, make_points):
    project = make_project(alice, PAYLOAD, description=PAYLOAD)
    run = make_run(alice, project, name=PAYLOAD, tags=[PAYLOAD], config={PAYLOAD: PAYLOAD}, notes=PAYLOAD)
    make_run(alice, project, name="another", config={PAYLOAD: 1})
    make_points(alice, run, **{PAYLOAD: [1.0]})
    api(alice).post("/auth/keys", {"name": PAYLOAD, "scope": "read"})
    for path in paths((project, run)):
        page = look(alice, path).text
        assert "img src=x onerror" in page, path  # It is there, as text.
        assert not Reader(page).dangers, path


def test_markup_in_the_address_is_only_text(look, alice, place):
    project, run = place
    for path in (
        f"/?q={PAYLOAD}",
        f"/app/projects/{project}?q={PAYLOAD}&sort={PAYLOAD}",
        f"/app/runs/{run}?chart={PAYLOAD}&x={PAYLOAD}",
    ):
        assert not Reader(look(alice, path).text).dangers, path


def test_pages_hold_no_script_and_no_style_of_their_own(look, alice, place):
    for path in [*paths(place), "/docs", "/nowhere"]:
        assert not Reader(look(alice, path).text).dangers, path


def test_pages_load_nothing_from_elsewhere(look, alice, place):
    for path in [*paths(place), "/docs"]:
        loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"', look(alice, path).text)
        assert loaded
        assert all(address.startswith(("/static/", "/app/charts?")) for address in loaded), path


def test_what_signed_in_people_see_is_kept_by_no_cache(look, alice, place):
    for path in paths(place):
        assert look(alice, path).headers["Cache-Control"] == "no-store", path


def test_htmx_gets_the_fragment_that_it_asks_for(look, alice, place):
    project, run = place
    paths = {
        "runs": f"/app/projects/{project}",
        "head": f"/app/runs/{run}",
        "charts": f"/app/runs/{run}",
        "summary": f"/app/runs/{run}",
        "overview": f"/app/runs/{run}?tab=overview",
        "cards": "/",
    }
    for name, path in paths.items():
        answer = look(alice, path, headers=as_htmx(f"section#{name}"))
        assert answer.status_code == 200
        assert "<html" not in answer.text
        assert re.match(rf'\s*<\w+ id="{name}"', answer.text), name
        assert {"HX-Request-Type", "HX-Target"} <= set(answer.headers["Vary"].split(", "))


def test_htmx_gets_the_page_when_it_asks_for_all_of_it(look, alice, place):
    headers = as_htmx("body") | {"HX-Request-Type": "full"}
    assert "<html" in look(alice, "/", headers=headers).text


def test_a_session_that_ended_is_an_error_for_scripts_and_not_a_page_to_swap_in(look, place):
    answer = look(None, f"/app/runs/{place[1]}", headers=as_htmx("section#head"))
    assert answer.status_code == 401


def test_the_theme_is_drawn_by_the_server(app, alice, browser_of):
    client = browser_of(alice)
    assert 'data-theme="dark"' not in client.get("/", headers=BROWSER).text
    assert client.post("/settings/theme", data={"theme": "dark"}, headers=BROWSER).status_code == 303
    assert 'data-theme="dark"' in client.get("/", headers=BROWSER).text
    client.post("/settings/theme", data={"theme": '"><script>'}, headers=BROWSER)
    assert 'data-theme="dark"' in client.get("/", headers=BROWSER).text


def test_the_documentation_shows_every_operation_of_the_api(look, api):
    page = look(None, "/docs").text
    for path, operations in api().get("/openapi.json").json["paths"].items():
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in page, path
