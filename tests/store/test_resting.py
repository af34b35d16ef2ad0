"""Runs that get no points for half an hour leave the live part of the ranking, and come back with the next point."""

import pytest
from sqlalchemy import select

from aimanager.db import keyset
from aimanager.store import Rank, SqlStore
from aimanager.store.tables import FINISHED, LIVE, RESTING, metric_series, metric_stream
from aimanager.store.upkeep import doctor
from tests.store.factories import column, log, open_database

MINUTE = 60_000_000


class Clock:
    now = 1_700_000_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def store(database, clock):
    return SqlStore(database, clock)


def state(database, run):
    """Of the run's stream, and which of its series are live."""
    with database.reading() as connection:
        s = metric_series.c
        live = connection.scalars(select(s.live).where(s.run_no == run)).all()
        return connection.scalar(select(metric_stream.c.state).where(metric_stream.c.run_no == run)), *live


def ranked(store):
    with store._database.reading() as connection:
        return [place.run for place in keyset.first(store.order(connection, 1, Rank("loss")), [], None, 100)]


def test_a_silent_run_rests_and_its_next_point_wakes_it(store, database, clock):
    log(store, 1, column("loss", [3.0]), column("accuracy", [1.0]))
    log(store, 2, column("loss", [2.0]))
    clock.now += 20 * MINUTE
    log(store, 2, column("loss", [1.0]))
    clock.now += 11 * MINUTE
    store.tidy()
    assert (state(database, 1), state(database, 2)) == ((RESTING, 0, 0), (LIVE, 1))
    assert ranked(store) == [2, 1]
    log(store, 1, column("loss", [0.5]))
    assert state(database, 1) == (LIVE, 1, 1)
    assert ranked(store) == [1, 2]
    assert list(doctor.check(database)) == []


def test_another_process_wakes_a_run_that_one_put_to_rest(store, database, clock):
    log(store, 1, column("loss", [3.0]))
    other = SqlStore(database, clock)
    log(other, 1, column("loss", [2.0]))
    clock.now += 31 * MINUTE
    store.tidy()
    assert state(database, 1) == (RESTING, 0)
    log(other, 1, column("loss", [1.0]))
    assert state(database, 1) == (LIVE, 1)


def test_a_resting_run_is_finished_and_resumed_like_any_other(store, database, clock):
    log(store, 1, column("loss", [3.0]))
    clock.now += 31 * MINUTE
    store.tidy()
    store.finish(1)
    assert state(database, 1) == (FINISHED, 0)
    log(store, 1, column("loss", [2.0]))
    assert state(database, 1) == (FINISHED, 0)
    store.resume(1)
    assert state(database, 1) == (LIVE, 1)


@pytest.mark.slow
def test_more_runs_than_one_transaction_takes_all_rest(store, database, clock):
    for run in range(1, 121):
        log(store, run, column("loss", [float(run)]))
    clock.now += 31 * MINUTE
    store.tidy()
    assert {state(database, run) for run in range(1, 121)} == {(RESTING, 0)}
    assert ranked(store) == list(range(1, 101))
