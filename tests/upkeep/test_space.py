"""What deleted runs have left free is given back to the disk, a little at a time."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from aimanager.cli import main
from aimanager.db import engine, schema
from aimanager.store import Batch, Column, SqlStore
from aimanager.store.upkeep import doctor, removal
from aimanager.upkeep import compacting
from tests.store.factories import column, listed, log, open_database


def fill(store, runs=(1, 2), points=120_000):
    values = np.random.default_rng(0).random(points)
    for run in runs:
        for start in range(0, points, 20_000):
            store.append(run, 1, Batch((Column("noise", values[start : start + 20_000]),)))


def written(database):
    """Bytes of the file once all that was committed is in it."""
    with database.gate.turn():
        raw = database.engine.raw_connection()
        assert raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        raw.close()
    return compacting.size(database)


@pytest.fixture
def sqlite(tmp_path, monkeypatch):
    monkeypatch.setattr(removal, "_KEPT", 20)
    database = open_database(f"sqlite:///{tmp_path / 'test.db'}")
    yield database
    database.engine.dispose()


@pytest.mark.slow
def test_the_file_shrinks_when_a_run_is_deleted(sqlite):
    store = SqlStore(sqlite)
    fill(store)
    before, expected = written(sqlite), listed(store, 2, limit=10**6)
    store.delete([1])
    assert written(sqlite) == before
    store.tidy()
    assert written(sqlite) < before * 0.6
    assert listed(store, 2, limit=10**6) == expected
    assert list(doctor.check(sqlite)) == []
    with sqlite.reading() as connection:
        assert connection.scalar(text("PRAGMA integrity_check")) == "ok"


def test_others_write_between_two_steps(sqlite):
    store = SqlStore(sqlite)
    fill(store)
    store.delete([1])
    store.sweep()
    steps = []

    def stop():
        steps.append(log(store, 3, column("loss", [len(steps)])).last_id)
        with sqlite.reading() as connection:
            steps[-1] = connection.scalar(text("PRAGMA freelist_count"))
        return False

    store.upkeep.removal.give_back(stop)
    given = [before - after for before, after in zip(steps, steps[1:], strict=False)]
    assert len(given) >= 1
    assert all(0 < pages <= removal._PAGES for pages in given)
    assert store.series(3, "loss").values.tolist() == list(range(len(steps)))


def test_it_stops_on_request(sqlite):
    store = SqlStore(sqlite)
    fill(store)
    store.delete([1])
    store.sweep()
    before = written(sqlite)
    store.close()
    store.tidy()
    assert written(sqlite) == before


def test_a_few_free_pages_are_kept_for_what_comes_next(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'test.db'}")
    store = SqlStore(database)
    fill(store)
    store.delete([1])
    before = written(database)
    store.tidy()
    assert written(database) == before
    database.engine.dispose()


def test_a_file_of_before_is_made_smaller_by_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(removal, "_KEPT", 20)
    monkeypatch.setenv("AI_MANAGER_DATA_DIR", str(tmp_path))
    with monkeypatch.context() as old:
        old.setattr(engine, "AUTO_VACUUM", "NONE")
        opened = open_database(f"sqlite:///{tmp_path / 'aimanager.db'}", create=False)
        schema.upgrade(opened)
        store = SqlStore(opened)
        fill(store, (1, 2, 3))
        opened.engine.dispose()
    store.delete([1])
    before = written(opened)
    store.tidy()
    assert written(opened) == before
    done = CliRunner().invoke(main, ["compact"])
    assert (done.exit_code, done.output.split()[1:3]) == (0, ["MB,", "before"])
    assert written(opened) < before * 0.75
    store.delete([2])
    store.tidy()
    assert written(opened) < before * 0.45
    assert store.points(3).total == 120_000
    assert list(doctor.check(opened)) == []
    opened.engine.dispose()


@pytest.mark.postgres
def test_postgres_gives_back_what_the_command_finds(postgres_url, tmp_path, monkeypatch):
    monkeypatch.setenv("AI_MANAGER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("AI_MANAGER_DATABASE_URL", postgres_url)
    opened = open_database(postgres_url, create=False)
    schema.upgrade(opened)
    store = SqlStore(opened)
    fill(store)
    before, expected = compacting.size(opened), listed(store, 2, limit=10**6)
    store.delete([1])
    store.sweep()
    done = CliRunner().invoke(main, ["compact"])
    assert done.exit_code == 0, done.output
    assert compacting.size(opened) < before - 500_000
    assert listed(store, 2, limit=10**6) == expected
    assert list(doctor.check(opened)) == []
    opened.engine.dispose()


def test_there_must_be_room_to_write_it_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("AI_MANAGER_DATA_DIR", str(tmp_path))
    opened = open_database(f"sqlite:///{tmp_path / 'aimanager.db'}", create=False)
    schema.upgrade(opened)
    opened.engine.dispose()
    size = Path(tmp_path / "aimanager.db").stat().st_size
    free = compacting.shutil.disk_usage(tmp_path)._replace(free=size)
    monkeypatch.setattr(compacting.shutil, "disk_usage", lambda _: free)
    done = CliRunner().invoke(main, ["compact"])
    assert done.exit_code == 2
    assert done.stderr.startswith("There is no room to rewrite aimanager.db")
