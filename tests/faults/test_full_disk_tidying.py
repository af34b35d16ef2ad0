"""A disk that becomes full in the middle of sealing, merging or rolling up: nothing is changed, everything can be read,
and it is done once there is room."""

import os

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from aimanager.store import SqlStore, tables
from aimanager.store.chunks import layout
from aimanager.store.upkeep import doctor, merge
from tests.faults.test_full_disk import small_disk  # noqa: F401  # A fixture.
from tests.store.factories import column, listed, log, open_database

pytestmark = pytest.mark.slow


@pytest.fixture
def store(small_disk, monkeypatch):  # noqa: F811
    for name, size in {"CHUNK": 512, "NODE": 64, "ROLLUP": 2}.items():
        monkeypatch.setattr(layout, name, size)
    monkeypatch.setattr(merge, "_MANY", 10**6)  # Only what fills a chunk, or has ended.
    database = open_database(f"sqlite:///{small_disk / 'test.db'}")
    yield SqlStore(database)
    database.engine.dispose()


def work_of(store, name):
    sealer = store.upkeep.sealer
    return {
        "seal": lambda: sealer.seal(1),
        "merge": lambda: sealer.merge(1),
        "roll up": lambda: sealer.roll_up(1),
    }[name]


def prepare(store, name):
    """Leave as much as there is of that kind of work, and nothing else."""
    if name == "roll up":
        log(store, 1, *(column(f"m{i}", range(512 * 40)) for i in range(8)))
        return
    for part in range(300):
        log(store, 1, *(column(f"m{i}", [part * i + 0.1 * i + row / 7 for row in range(20)]) for i in range(8)))
        if name == "merge" and part % 10 == 9:
            store.upkeep.sealer.seal(1)


def count(store, table):
    with store._database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def all_but(room, filler):
    """Fill the disk up to so many bytes."""
    with filler.open("ab", buffering=0) as file:
        while (free := os.statvfs(filler.parent)).f_bavail * free.f_frsize > room:
            size = min(free.f_bavail * free.f_frsize - room, 1 << 20)
            os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)


@pytest.mark.parametrize("name", ["seal", "merge", "roll up"])
def test_work_that_finds_no_room_changes_nothing_and_is_done_later(store, small_disk, name):  # noqa: F811
    prepare(store, name)
    raw = store._database.engine.raw_connection()
    raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")  # What is written from here on makes the log longer.
    raw.close()
    # Each rollup is work of its own.
    whole = [table for table in tables.OF_RUNS if name != "roll up" or table is not tables.metric_rollup]
    before, rows = listed(store, 1, limit=10**9), [count(store, table) for table in whole]
    filler, refused = small_disk / "filler", 0
    # Less and less is in the way, so that it fails later and later.
    for room in range(0, 1 << 20, 24 << 10):
        filler.unlink(missing_ok=True)
        all_but(room, filler)
        try:
            work_of(store, name)()
        except OperationalError:  # "Database or disk is full", or an I/O error.
            pass
        else:
            break
        refused += 1
        assert listed(store, 1, limit=10**9) == before
        assert [count(store, table) for table in whole] == rows
        assert len(store.chart(1, ["m3"], 100)[0].x) == 100
        assert store.summaries([1])[1][0].count == len(before) / 8
    assert refused >= 3
    assert name == "roll up" or [count(store, table) for table in whole] != rows
    assert name != "roll up" or count(store, tables.metric_rollup) == 19 * 8
    filler.unlink()
    assert listed(store, 1, limit=10**9) == before
    store.finish(1)
    store.tidy()
    assert listed(store, 1, limit=10**9) == before
    assert not list(doctor.check(store._database))
    with store._database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
