"""How a page is requested: by a browser, by htmx, and in Chromium."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.servers import Gunicorn

BROWSER = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


def as_htmx(target: str) -> dict[str, str]:
    """The headers with which htmx 4 asks for an element anew."""
    return {
        "Accept": "text/html",
        "HX-Request": "true",
        "HX-Request-Type": "partial",
        "HX-Source": target,
        "HX-Target": target,
        "Sec-Fetch-Mode": "same-origin",
    }


@pytest.fixture
def look(browser_of, app) -> Callable[..., Any]:
    """Open a page as somebody's browser: `look(alice, "/settings")`, `look(None, "/login")`."""

    def open_page(who: Any, path: str, **options: Any) -> Any:
        client = browser_of(who) if who else app.test_client()
        headers = BROWSER | options.pop("headers", {})
        return client.open(path, headers=headers, **options)

    return open_page


class Site:
    """A running server, somebody with an account there, and what their scripts send."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = ""
        self.send("POST", "/auth/register", {"email": "ada@example.com", "username": "ada", "password": "password"})
        self.token = self.send("POST", "/auth/login", {"username": "ada", "password": "password"})["access_token"]

    def send(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers, method=method)) as answer:
            return json.loads(answer.read() or "null")

    def project(self, name: str = "digits", **fields: Any) -> int:
        return self.send("POST", "/projects/", {"name": name} | fields)["id"]

    def run(self, project: int, name: str = "a run", **fields: Any) -> int:
        return self.send("POST", f"/runs/?project_id={project}", {"name": name} | fields)["id"]

    def log(self, run: int, **columns: list[Any]) -> None:
        series = {name: {"values": values} for name, values in columns.items()}
        self.send("POST", f"/metrics/{run}/bulk", {"series": series})


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One server for the tests of a module; each makes projects of its own."""
    server = Gunicorn(rate_limits="", page_limits="", ingest_limits="")
    yield Site(server.url)
    server.close()


@pytest.fixture
def ada(page, site: Site):
    """A window in which Ada has logged in."""
    return log_in(page, site)


def rest(page) -> None:
    """Let Playwright tell what has happened meanwhile."""
    page.evaluate("new Promise(requestAnimationFrame)")


def log_in(page, site: Site):
    """Log in by hand."""
    page.goto(site.url + "/login?next=/")
    page.get_by_label("Username or email").fill("ada")
    page.get_by_label("Password", exact=True).fill("password")
    page.keyboard.press("Enter")
    page.wait_for_url(site.url + "/")
    return page
