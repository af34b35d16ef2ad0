"""A deleted run leaves nothing behind but the mark that it is gone, also when the work was interrupted."""

import pytest
from sqlalchemy import func, select

from aimanager.store import RunDeleted, SqlStore, tables
from aimanager.store.upkeep import removal
from tests.store.factories import column, log, open_database


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def store(database, monkeypatch):
    monkeypatch.setattr(removal, "_STEP", 3)
    store = SqlStore(database)
    for run in (1, 2):
        for i in range(10):
            log(store, run, *(column(f"m{j}", [i]) for j in range(5)), writer=f"w{i % 4}", seq=i // 4 + 1)
    return store


def rows(database, run):
    with database.reading() as connection:
        return {
            table.name: connection.scalar(select(func.count()).where(table.c.run_no == run))
            for table in (tables.metric_log, tables.metric_series, tables.metric_writer)
        }


def state(database, run):
    with database.reading() as connection:
        return connection.scalar(select(tables.metric_stream.c.state).where(tables.metric_stream.c.run_no == run))


def test_no_row_is_left_and_other_runs_are_untouched(database, store):
    before = rows(database, 2)
    store.delete([1])
    assert set(rows(database, 1).values()) == {0}
    assert rows(database, 2) == before
    assert state(database, 1) == tables.DELETED
    assert store.points(2).total == 50


def test_an_interrupted_delete_is_hidden_and_ended_later(database, store):
    store._removal.hide([1])
    for _ in range(2):
        assert not store._removal._step(1)
    assert 0 < rows(database, 1)["metric_log"] < 10
    assert store.points(1).total == 0
    assert store.heads([1]) == {}

    SqlStore(database).sweep()
    assert set(rows(database, 1).values()) == {0}
    assert state(database, 1) == tables.DELETED
    with pytest.raises(RunDeleted):
        log(store, 1, column("m0", [1]))


def test_another_process_learns_at_once_that_a_run_is_deleted(database, store):
    other = SqlStore(database)
    log(other, 1, column("m0", [1]))
    store.delete([1])
    with pytest.raises(RunDeleted):
        log(other, 1, column("m0", [1]))
    store.resume(1)
    assert state(database, 1) == tables.DELETED


def test_finishing_moves_the_summaries_into_the_indexes_by_value(database, store):
    def live(run):
        c = tables.metric_series.c
        with database.reading() as connection:
            return set(connection.scalars(select(c.live).where(c.run_no == run)))

    assert live(1) == {1}
    store.finish(1)
    log(store, 1, column("m0", [1]), column("late", [2]))
    assert live(1) == {0}
    assert live(2) == {1}
    store.resume(1)
    assert live(1) == {1}
    store.finish(7)
    log(store, 7, column("m0", [1]))
    assert live(7) == {0}
