"""The commands leave the schema and the threads to the server."""

import threading

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from click.testing import CliRunner

from aimanager.cli import main
from aimanager.config import Settings
from aimanager.db import schema
from aimanager.db.engine import Database
from aimanager.upkeep import compacting
from tests.store.factories import open_database

COMMANDS = [["user", "list"], ["user", "disable", "ada"], ["key", "ada", "laptop"], ["doctor"], ["compact"]]


def run(*words):
    return CliRunner().invoke(main, list(words))


@pytest.fixture
def database(tmp_path, monkeypatch):
    """A database of the first schema."""
    monkeypatch.setenv("AI_MANAGER_DATA_DIR", str(tmp_path))
    database = Database.open(Settings.from_env())
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    yield database
    database.engine.dispose()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_refuses_an_old_schema_and_leaves_it(database, words):
    done = run(*words)
    assert done.exit_code == 2
    assert "run `aimanager migrate`" in done.stderr
    with database.reading() as connection:
        assert schema.revision(connection) == "0001"


def test_only_migrate_migrates(database):
    assert run("migrate").output == f"the schema is {schema.HEAD}\n"
    assert run("user", "list").exit_code == 0


def test_a_command_starts_no_threads(database, monkeypatch):
    run("migrate")
    started = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (started.append(thread.name), start(thread)))
    done = run("user", "list")
    assert (done.exit_code, done.output) == (0, "")
    assert started == []


def test_the_size_of_a_database_has_what_is_still_in_its_log(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'test.db'}")
    with database.writing() as connection:
        connection.execute(sa.text("CREATE TABLE filler (bytes BLOB)"))
        connection.execute(sa.text("INSERT INTO filler VALUES (zeroblob(1000000))"))
    assert (tmp_path / "test.db-wal").stat().st_size > 1_000_000
    assert compacting.size(database) == sum((tmp_path / name).stat().st_size for name in ("test.db", "test.db-wal"))
    database.engine.dispose()
