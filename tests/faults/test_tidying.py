"""Sealing among all the others: two processes seal one run while it is written and read, PostgreSQL restarts in the
middle of it, and readers over HTTP see a prefix all the time."""

import itertools
import signal
import subprocess
import sys
import threading

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from aimanager.store import SqlStore, StoreUnavailable, tables
from aimanager.store.chunks import layout
from aimanager.store.upkeep import doctor, merge
from tests.faults.scripts import NO_LIMITS, Account
from tests.store.factories import column, listed, log, open_database
from tests.store.killed import WORK, Told
from tests.waiting import pace, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def small(monkeypatch):
    for name, size in {"CHUNK": 64, "NODE": 16, "ROLLUP": 2, "LARGE": 40}.items():
        monkeypatch.setattr(layout, name, size)
    monkeypatch.setattr(merge, "_MANY", 2)


class Threads:
    """Works that are done over and over until they are stopped; the first error is raised at the end."""

    def __init__(self):
        self.stop, self.errors, self.threads = threading.Event(), [], []

    def start(self, *works):
        for work in works:
            self.threads.append(threading.Thread(target=self._run, args=(work,)))
            self.threads[-1].start()

    def _run(self, work):
        try:
            while not self.stop.is_set():
                work()
        except BaseException as error:
            self.errors.append(error)
            self.stop.set()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        if self.errors:
            raise self.errors[0]


@pytest.fixture
def threads():
    threads = Threads()
    yield threads
    threads.stop.set()
    for thread in threads.threads:
        thread.join()


def rows_of(seq):
    return 40 if seq % 10 == 0 else 3


def assert_all(store, last):
    for name in ("a", "b"):
        expected = [seq for seq in range(1, last + 1) for _ in range(rows_of(seq))]
        assert store.series(1, name).values.tolist() == expected
    assert [point_id for point_id, *_ in listed(store, 1, limit=10**9)] == list(range(1, 2 * len(expected) + 1))
    assert not list(doctor.check(store._database))


TIDY = """
import sys
from aimanager.store import SqlStore
from aimanager.store.chunks import layout
from aimanager.store.upkeep import merge
from tests.store.factories import open_database
from tests.waiting import pace
merge._MANY = 2
layout.CHUNK, layout.NODE, layout.ROLLUP, layout.LARGE = 64, 16, 2, 40
database = open_database(sys.argv[1], create=False)
sealer = SqlStore(database).upkeep.sealer
print("ready", flush=True)
while True:
    sealer.tidy(1)
    pace(0.002)
"""


def test_two_processes_seal_one_run_beside_writers_and_readers(database_url, small, threads):
    database = open_database(database_url)
    store = SqlStore(database)
    stored, seen = [0], [0]
    log(store, 1, column("a", [1] * 3), column("b", [1] * 3), writer="w", seq=1)
    stored[0] = 1

    def write():
        seq = stored[0] + 1
        log(store, 1, *(column(name, [seq] * rows_of(seq)) for name in ("a", "b")), writer="w", seq=seq)
        stored[0] = seq

    def read():
        promised, points = stored[0], store.points(1, limit=10**6)
        assert points.ids.tolist() == list(range(1, points.total + 1))
        assert points.total >= seen[0]
        assert points.values.max() >= promised
        assert store.chart(1, ["a"], 20)[0].total * 2 >= points.total
        seen[0] = points.total

    command = [sys.executable, "-c", TIDY, database_url]
    sealers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        assert [sealer.stdout.readline() for sealer in sealers] == ["ready\n"] * 2
        threads.start(write, read)
        wait_until(lambda: threads.errors or stored[0] >= 400, 120)
        threads.end()
        assert [sealer.poll() for sealer in sealers] == [None, None], sealers[0].stderr.read()
    finally:
        for sealer in sealers:
            sealer.kill()
            sealer.communicate()
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.metric_axis)) > 0
    assert_all(store, stored[0])
    database.engine.dispose()


@pytest.mark.postgres
def test_a_crash_of_postgres_in_the_middle_of_sealing_loses_nothing(durable_postgres, small, threads):
    database = open_database(durable_postgres.make_database())
    store, told = SqlStore(database), bytearray(1)
    telling = Told(database, told)
    sealer, stored, failed = SqlStore(telling).upkeep.sealer, [0], []

    def write():
        seq = stored[0] + 1
        try:
            log(store, 1, *(column(name, [seq] * rows_of(seq)) for name in ("a", "b")), writer="w", seq=seq)
            stored[0] = seq
        except (StoreUnavailable, DBAPIError):
            pace(0.02)

    def tidy():
        try:
            telling.work = "seal"
            sealer.seal(1)
            telling.work = "merge"
            sealer.merge(1)
            pace(0.002)
        except DBAPIError as error:
            failed.append(error)
            pace(0.02)

    threads.start(write, tidy)
    for work in ("seal", "merge", "seal"):
        before = stored[0]
        wait_until(lambda before=before: threads.errors or stored[0] > before + 20, 60)
        wait_until(lambda work=work: threads.errors or told[0] == WORK.index(work), 60, every=0)
        durable_postgres.process.send_signal(signal.SIGQUIT)  # As `pg_ctl stop -m immediate`.
        durable_postgres.process.wait(10)
        durable_postgres.start()
    before = stored[0]
    wait_until(lambda: threads.errors or stored[0] > before + 20, 60)
    threads.end()
    assert failed
    while sealer.seal(1):
        pass
    assert_all(store, stored[0])
    database.engine.dispose()


def test_readers_over_http_see_a_prefix_while_the_server_seals(durable_server, threads):
    server = durable_server(workers=2, **NO_LIMITS)
    alice = Account(server.url)
    run, sent, numbers = alice.run(), [0], itertools.count(1)

    def write():
        # 250 rows of two metrics: enough for the log to be sealed every few requests, too few to skip it.
        values = [float(sent[0] + place) for place in range(250)]
        series = {name: {"values": values} for name in ("a", "b")}
        alice.must("POST", f"/metrics/{run}/bulk", {"client": "c", "seq": next(numbers), "series": series})
        sent[0] += 250

    def read():
        promised = sent[0]
        points = alice.must("GET", f"/metrics/{run}?limit=50000")
        assert [point["id"] for point in points] == list(range(1, len(points) + 1))
        assert len(points) >= 2 * promised
        for name in ("a", "b"):
            promised, values = sent[0], alice.values(run, name)
            assert len(values) >= promised
            assert values == [float(value) for value in range(len(values))]
            promised = sent[0]
            chart = alice.must("GET", f"/metrics/{run}/chart?name={name}&points=50")
            assert promised <= chart["total_points"] <= sent[0] + 250
            assert max(chart["max"]) == chart["total_points"] - 1

    write()
    threads.start(write, read, read)
    wait_until(lambda: threads.errors or sent[0] >= 20_000, 120)
    threads.end()
    # What the server did meanwhile is in its database.
    url = str(server.settings.get("database_url", f"sqlite:///{server.data_dir / 'aimanager.db'}"))
    database = open_database(url, create=False)
    with database.reading() as connection:
        sealed = connection.scalar(select(func.sum(tables.metric_axis.c.rows)))
    assert sealed
    assert not list(doctor.check(database))
    database.engine.dispose()
