"""What every test may ask for: real databases, Redis, our server behind gunicorn, a browser.

The application and the people who use it are in cast.py.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

from tests.servers import Gunicorn, NotInstalled, Postgres, Redis, find_program

# The application and its users.
pytest_plugins = ["tests.cast"]

DATABASES = {"sqlite": ["sqlite"], "postgres": ["postgres"], "both": ["sqlite", "postgres"]}
PATIENCE = 30_000  # Milliseconds that a test waits for what must come true in the browser.
# Without the sandbox, as root has none; without the services that would call their maker's hosts.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=DATABASES, default="both", help="the databases to run the suite on")
    parser.addoption(
        "--thorough",
        action="store_true",
        help="kill 200 times, cut files at every byte, try 1,500 histories: takes an hour",
    )
    parser.addoption("--complete", action="store_true", help="fail, not skip, where a needed program is missing")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for a database once on every kind of it."""
    if "database_kind" in metafunc.fixturenames:
        kinds = DATABASES[metafunc.config.getoption("database")]
        marks = {"sqlite": [], "postgres": [pytest.mark.postgres]}
        params = [pytest.param(kind, marks=marks[kind]) for kind in kinds]
        metafunc.parametrize("database_kind", params, indirect=True, scope="session")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark each test with what it needs, so that a quick run can leave it out."""
    for needed in {"postgres", "redis", "browser"}.intersection(getattr(item, "fixturenames", ())):
        item.add_marker(needed)


def pytest_collection_finish() -> None:
    """Spare the garbage collector the modules and tests, which all stay: it took a sixth of a run's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def unavailable(config: pytest.Config, error: NotInstalled) -> NoReturn:
    """End a test that needs what is not installed: a run that promises to be complete fails."""
    if config.getoption("complete"):
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))


# Databases


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[Postgres]:
    """A PostgreSQL cluster for the whole run; `make_database` gives the URL of an empty database of it."""
    try:
        cluster = Postgres()
    except NotInstalled as error:
        unavailable(pytestconfig, error)
    yield cluster
    cluster.close()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty PostgreSQL database that is the test's own."""
    url = postgres.make_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def database_kind(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgres`; a test that asks for it, or for what asks for it, runs on both."""
    return request.param


@pytest.fixture(scope="session")
def make_database_url(
    request: pytest.FixtureRequest, database_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """Make an empty database of the kind at hand and give its URL; for fixtures that outlive a test."""
    if database_kind == "postgres":
        return request.getfixturevalue("postgres").make_database
    return lambda: f"sqlite:///{tmp_path_factory.mktemp('database') / 'test.db'}"


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database_kind: str, tmp_path: Path) -> str:
    """The URL of an empty database that is the test's own, on SQLite and then on PostgreSQL."""
    if database_kind == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'test.db'}"


# Servers


@pytest.fixture(scope="session")
def redis(pytestconfig: pytest.Config) -> Iterator[Redis]:
    """A Redis server for the whole run; `redis.stop()` and `redis.start()` are a test's to use."""
    try:
        server = Redis()
    except NotInstalled as error:
        unavailable(pytestconfig, error)
    yield server
    server.close()


@pytest.fixture
def redis_url(redis: Redis) -> str:
    """The URL of a Redis database with nothing in it."""
    redis.empty()
    return redis.url


@pytest.fixture
def gunicorn_server() -> Iterator[Callable[..., Gunicorn]]:
    """Start real servers: `gunicorn_server(workers=2, database_url=...)`; they end with the test."""
    servers = []

    def start(**settings: object) -> Gunicorn:
        servers.append(Gunicorn(**settings))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


# The browser


@pytest.fixture(scope="session")
def chromium(pytestconfig: pytest.Config) -> Path:
    """The machine's own Chromium."""
    try:
        return find_program("chromium", "chromium")
    except NotInstalled as error:
        unavailable(pytestconfig, error)


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator:
    """One browser for the whole run, driven by Playwright; each test opens its own window."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page_faults() -> list[str]:
    """What went wrong in the page: errors in its console, uncaught or not, breaches of the Content-Security-Policy, and requests to
    other machines."""
    return []


@pytest.fixture
def page(browser, page_faults: list[str], request: pytest.FixtureRequest) -> Iterator:
    """A window that knows nobody; the test fails if anything went wrong in it, but for what it provokes on purpose:
    `@pytest.mark.provokes("status of 404")` names that by a regular expression."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    watch_for_faults(page, page_faults)
    yield page
    context.close()
    provoked = [pattern for mark in request.node.iter_markers("provokes") for pattern in mark.args]
    assert not [fault for fault in page_faults if not any(re.search(pattern, fault) for pattern in provoked)]


def watch_for_faults(page, faults: list[str]) -> None:
    """Add to `faults` whatever goes wrong in a window from now on."""
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: said.type == "error" and faults.append(f"{said.text} {said.location['url']}"))
    page.on("request", lambda request: _leaves_the_machine(request.url) and faults.append(request.url))


def _leaves_the_machine(url: str) -> bool:
    address = urlsplit(url)
    return address.scheme in ("http", "https", "ws", "wss") and address.hostname not in ("127.0.0.1", "localhost")
