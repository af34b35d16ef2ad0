"""How the application is put together: for a server, and for a command."""

import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa

from aimanager import ConfigurationError, Settings, create_app
from aimanager.db.engine import Database


@pytest.fixture
def make_command_app(settings):
    """Applications as commands make them."""
    apps = []

    def make(settings=settings):
        apps.append(create_app(settings, background=False))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["aimanager"].close()
        app.extensions["aimanager"].database.engine.dispose()


def test_a_command_starts_no_threads(make_command_app, redis_url, settings):
    before = set(threading.enumerate())
    for more in ({}, {"workers": 2}, {"redis_url": redis_url}):
        make_command_app(replace(settings, **more))
    assert set(threading.enumerate()) <= before


def test_a_server_starts_the_threads_that_look_after_it(app):
    assert {"store-tidy", "last-use"} <= {thread.name for thread in threading.enumerate()}


def test_a_command_does_not_migrate_and_names_the_command_that_does(make_command_app, database_url, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", database_url=database_url)
    with pytest.raises(ConfigurationError, match="run `aimanager migrate`"):
        make_command_app(settings)
    database = Database.open(settings)
    assert sa.inspect(database.engine).get_table_names() == []
    database.engine.dispose()


def test_a_blueprint_whose_hooks_the_fast_path_would_leave_out_stops_the_start(app):
    app.before_request_funcs["metrics"] = [lambda: None]
    with pytest.raises(RuntimeError, match="hooks of the blueprint 'metrics' would be left out"):
        app.take_fast_path((), ())


def test_the_fast_path_and_flask_refuse_with_the_same_words_and_headers(app, api, alice, make_run, monkeypatch):
    run_id = make_run(alice)
    path, point = f"/metrics/{run_id}/batch", {"metrics": {"loss": 1}}

    def answers():
        yield api().post(path, point)
        yield api("garbage").post(path, point)
        yield api(alice).post(path, {"metrics": "none"})
        yield api(alice).post("/metrics/999999/batch", point)
        yield api(alice).post(path, point, headers={"Host": "evil.example"})
        yield api(alice).post(path, point, headers={"Origin": "https://evil.example"})
        yield api(alice).post(f"{path}?x=%00", point)
        yield api(alice).post(path, point)

    def described(answer):
        changing = {"X-Request-ID"}
        return answer.status_code, answer.json, sorted(item for item in answer.headers if item[0] not in changing)

    fast = [described(answer) for answer in answers()]
    monkeypatch.setattr(app, "_fast", {})
    assert [described(answer) for answer in answers()] == fast
    assert [status for status, *_ in fast] == [401, 401, 400, 404, 421, 403, 400, 200]


def test_what_happens_around_a_request_is_said_in_one_place_only(app):
    """Blueprints may have hooks of their own; the application has those of http/hooks.py, in their order."""
    from aimanager.http import hooks

    before = len(hooks.BEFORE_LIMITS) + 1 + len(hooks.AFTER_LIMITS)  # Flask-Limiter's stands between.
    assert len(app.before_request_funcs[None]) == before
    assert app.before_request_funcs[None][len(hooks.BEFORE_LIMITS)].__module__ == "flask_limiter._extension"
    own_hooks = [hook for hook in app.after_request_funcs[None] if getattr(hook, "__module__", "") == hooks.__name__]
    assert len(own_hooks) == len(hooks.AFTER_VIEW) + 1
