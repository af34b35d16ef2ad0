"""A deleted run leaves nothing behind but the mark that it is gone, also when the work was interrupted."""

import threading

import pytest
from sqlalchemy import event, func, select

from aimanager.store import RunDeleted, SqlStore, tables
from aimanager.store.statements import Statements
from aimanager.store.upkeep.removal import Removal
from tests.store.factories import column, log, open_database


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def store(database):
    store = SqlStore(database)
    for run in (1, 2):
        for i in range(10):
            log(store, run, *(column(f"m{j}", [i]) for j in range(5)), writer=f"w{i % 4}", seq=i // 4 + 1)
    return store


def rows(database, run):
    with database.reading() as connection:
        return {
            table.name: connection.scalar(select(func.count()).where(table.c.run_no == run)) for table in tables.OF_RUNS
        }


def state(database, run):
    with database.reading() as connection:
        return connection.scalar(select(tables.metric_stream.c.state).where(tables.metric_stream.c.run_no == run))


def test_no_row_is_left_and_other_runs_are_untouched(database, store):
    before = rows(database, 2)
    store.delete([1])
    store.sweep()
    assert set(rows(database, 1).values()) == {0}
    assert rows(database, 2) == before
    assert state(database, 1) == tables.DELETED
    assert store.points(2).total == 50


def test_an_interrupted_delete_is_hidden_and_ended_later(database, store):
    store.delete([1])
    removal = Removal(database, Statements(database.engine.dialect), rows=3)
    for _ in range(2):
        assert not removal.step(1)
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
    assert state(database, 1) == tables.DELETING


def statements_of(database, action):
    """How many statements an action asks of the database."""
    seen = []

    def count(*args):
        seen.append(args[2])

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        action()
    finally:
        event.remove(database.engine, "before_cursor_execute", count)
    return len(seen)


@pytest.mark.slow
@pytest.mark.parametrize("sealed", [False, True])
def test_a_delete_asks_no_more_of_the_database_for_a_thousand_metrics_than_for_one(database, sealed):
    store = SqlStore(database)
    log(store, 3, column("m", [1]))
    log(store, 4, *(column(f"m{i}", [1, 2]) for i in range(1000)))
    if sealed:
        for run in (3, 4):
            store.finish(run)
        store.tidy()
    one, thousand = (statements_of(database, lambda run=run: store.delete([run])) for run in (3, 4))
    assert thousand == one < 10
    assert store.summaries([3, 4]) == {3: [], 4: []}
    assert rows(database, 4)["metric_series"] == 1000
    # A metric is not a transaction of its own.
    assert statements_of(database, store.sweep) < 100
    assert set(rows(database, 4).values()) == {0}


def test_whoever_tidies_sweeps_what_another_process_deleted_and_is_woken_to_do_it(database, store):
    SqlStore(database).delete([1])
    store.tidy()
    assert set(rows(database, 1).values()) == {0}
    tidied = threading.Event()

    def tidy():
        store.tidy(wait=60)
        tidied.set()

    threading.Thread(target=tidy, daemon=True).start()
    store.delete([2])
    assert tidied.wait(30)
    assert set(rows(database, 2).values()) == {0}


def test_a_run_is_deleted_with_the_transaction_it_is_deleted_in(database, store):
    with database.writing() as connection:
        store.delete([1], connection)
        connection.rollback()
    assert store.points(1).total == 50
    with database.writing() as connection:
        store.delete([1], connection)
    assert store.points(1).total == 0


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
