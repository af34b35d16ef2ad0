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
    assert {"store-tidy", "key-usage"} <= {thread.name for thread in threading.enumerate()}


def test_a_command_does_not_migrate_and_names_the_command_that_does(make_command_app, database_url, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", database_url=database_url)
    with pytest.raises(ConfigurationError, match="run `aimanager migrate`"):
        make_command_app(settings)
    database = Database.open(settings)
    assert sa.inspect(database.engine).get_table_names() == []
    database.engine.dispose()


def test_what_happens_around_a_request_is_said_in_one_place_only(app):
    """Blueprints may have hooks of their own; the application has those of http/hooks.py, in their order."""
    from aimanager.http import hooks

    before = len(hooks.BEFORE_LIMITS) + 1 + len(hooks.AFTER_LIMITS)  # Flask-Limiter's stands between.
    assert len(app.before_request_funcs[None]) == before
    assert app.before_request_funcs[None][len(hooks.BEFORE_LIMITS)].__module__ == "flask_limiter._extension"
    ours = [hook for hook in app.after_request_funcs[None] if getattr(hook, "__module__", "") == hooks.__name__]
    assert len(ours) == len(hooks.AFTER_VIEW) + 1
