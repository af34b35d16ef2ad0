"""When the log is sealed, what small axes come to, and what a failure in the middle leaves."""

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from aimanager.db import schema
from aimanager.store import SqlStore, tables
from aimanager.store.chunks import frame, layout
from aimanager.store.summary import RunningSummary
from aimanager.store.upkeep import merge
from aimanager.store.upkeep.recount import add_points
from aimanager.store.write.request import stream_row
from tests.store.factories import column, listed, log, open_database
from tests.store.test_failures import fail  # noqa: F401  # A fixture.
from tests.store.test_invariants import assert_no_faults, count


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    yield database
    database.engine.dispose()


def axes(database, run=1):
    c = tables.metric_axis.c
    with database.reading() as connection:
        return connection.execute(sa.select(c.axis_no, c.rows).where(c.run_no == run).order_by(c.id_lo)).all()


def test_a_tail_is_sealed_when_it_is_long_enough(database):
    store = SqlStore(database)
    for i in range(3):
        log(store, 1, column("a", range(300)), column("b", range(300)))
        log(store, 2, column("a", [i]))
    store.tidy()
    assert (count(database, tables.metric_log, 1), count(database, tables.metric_log, 2)) == (3, 3)
    log(store, 1, column("a", range(300)))
    store.tidy()
    assert (count(database, tables.metric_log, 1), count(database, tables.metric_log, 2)) == (0, 3)
    assert axes(database) == [(1, 900), (2, 300)]


@pytest.mark.slow
def test_a_tail_is_sealed_when_it_has_many_bytes(database):
    store = SqlStore(database)
    for i in range(35):
        log(store, 1, *(column(f"m{j}", [i]) for j in range(1000)))
    store.tidy()
    assert count(database, tables.metric_log) == 0
    assert_no_faults(database)


def test_a_tail_is_sealed_when_the_run_rests_or_ends(database):
    time = 10**15
    store = SqlStore(database, clock=lambda: time)
    for run in (1, 2, 3):
        log(store, run, column("a", [1]))
    store.finish(2)
    SqlStore(database, clock=lambda: time).tidy()
    assert [count(database, tables.metric_log, run) for run in (1, 2, 3)] == [1, 0, 1]
    SqlStore(database, clock=lambda: time + 61_000_000).tidy()
    assert [count(database, tables.metric_log, run) for run in (1, 2, 3)] == [0, 0, 0]


def test_a_call_is_answered_at_once(database):
    store = SqlStore(database)
    log(store, 1, column("a", [1]))
    store.finish(1)
    store.tidy(wait=60)
    assert count(database, tables.metric_log) == 0


def test_small_axes_become_full_ones_and_keep_their_order(database):
    store = SqlStore(database)
    for i in range(9):
        for part in range(4):
            log(store, 1, column("a", np.arange(275) + i * 1100 + part * 275))
        store.tidy()
    assert len(axes(database)) < 9
    store.finish(1)
    store.tidy()
    assert [rows for _, rows in axes(database)] == [4096, 4096, 1708]
    numbers = [number for number, _ in axes(database)]
    assert numbers == sorted(numbers)
    assert store.series(1, "a").values.tolist() == list(range(9900))
    assert_no_faults(database)


def test_many_small_seals_do_not_heap_up_on_a_slow_run(database):
    store = SqlStore(database)
    for i in range(40):
        log(store, 1, column("a", [i]), column("b", [i]))
        store.upkeep.sealer.tidy(1)
    assert len(axes(database)) <= 8
    assert_no_faults(database)


@pytest.mark.slow
@pytest.mark.parametrize("dies_at", ["upkeep.merge.Merge.run", "upkeep.roll_up.build"])
def test_what_a_killed_process_has_sealed_is_merged_by_the_next(database, monkeypatch, dies_at):
    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    store = SqlStore(database)
    for part in range(4):
        for i in range(300):
            log(store, 1, column("a", [part, i]))
        store.upkeep.sealer.seal(1)
        log(store, 2, column("a", range(600)))
    store.finish(1)
    store.finish(2)
    before = [listed(store, run, limit=10**6) for run in (1, 2)]
    with monkeypatch.context() as killed:
        killed.setattr(f"aimanager.store.{dies_at}", die)
        for run in (1, 2):
            with pytest.raises(Killed):
                store.upkeep.sealer.tidy(run)
    assert count(database, tables.metric_log) == 0

    another = SqlStore(database)
    assert another.upkeep.sealer.find() == [1, 2]
    another.tidy()
    assert [axes(database, run) for run in (1, 2)] == [[(1, 2400)], [(1, 2400)]]
    assert [listed(another, run, limit=10**6) for run in (1, 2)] == before
    assert another.upkeep.sealer.find() == []
    assert_no_faults(database)


def test_a_run_of_large_requests_is_merged_when_it_rests(database):
    time = 10**15
    store = SqlStore(database, clock=lambda: time)
    for _ in range(10):
        log(store, 1, column("a", range(600)))
    assert SqlStore(database, clock=lambda: time).upkeep.sealer.find() == []
    later = SqlStore(database, clock=lambda: time + 61_000_000)
    later.tidy()
    assert sum(rows for _, rows in axes(database)) == 6000
    assert len(axes(database)) < 10
    assert later.upkeep.sealer.find() == []
    assert_no_faults(database)


def test_a_large_request_skips_the_log(database):
    store = SqlStore(database)
    log(store, 1, column("a", range(600)), column("b", range(600)), column("c", [1, 2]))
    assert (count(database, tables.metric_log), axes(database)) == (1, [(1, 600)])
    log(store, 1, column("a", range(10_000)))
    assert [rows for _, rows in axes(database)] == [600, 4096, 4096, 1808]
    assert store.series(1, "a").steps.tolist() == list(range(10_600))
    assert_no_faults(database)


@pytest.mark.parametrize("statement", ["INSERT metric_cdata", "DELETE metric_log", "UPDATE metric_stream"])
def test_a_disk_that_is_full_in_the_middle_of_a_seal_changes_nothing(database, fail, statement):  # noqa: F811
    store = SqlStore(database)
    for i in range(30):
        log(store, 1, column("a", [i]))
    before = listed(store, 1)
    fail(statement)
    with pytest.raises(Exception, match="disk is full"):
        store.upkeep.sealer.seal(1)
    fail(None)
    assert (listed(store, 1), count(database, tables.metric_log), axes(database)) == (before, 30, [])
    store.upkeep.sealer.seal(1)
    assert (listed(store, 1), count(database, tables.metric_log), len(axes(database))) == (before, 0, 1)
    assert_no_faults(database)


def test_a_database_of_the_first_schema_keeps_every_point(database_url):
    database = open_database(database_url, create=False)
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    expected = old_rows(database)
    schema.upgrade(database)
    store = SqlStore(database)
    assert listed(store, 1, limit=10**6) == expected
    log(store, 1, column("a", [5]))
    now = listed(store, 1, limit=10**6)
    store.tidy()
    assert count(database, tables.metric_log) == 0
    assert listed(store, 1, limit=10**6) == now
    assert now[:-1] == expected
    assert_no_faults(database)
    database.engine.dispose()


def old_rows(database):
    """Two thousand requests as a server of the first schema wrote them; what it would have listed."""
    old = {"next_axis", "tail_rows", "tail_bytes"}
    rows = [
        {
            "run_no": 1,
            "id0": i + 1,
            "n": 1,
            "frame": frame.encode([frame.Block(1, [1], i, i, [np.float64(i).tobytes()])]),
        }
        for i in range(2000)
    ]
    stream = stream_row(1, 0) | {"next_id": 2001, "next_seq": 2001, "heard_at": 1, "first_ts": 0, "last_ts": 1999}
    with database.writing() as connection:
        connection.execute(tables.metric_name.insert(), [{"id": 1, "name": "a"}])
        connection.execute(tables.metric_log.insert(), rows)
        old_stream = {name: value for name, value in stream.items() if name not in old}
        names, places = ", ".join(old_stream), ", ".join(f":{name}" for name in old_stream)
        connection.execute(sa.text(f"INSERT INTO metric_stream ({names}) VALUES ({places})"), old_stream)
        standing = RunningSummary()
        add_points(
            standing, frame.Line(*(np.arange(2000) + first for first in (1, 0, 0)), np.arange(2000, dtype=float))
        )
        series = standing.row() | {"run_no": 1, "metric_id": 1, "project_id": 1, "live": 1}
        del series["crc"], series["vmean"]
        connection.execute(tables.metric_series.insert(), [series])
        if not database.is_sqlite:
            connection.execute(sa.text("SELECT setval('metric_name_id_seq', 1)"))
    return [(i + 1, "a", i, int(np.float64(i).view(np.int64)), i) for i in range(2000)]


def test_a_merge_gives_way_to_a_rollup_that_was_quicker(database, monkeypatch):
    for name, size in {"CHUNK": 64, "NODE": 16, "ROLLUP": 2, "LARGE": 1000}.items():
        monkeypatch.setattr(layout, name, size)
    store = SqlStore(database)
    for _ in range(8):
        log(store, 1, column("a", range(20)), column("b", range(20)))
        store.upkeep.sealer.seal(1)
    pack = merge.pack

    def roll_up_meanwhile(*some):
        store.upkeep.sealer.roll_up(1)
        return pack(*some)

    monkeypatch.setattr(merge, "pack", roll_up_meanwhile)
    before = listed(store, 1, limit=10**6)
    assert not store.upkeep.sealer.merge(1)
    assert len(axes(database)) == 8
    assert count(database, tables.metric_rollup) > 0
    monkeypatch.setattr(merge, "pack", pack)
    store.finish(1)
    store.tidy()
    assert listed(store, 1, limit=10**6) == before
    assert_no_faults(database)


def test_requests_that_leave_small_axes_between_full_ones_come_to_full_ones_in_the_end(database):
    store, rng = SqlStore(database), np.random.default_rng(5)
    for _ in range(10):
        log(store, 1, *(column(name, rng.normal(size=10_000)) for name in ("a", "b")))
    before = listed(store, 1, limit=10**6)
    store.upkeep.sealer.tidy(1)
    assert [rows for _, rows in axes(database)] == [4096, 4096, 1808] * 10
    store.finish(1)
    store.tidy()
    assert [rows for _, rows in axes(database)] == [4096] * 24 + [1696]
    assert listed(store, 1, limit=10**6) == before
    assert_no_faults(database)
