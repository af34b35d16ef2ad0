"""The pages' own scripts and styles: few small files where they are bundled, as they are after an edit."""

from __future__ import annotations

import gzip
import re
import shutil
import urllib.request

import brotli
import pytest

from aimanager.http import assets
from aimanager.http.bundle import own_sheets, read_bundle, sheets
from tests.servers import ROOT, Gunicorn

from .conftest import BROWSER, Site, log_in
from .test_live_in_browser import DRAWN

BUDGET = 81_000  # Bytes of HTML, styles, htmx and own scripts, compressed, before charts are drawn beside the table.
BUDGET_OF_TABLE, BUDGET_OF_RUN = 60_000, 79_000
MOST_REQUESTS = 12


@pytest.fixture
def make_copy(tmp_path):
    """Copy what is served, with something added to one of the files."""

    def copy(name="", addition=""):
        root = tmp_path / f"copy of {name or 'all'}"
        shutil.copytree(ROOT / "static", root / "static")
        (root / "templates").mkdir()
        shutil.copy(ROOT / "templates/base.html", root / "templates")
        if name:
            with (root / name).open("a") as file:
                file.write(addition)
        return root

    return copy


def test_a_bundle_is_used_until_a_source_changes(make_copy):
    files = assets.StaticFiles(make_copy())
    assert len(files.stylesheets("tokens", "base")) == 1
    assert "/bundle/" in files.script("js/app.js")
    assert len(files.imports("js/app.js")) == 1
    edited = assets.StaticFiles(make_copy("static/css/base.css", "/* edited */"))
    assert [address.rpartition("/")[2] for address in edited.stylesheets("tokens", "base")] == [
        "tokens.css",
        "base.css",
    ]
    assert edited.script("js/app.js").endswith("/js/app.js")
    assert edited.imports("js/app.js") == []


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"sources": 1, "more": 2}'])
def test_a_bundle_that_cannot_be_read_is_no_bundle(make_copy, broken):
    copy = make_copy()
    (copy / "static/bundle/bundle.json").write_text(broken)
    assert read_bundle(copy) is None


def test_our_scripts_change_without_the_drawing_library_being_fetched_again(app, make_copy):
    def address(files):
        other = type(app)("other", static_folder=None)
        files.add_route(other)
        with other.test_request_context():
            return other.url_for("static", filename="vendor/plotly-basic.min.js")

    before = assets.StaticFiles(make_copy())
    after = assets.StaticFiles(make_copy("static/js/app.js", "// edited"))
    assert address(before) == address(after)
    assert before.script("js/app.js") != after.script("js/app.js")


def test_all_that_is_loaded_is_compressed_and_kept_for_good(look, alice, make_run, make_points, api):
    run = make_run(alice)
    make_points(alice, run, loss=[1, 2])
    page = look(alice, f"/app/runs/{run}").text
    addresses = re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+[.](?:js|css))"', page)
    addresses += re.findall(r'data-plotly="([^"]+)"', page)
    assert len(addresses) > 4
    for address in addresses:
        for coding in ("br", "gzip"):
            answer = api().get(address, headers={"Accept-Encoding": coding})
            assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, coding), address
            assert "immutable" in answer.headers["Cache-Control"]
            answer.close()


def test_every_sheet_is_asked_for_by_a_page_and_so_in_the_bundle():
    named = {path.stem for path in (ROOT / "static/css").glob("*.css")}
    assert {*sheets(ROOT), *own_sheets(ROOT)} == named | {"plotly"}
    pages = "".join(template.read_text() for template in (ROOT / "templates").rglob("*.html"))
    assert set(re.findall(r'own_stylesheet\("([a-z]+)"\)', pages)) == set(own_sheets(ROOT))
    for template in (ROOT / "templates").rglob("*.html"):
        assert "filename='css/" not in template.read_text(), template.name


@pytest.fixture(params=[1, 0], ids=["bundled", "as they are"])
def either(request):
    """A server that serves the scripts in one of both forms."""
    server = Gunicorn(bundle=request.param, rate_limits="", page_limits="", ingest_limits="")
    site = Site(server.url)
    site.bundled = bool(request.param)
    yield site
    server.close()


@pytest.mark.parametrize(("accepted", "coding"), [("br, gzip", "br"), ("gzip", "gzip"), ("identity", None)])
def test_a_page_is_compressed_as_the_browser_understands_it(look, alice, accepted, coding):
    answer = look(alice, "/settings", headers={"Accept-Encoding": accepted})
    assert answer.headers.get("Content-Encoding") == coding
    assert "Accept-Encoding" in answer.headers.getlist("Vary")
    page = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding](answer.data)
    assert b"</html>" in page
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_no_two_forms_hold_the_same_token_and_each_is_taken(look, alice, browser_of):
    tokens = re.findall(r'name="csrf_token" value="([^"]+)"', look(alice, "/settings").text * 2)
    assert len(set(tokens)) == len(tokens) // 2 > 2
    client = browser_of(alice, csrf=False)
    for token, status in ((tokens[0], 404), (tokens[1], 404), (tokens[0][:-1] + "x", 403), ("", 403)):
        answer = client.post("/settings/keys/999/revoke", data={"csrf_token": token}, headers=BROWSER)
        assert answer.status_code == status


def test_pages_work_in_both_forms(either, page):
    project = either.project()
    run = either.run(project)
    either.log(run, loss=[3, 2, 1])
    log_in(page, either)
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(f"{either.url}/app/runs/{run}")
    page.wait_for_selector(DRAWN)
    page.wait_for_selector(".live[data-live=on]")
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keyboard shortcuts").is_visible()
    assert any("/bundle/" in url for url in requested) == either.bundled
    assert any("/js/cookies.js" in url for url in requested) != either.bundled
    assert len([url for url in requested if "plotly-basic" in url]) == 1


@pytest.mark.parametrize("either", [1], indirect=True, ids=["bundled"])
def test_a_project_page_is_small_and_of_few_requests(either, page):
    project = either.project()
    for number in range(20):
        run = either.run(project, f"run {number}", config={"lr": number / 100})
        either.log(run, **{f"{group}/loss": [3, 2, 1] for group in ("train", "val")})
    log_in(page, either)
    page.wait_for_load_state("networkidle")  # The page after the login makes no request any more.
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())
    requested = cold(page, f"{either.url}/app/projects/{project}")
    assert len(requested) <= MOST_REQUESTS, requested
    # Each address once: news of the project may have its table fetched again.
    weights = weights_of(requested, cookie)
    assert sum(weights.values()) <= BUDGET, weights
    # The table alone takes neither the scripts of the charts nor what draws them.
    table = cold(page, f"{either.url}/app/projects/{project}?layout=table")
    weights = weights_of(table, cookie)
    assert sum(weights.values()) <= BUDGET_OF_TABLE, weights
    assert not [url for url in table if "plotly" in url]


@pytest.mark.parametrize("either", [1], indirect=True, ids=["bundled"])
def test_a_run_page_is_small_and_of_few_requests(either, page):
    run = either.run(either.project())
    either.log(run, **{f"train/loss {number}": [3, 2, 1] for number in range(8)})
    log_in(page, either)
    page.wait_for_load_state("networkidle")
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())
    requested = cold(page, f"{either.url}/app/runs/{run}")
    page.wait_for_selector(DRAWN)
    # Page, sheet, three scripts of ours, htmx, Plotly, icon, data, marks: all but the last two before a chart is asked for.
    assert len(requested) <= 10, requested
    weights = weights_of(requested, cookie)
    assert sum(weights.values()) <= BUDGET_OF_RUN, weights


def cold(page, url: str) -> list[str]:
    """The addresses that a page asks for in a browser that has been nowhere."""
    requested: list[str] = []
    page.goto("about:blank")  # What the page before has asked for ends here.

    def note(request):
        requested.append(request.url)

    page.on("request", note)
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.remove_listener("request", note)
    return requested


def weights_of(requested: list[str], cookie: str) -> dict[str, int]:
    """Bytes of what is there before charts: HTML, styles and own scripts."""
    own = {url for url in requested if "/vendor/plotly" not in url and "/app/charts" not in url}
    return {url: transferred(url, cookie) for url in own if url.startswith("http")}


def transferred(url: str, cookie: str) -> int:
    """The bytes of an answer's body as a browser gets it."""
    headers = {"Accept-Encoding": "br, gzip", "Accept": "text/html,*/*", "Cookie": cookie}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return len(answer.read())
