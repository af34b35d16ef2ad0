"""Charts out of the tree hide nothing: every point is in a bucket, and few of them are read for it."""

from unittest.mock import patch

import numpy as np
import pytest

from aimanager.store import SqlStore, tables
from aimanager.store.chunks import layout
from aimanager.store.chunks.frame import Line
from aimanager.store.read import zoom
from aimanager.store.read.reader import NOTHING
from tests.store.envelope import chart as exact_chart
from tests.store.factories import column, log, open_database
from tests.store.test_invariants import assert_no_faults, count
from tests.store.test_machine import assert_chart_hides_nothing


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    yield database
    database.engine.dispose()


STEPS = {
    "counting": lambda rng, n: np.arange(n),
    "repeated": lambda rng, n: np.arange(n) // 7,
    "all the same": lambda rng, n: np.zeros(n, np.int64),
    "huge": lambda rng, n: np.sort(rng.integers(-(2**63), 2**63 - 1, n)),
    "decreasing": lambda rng, n: np.arange(n)[::-1].copy(),
    "begun again": lambda rng, n: np.append(np.arange(n // 2), np.arange(n - n // 2)),
}


@pytest.mark.parametrize("steps", STEPS)
def test_every_point_lies_in_a_bucket_that_hides_nothing(database, steps):
    rng, n = np.random.default_rng(5), 60_000
    store, values = SqlStore(database), rng.normal(size=n)
    values[rng.integers(n, size=9)] = [np.nan, np.inf, -np.inf] * 3
    values[30_000], axis = 1e9, STEPS[steps](rng, n)
    times = 10**15 + np.cumsum(rng.integers(0, 10**5, n))
    for start in range(0, n - 500, 9000):
        part = slice(start, min(start + 9000, n - 500))
        log(store, 1, column("loss", values[part], axis[part], times[part]))
    log(store, 1, column("loss", values[n - 500 :], axis[n - 500 :], times[n - 500 :]))
    assert count(database, tables.metric_log) == 1
    line = Line(np.arange(1, n + 1), axis, times, values)
    for x in ("step", "time", "relative"):
        every = exact_chart("loss", line, x, n, None, None, int(times[0]))
        for points, first, last in (
            (1, 0, n - 1),
            (50, 0, n - 1),
            (40, n // 3, n // 2),
            (300, 7, 5000),
            (2000, 0, n - 1),
        ):
            lo, hi = sorted((int(every.x[first]), int(every.x[last])))
            exact = exact_chart("loss", line, x, n, lo, hi, int(times[0]))
            for read in (0, 128):
                with patch.object(zoom, "READ", read):
                    (chart,) = store.chart(1, ["loss"], points, x, lo, hi)
                assert_chart_hides_nothing(chart, exact, points)


def test_a_chart_of_many_points_reads_few_of_them(database, monkeypatch):
    store, n = SqlStore(database), 300_000
    log(store, 1, column("loss", np.sin(np.arange(n)), np.arange(n)))
    read = []
    monkeypatch.setattr(zoom.Reader, "decoded", lambda self, metric, places, keep=False: read.extend(places) or NOTHING)
    (chart,) = store.chart(1, ["loss"], 500)
    assert (chart.total, read) == (n, [])
    assert 400 <= len(chart.x) <= 500
    monkeypatch.undo()


def test_rollups_draw_what_their_chunks_would(database, monkeypatch):
    for name, size in {"CHUNK": 64, "NODE": 8, "ROLLUP": 8}.items():
        monkeypatch.setattr(layout, name, size)
    monkeypatch.setattr(zoom, "READ", 0)
    store, values = SqlStore(database), np.sin(np.arange(6000) / 100)
    values[::997] = np.nan
    log(store, 1, column("loss", values, np.arange(6000), np.arange(6000) * 10))
    drawn = [store.chart(1, ["loss"], points, x)[0] for points in (5, 40) for x in ("step", "time")]
    store.upkeep.sealer.roll_up(1)
    assert count(database, tables.metric_rollup) == 10
    again = [store.chart(1, ["loss"], points, x)[0] for points in (5, 40) for x in ("step", "time")]
    for one, other in zip(drawn, again, strict=True):
        for name in ("x", "min", "max", "last", "counts", "bad_x", "bad_values", "steps", "times"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert_no_faults(database)


def test_a_chart_by_time_has_the_steps_of_the_last_points_though_steps_go_back(database):
    store, rows = SqlStore(database), 20_000
    steps = np.arange(rows)[::-1]
    log(store, 1, column("loss", np.arange(rows), steps=steps, times=np.arange(rows) * 1000))
    (chart,) = store.chart(1, ["loss"], 3, "time")
    assert not chart.exact
    assert chart.steps.tolist() == [steps[last] for last in (np.cumsum(chart.counts) - 1).tolist()]
