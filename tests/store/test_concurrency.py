"""Many threads and several processes on one database: nothing is lost, doubled or seen half."""

import multiprocessing
import os
import threading

import numpy as np
import pytest

from aimanager.store import SqlStore
from tests.store.factories import column, listed, log, open_database
from tests.store.memory import MemoryStore


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    yield database
    database.engine.dispose()


def at_once(*works):
    """Run functions in threads that start together; raise what one of them raised."""
    start, errors = threading.Barrier(len(works)), []

    def run(work):
        try:
            start.wait()
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def writer(store, run, mark, requests, receipts):
    """Send requests of two metrics; each value says who sent it and when."""

    def work():
        for i in range(requests):
            value = [mark * 1000 + i]
            receipts.append(log(store, run, column("a", value), column("b", value), writer=f"w{mark}", seq=i + 1))

    return work


def assert_complete(store, run, writers, requests):
    """Each request is there once, its two points side by side, each writer's in its order."""
    series = {name: store.series(run, name) for name in ("a", "b")}
    assert sorted(series["a"].ids.tolist() + series["b"].ids.tolist()) == list(range(1, writers * requests * 2 + 1))
    a, b = (one.values[np.argsort(one.ids)] for one in series.values())
    assert a.tolist() == b.tolist()
    for mark in range(writers):
        assert [v % 1000 for v in a if v // 1000 == mark] == list(range(requests))
    summary = store.summaries([run], ["a"])[run][0]
    assert (summary.count, summary.mean) == (writers * requests, a.sum() / len(a))
    assert series["a"].steps[np.argsort(series["a"].ids)].tolist() == list(range(writers * requests))


@pytest.mark.parametrize("engines", [1, 2])
def test_sixteen_threads_on_one_run(database, database_url, engines):
    # A second engine on the same database is what a second process has: its own memory of the run.
    databases = [database, *(open_database(database_url, create=False) for _ in range(engines - 1))]
    stores = [SqlStore(one) for one in databases]
    receipts = []
    at_once(*(writer(stores[mark % engines], 1, mark, 25, receipts) for mark in range(16)))
    assert_complete(stores[0], 1, 16, 25)
    assert sorted(receipt.first_id for receipt in receipts) == list(range(1, 801, 2))
    for one in databases[1:]:
        one.engine.dispose()


def test_threads_on_many_runs_with_new_metrics(database):
    store = SqlStore(database)

    def work(run):
        return lambda: [log(store, run, column(f"m{i}", [i]), column("b", [i])) for i in range(20)]

    at_once(*(work(run) for run in range(1, 9)))
    for run in range(1, 9):
        assert [point_id for point_id, *_ in listed(store, run)] == list(range(1, 41))
        assert len(store.summaries([run])[run]) == 21


def test_copies_of_one_request_are_stored_once(database):
    store, receipts = SqlStore(database), []
    at_once(*[lambda: receipts.append(log(store, 1, column("a", [1, 2]), writer="w", seq=1))] * 8)
    assert [receipt.repeated for receipt in receipts].count(False) == 1
    assert {(receipt.first_id, receipt.last_id) for receipt in receipts} == {(1, 2)}
    assert store.points(1).total == 2


@pytest.mark.slow
def test_readers_beside_writers_see_a_prefix(database):
    store, stop = SqlStore(database), threading.Event()
    log(store, 1, column("a", [0]), column("b", [0]))

    def write():
        try:
            for i in range(1, 150):
                log(store, 1, column("a", [i] * (i % 4 + 1)), column("b", [i] * (i % 4 + 1)))
        finally:
            stop.set()

    def read():
        before = 0
        while not stop.is_set():
            points = store.points(1, limit=10**6)
            assert points.ids.tolist() == list(range(1, points.total + 1))
            assert points.total % 2 == 0
            assert points.total >= before
            before = points.total
            summary = store.summaries([1], ["a"])[1][0]
            assert summary.count * 2 >= before

    def follow():
        last_id, seen = 0, []
        while not stop.is_set() or last_id < store.heads([1])[1].last_id:
            tail = store.since(1, last_id, limit=7)
            seen += sorted(point_id for series in tail.series for point_id in series.ids.tolist())
            last_id = tail.last_id
        assert seen == list(range(1, last_id + 1))

    at_once(write, read, follow)


def test_a_forked_child_writes_on(database_url, database_kind):
    if database_kind != "sqlite":
        pytest.skip("a connection to a server is not to be shared with a child")
    database = open_database(database_url)
    store = SqlStore(database)
    log(store, 1, column("a", [1]))
    # As if a thread of the parent were in the middle of a commit when the fork comes.
    store._ingest._group._busy = True

    def child():
        database.engine.dispose(close=False)
        os._exit(0 if log(store, 1, column("a", [2])).last_id == 2 else 1)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(20)
    if process.is_alive():
        process.kill()
    assert process.exitcode == 0
    store._ingest._group._busy = False
    assert log(store, 1, column("a", [3])).last_id == 3
    database.engine.dispose()


def test_the_reference_is_safe_in_threads_too():
    store, receipts = MemoryStore(), []
    at_once(*(writer(store, 1, mark, 10, receipts) for mark in range(4)))
    assert_complete(store, 1, 4, 10)
