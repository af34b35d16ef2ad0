"""What holds at any time, whatever form the points are in: each sentence a test of its own."""

import threading

import numpy as np
import pytest
from sqlalchemy import delete, func, select

from aimanager.store import OutOfTurn, SqlStore, console, tables
from aimanager.store.chunks import layout
from aimanager.store.console_tables import console_stream
from aimanager.store.shapes import now
from aimanager.store.statements import Statements
from aimanager.store.upkeep import doctor
from aimanager.store.upkeep.removal import Removal
from aimanager.store.upkeep.seal import Sealer
from tests.store.factories import bits, column, listed, log, open_database
from tests.store.plain import NAMES, Plain


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    yield database
    database.engine.dispose()


def count(database, table, run=1):
    with database.reading() as connection:
        return connection.scalar(select(func.count()).where(table.c.run_no == run))


def assert_no_faults(database):
    assert [str(fault) for fault in doctor.check(database)] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_every_mix_of_operations_keeps_every_bit(database, seed):
    plain = Plain(database, seed=seed, ordered=seed > 0)
    for _ in range(25):
        plain.step()
    plain.check()
    plain.store.upkeep.sealer.tidy(1)
    plain.check()
    assert_no_faults(database)


def test_ids_count_up_in_order_of_arrival_through_seal_and_merge(database):
    plain = Plain(database)
    for _ in range(12):
        plain.few()
        plain.add(600)
        plain.store.upkeep.sealer.seal(1)
    before = listed(plain.store, 1, limit=10**9)
    plain.store.finish(1)
    plain.store.tidy()
    assert listed(plain.store, 1, limit=10**9) == before == plain.expected()
    assert sorted(point_id for point_id, *_ in before) == list(range(1, len(before) + 1))
    assert count(database, tables.metric_log) == 0


def test_a_replay_changes_nothing_and_a_gap_is_refused_across_seal_and_restart(database):
    plain = Plain(database)
    for rows in (1, 700):
        plain.add(rows)
        for change in (lambda: plain.store.upkeep.sealer.tidy(1), plain.reopen):
            change()
            plain.replay()
            with pytest.raises(OutOfTurn) as refused:
                log(plain.store, 1, column("loss", [1]), writer="w", seq=plain.seq + 2)
            assert refused.value.expected == plain.seq + 1
    plain.check()


def test_the_summary_is_that_of_the_points_after_every_step(database):
    plain = Plain(database, seed=3, ordered=False)
    for _ in range(15):
        plain.step()
        summaries = {one.name: one for one in plain.store.summaries([1])[1]}
        for name in NAMES:
            points = plain.expected(name)
            if points:
                point_id, _, step, last, time = max(points, key=lambda point: (point[2], point[0]))
                assert (summaries[name].count, summaries[name].last_id, summaries[name].last_step) == (
                    len(points),
                    point_id,
                    step,
                )
                assert (bits([summaries[name].last]), summaries[name].last_time) == ([last], time)
                values = np.array([point[3] for point in points], np.int64).view(np.float64)
                finite = values[np.isfinite(values)]
                assert (summaries[name].min, summaries[name].max) == (finite.min(), finite.max())
                assert summaries[name].bad == len(values) - len(finite)


@pytest.mark.slow
def test_a_reader_beside_sealers_mergers_and_writers_sees_a_prefix(database):
    store, stop, errors = SqlStore(database), threading.Event(), []
    log(store, 1, column("a", [0]), column("b", [0]))

    def guarded(work):
        def run():
            try:
                while not stop.is_set():
                    work()
            except BaseException as error:
                errors.append(error)
                stop.set()

        return threading.Thread(target=run)

    def write():
        for i in range(120):
            rows = 600 if i % 20 == 10 else i % 4 + 1
            log(store, 1, column("a", range(rows)), column("b", range(rows)))
            if stop.is_set():
                return
        stop.set()

    seen = {"total": 0, "last_id": 0}

    def read():
        points = store.points(1, limit=10**6)
        assert points.ids.tolist() == list(range(1, points.total + 1))
        assert points.total >= seen["total"]
        seen["total"] = points.total
        assert len(store.series(1, "a").ids) * 2 >= points.total
        assert store.chart(1, ["a"], 10)[0].total * 2 >= points.total

    def follow():
        tail = store.since(1, seen["last_id"], limit=500)
        ids = sorted(point_id for series in tail.series for point_id in series.ids.tolist())
        assert ids == list(range(seen["last_id"] + 1, tail.last_id + 1))
        seen["last_id"] = tail.last_id

    def seal():
        SqlStore(database).upkeep.sealer.tidy(1)

    threads = [guarded(work) for work in (write, read, follow, seal, seal)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    assert_no_faults(database)


@pytest.mark.parametrize("work", ["seal", "merge"])
def test_of_several_sealers_on_one_run_exactly_one_wins(database, monkeypatch, work):
    store = SqlStore(database)
    for i in range(50):
        log(store, 1, column("a", [i]))
        if work == "merge":
            store.upkeep.sealer.seal(1)
    before, barrier, tries = listed(store, 1), threading.Barrier(4), []

    def tidy():
        statements = Statements(database.engine.dialect)
        write = statements.write_packed
        monkeypatch.setattr(statements, "write_packed", lambda *args: (tries.append(1), write(*args)))

        class Waits:
            reading = database.reading

            def writing(self):
                barrier.wait(20)  # Everybody has read the same by now.
                return database.writing()

        sealer = Sealer(Waits(), statements, now)
        (sealer.seal if work == "seal" else sealer.merge)(1)

    threads = [threading.Thread(target=tidy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tries) == 1
    assert count(database, tables.metric_axis) == 1
    assert listed(store, 1) == before
    assert_no_faults(database)


def test_live_and_finished_runs_together_are_all_runs_in_order_of_a_value(database):
    store, rng, s = SqlStore(database), np.random.default_rng(1), tables.metric_series.c
    for run in range(1, 30):
        log(store, run, column("a", rng.integers(0, 5, 3) / 4))
        for turn in (store.finish, store.resume, store.finish)[: run % 4]:
            turn(run)
    with database.reading() as connection:
        rows = {
            live: connection.execute(
                select(s.last, s.run_no).where(s.project_id == 1, s.live == live).order_by(s.last, s.run_no)
            ).all()
            for live in (0, 1)
        }
        brute = connection.execute(select(s.last, s.run_no).where(s.project_id == 1)).all()
    assert {run for _, run in rows[1]} == {run for run in range(1, 30) if run % 4 in (0, 2)}
    assert sorted([*rows[0], *rows[1]]) == sorted(brute)


def test_an_interrupted_delete_that_is_resumed_leaves_no_row_in_any_table(database, monkeypatch):
    for name, size in {"CHUNK": 8, "NODE": 4, "ROLLUP": 4, "LARGE": 64}.items():
        monkeypatch.setattr(layout, name, size)
    store = SqlStore(database)
    for run in (1, 2):
        log(store, run, column("a", range(200)), column("b", range(200)), writer="w", seq=1)
        store.upkeep.sealer.tidy(run)
        log(store, run, column("a", [1]))
        line = console.Line(stream=0, rank=console.NO_RANK, time=1, text="a line")
        console.Console(database, most=1000).append(run, 1, console.Lines.of([(line, False)], "w", 1))
    before = {table.name: count(database, table, 2) for table in tables.OF_RUNS}
    assert min(before.values()) > 0
    store.delete([1])
    with database.writing() as connection:
        connection.execute(
            delete(console_stream).where(console_stream.c.run_no == 1)
        )  # It goes with the run's own row.
    removal = Removal(database, Statements(database.engine.dialect), rows=30)
    for _ in range(7):
        removal.step(1)
    assert not store.upkeep.sealer.seal(1)
    assert store.series(1, "a") is None
    SqlStore(database).sweep()
    assert [count(database, table) for table in tables.OF_RUNS] == [0] * len(tables.OF_RUNS)
    assert {table.name: count(database, table, 2) for table in tables.OF_RUNS} == before
    assert_no_faults(database)


@pytest.mark.slow
def test_both_engines_give_the_same_answers_to_the_same_operations(tmp_path, postgres_url):
    answers = []
    for url in (f"sqlite:///{tmp_path / 'same.db'}", postgres_url):
        database = open_database(url)
        plain = Plain(database, seed=11)
        for _ in range(15):
            plain.step()
        plain.store.upkeep.sealer.tidy(1)
        charts = plain.store.chart(1, NAMES, 37, "time")
        with database.reading() as connection:
            blobs = connection.execute(select(tables.metric_cdata).order_by("metric_id", "axis_no")).all()
        answers.append(
            (
                listed(plain.store, 1, limit=10**9),
                plain.store.summaries([1]),
                [
                    [np.asarray(getattr(chart, name)).tobytes() for name in ("x", "min", "max", "counts")]
                    for chart in charts
                ],
                [tuple(row) for row in blobs],
            )
        )
        database.engine.dispose()
    assert answers[0] == answers[1]


@pytest.mark.slow
def test_sets_of_metrics_that_vary_do_not_heap_up(database):
    store, rng, expected = SqlStore(database), np.random.default_rng(2), {}
    names = [f"m{i}" for i in range(200)]
    for part in range(4):
        for i in range(150):
            chosen = rng.choice(200, 5, replace=False)
            for m in chosen:
                expected.setdefault(names[m], []).append(float(part * 150 + i))
            log(store, 1, *(column(names[m], [part * 150 + i]) for m in chosen))
        store.upkeep.sealer.seal(1)
    store.finish(1)
    store.tidy()
    assert count(database, tables.metric_axis) == 200
    assert {name: store.series(1, name).values.tolist() for name in expected} == expected
    assert_no_faults(database)
