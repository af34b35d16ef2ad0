"""The application under test and the people who use it: Alice owns, Bob is somebody else, Carol looks after the server.

HTTP tests speak HTTP: `api(alice).get("/projects/")` sends her token as a script would, and `browser_of(alice)` is a
client with her session cookie.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule
from whitenoise import WhiteNoise

from aimanager import Settings, create_app
from aimanager.db import schema
from aimanager.db.engine import Database
from aimanager.extensions import db, writing
from aimanager.http import assets
from aimanager.http.bundle import read_bundle
from aimanager.http.cookies import csrf_cookie, session_cookie
from aimanager.models import User
from aimanager.principal import Principal
from aimanager.services import accounts, api_keys, passwords, sessions
from tests.servers import ROOT

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Person:
    """An account and what proves it."""

    id: int
    username: str
    token: str
    csrf: str
    principal: Principal


class SharedTemplates(BytecodeCache):
    """The compiled templates of all applications of a run: each is compiled once."""

    compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.compiled:
            bucket.bytecode_from_string(self.compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.compiled[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def shared_routes() -> Iterator[None]:
    """Compile the address of each route once and not for each application, of which a run makes a thousand."""
    compile_builder, builders = Rule._compile_builder, {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
        key = rule.rule, append_unknown, str(rule.defaults)
        if key not in builders:
            builders[key] = compile_builder(rule, append_unknown)
        return builders[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def shared_static_files() -> Iterator[None]:
    """Read the static files once and not for each application; bundled, as they are served."""
    if read_bundle(ROOT) is None:  # Where `make` did not start the tests.
        subprocess.run([sys.executable, "scripts/bundle.py"], cwd=ROOT, check=True)
    scan, scanned = WhiteNoise.update_files_dictionary, {}

    def scan_once(files: WhiteNoise, root: str, prefix: str) -> None:
        if (root, prefix) not in scanned:
            scan(files, root, prefix)
            scanned[root, prefix] = dict(files.files)
        files.files.update(scanned[root, prefix])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assets, "digest", lru_cache(assets.digest))
        patch.setattr(assets, "read_bundle", lru_cache(assets.read_bundle))
        patch.setattr(WhiteNoise, "update_files_dictionary", scan_once)
        yield


@pytest.fixture(scope="session")
def migrated_url(make_database_url, tmp_path_factory) -> str:
    """The URL of a database with our tables and no rows, to be copied."""
    template = make_database_url()
    database = Database.open(Settings(data_dir=tmp_path_factory.mktemp("template"), database_url=template))
    schema.upgrade(database)
    database.engine.dispose()
    return template


@pytest.fixture
def make_migrated_url(request, database_kind, migrated_url, make_database_url) -> Iterator[Callable[[], str]]:
    """Make databases with our tables and no rows, which are the test's own and go with it."""
    if database_kind == "postgres":
        cluster = request.getfixturevalue("postgres")
        made = []

        def copy() -> str:
            made.append(cluster.make_database(migrated_url.rpartition("/")[2]))
            return made[-1]

        yield copy
        for url in made:
            cluster.drop_database(url)
        return

    def copy_file() -> str:
        url = make_database_url()
        shutil.copy(migrated_url.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
        return url

    yield copy_file


@pytest.fixture
def settings(tmp_path, make_migrated_url) -> Settings:
    """What the application of a test is told; limits are off unless a test is about them."""
    return Settings(
        data_dir=tmp_path / "data",
        database_url=make_migrated_url(),
        rate_limits="",
        page_limits="",
        ingest_limits="",
        ingest_points="",
        secret_key="a key for tests only, of forty letters..",
    )


@pytest.fixture
def make_app(settings) -> Iterator[Callable[..., Flask]]:
    """Start applications with other settings; all are closed with the test."""
    apps = []

    def make(**changes: Any) -> Flask:
        app = create_app(replace(settings, **changes))
        app.jinja_env.bytecode_cache = SharedTemplates()
        apps.append(app)
        return app

    yield make
    for app in apps:
        app.extensions["aimanager"].close()
    for thread in threading.enumerate():
        if thread.name == "store-tidy":  # It may still hold a connection.
            thread.join(10)
    for app in apps:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def app(make_app) -> Flask:
    return make_app()


@lru_cache
def _hash(password: str) -> str:
    # One real hash for all tests: hashing is slow on purpose.
    return passwords.hash_password(password)


@pytest.fixture
def make_user(app) -> Callable[..., Person]:
    """Make somebody with an account and a token, by the services."""

    def make(username: str, is_superuser: bool = False) -> Person:
        with app.test_request_context():
            email = f"{username}@example.com"
            with writing() as session:
                user = User(
                    email=email,
                    email_key=accounts.fold(email),
                    username=username,
                    username_key=accounts.fold(username),
                    password_hash=_hash(PASSWORD),
                    is_superuser=is_superuser,
                )
                session.add(user)
            token, csrf = sessions.issue(user)
            return Person(user.id, username, token, csrf, sessions.resolve(token, "token"))

    return make


@pytest.fixture
def alice(make_user) -> Person:
    return make_user("alice")


@pytest.fixture
def bob(make_user) -> Person:
    return make_user("bob")


@pytest.fixture
def carol(make_user) -> Person:
    return make_user("carol", is_superuser=True)


class Api:
    """A script that speaks JSON, with or without a credential."""

    def __init__(self, client: FlaskClient, credential: str | None) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {credential}"} if credential else {}

    def open(self, path: str, **options: Any) -> Any:
        headers = self.headers | dict(options.pop("headers", {}))
        return self.client.open(path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.open(path, method="GET", **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Any:
        return self.open(path, method="POST", **(options if "data" in options else {"json": json} | options))

    def put(self, path: str, json: Any = None, **options: Any) -> Any:
        return self.open(path, method="PUT", json=json, **options)

    def delete(self, path: str, **options: Any) -> Any:
        return self.open(path, method="DELETE", **options)


@pytest.fixture
def api(app) -> Callable[..., Api]:
    """`api(alice)`, `api()` for nobody, `api("aimgr_...")` for a key."""

    def speak(who: Person | str | None = None) -> Api:
        credential = who.token if isinstance(who, Person) else who
        return Api(app.test_client(use_cookies=False), credential)

    return speak


@pytest.fixture
def key_of(app) -> Callable[..., str]:
    """An API key of somebody."""

    def make(person: Person, scope: str = "write") -> str:
        with app.test_request_context():
            return api_keys.issue(person.principal, "a key", scope)[1]

    return make


@pytest.fixture
def browser_of(app) -> Callable[[Person], FlaskClient]:
    """A client that is signed in by cookie and sends the CSRF token as our scripts do."""

    def open_window(person: Person, csrf: bool = True) -> FlaskClient:
        client = app.test_client()
        with app.test_request_context():
            client.set_cookie(session_cookie(), person.token)
            client.set_cookie(csrf_cookie(), person.csrf)
        if csrf:
            client.environ_base["HTTP_X_CSRF_TOKEN"] = person.csrf
        return client

    return open_window


@pytest.fixture
def make_project(api) -> Callable[..., int]:
    def make(owner: Person, name: str = "a project", **fields: Any) -> int:
        return api(owner).post("/projects/", {"name": name} | fields).json["id"]

    return make


@pytest.fixture
def make_run(api, make_project) -> Callable[..., int]:
    def make(owner: Person, project_id: int | None = None, public: bool = False, **fields: Any) -> int:
        project_id = project_id or make_project(owner, is_public=public)
        return api(owner).post(f"/runs/?project_id={project_id}", fields).json["id"]

    return make


@pytest.fixture
def make_points(api) -> Callable[..., None]:
    def make(owner: Person, run_id: int, **columns: list[float]) -> None:
        series = {name: {"values": values} for name, values in columns.items()}
        assert api(owner).post(f"/metrics/{run_id}/bulk", {"series": series}).status_code == 200

    return make
