"""A metric against another: joined by step, in the order of steps, and thinned without losing what is extreme."""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from aimanager.store import SqlStore
from aimanager.store.chunks.frame import Line
from aimanager.store.read import against
from tests.store.factories import column, log, open_database
from tests.store.memory import MemoryStore

FIELDS = (
    "axis", "total", "exact", "start", "x", "min", "max", "last", "steps", "times", "counts", "bad_x", "bad_values", "last_id",
)  # fmt: skip
values = st.floats(width=64) | st.integers(-5, 5).map(float)
columns = st.lists(st.tuples(st.integers(0, 25), values), min_size=1, max_size=40)
bound = st.none() | st.floats(-10, 10)


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    yield database
    database.engine.dispose()


def put(store, run, **lines):
    for name, points in lines.items():
        steps, logged = zip(*points, strict=True)
        log(store, run, column(name, logged, steps, 10**15 + np.arange(len(steps))))


def assert_hides_nothing(chart, every, points):
    """A thinned chart beside the one of all points."""
    assert (chart.total, chart.exact) == (every.total, every.total <= points)
    assert chart.counts.sum() == every.total
    assert len(chart.x) <= max(points, 5)
    if chart.exact:
        for field in FIELDS:
            if "bad" not in field:
                np.testing.assert_array_equal(getattr(chart, field), getattr(every, field), err_msg=field)
    marks = [set(map(str, one.bad_values.tolist())) for one in (chart, every)]
    assert marks[0] == marks[1]
    for extreme in (np.fmin, np.fmax):
        low_or_high = chart.min if extreme is np.fmin else chart.max
        if len(every.last):
            np.testing.assert_array_equal(extreme.reduce(low_or_high), extreme.reduce(every.last))
    turns_back = (np.diff(every.x) < 0).any()
    if turns_back and not chart.exact:
        points_of = set(zip(every.x.tolist(), every.last.tolist(), strict=True))
        shown = [point for point in zip(chart.x.tolist(), chart.last.tolist(), strict=True) if not np.isnan(point[1])]
        assert points_of.issuperset(shown)
        finite = ~np.isnan(every.last)
        assert not finite.any() or (chart.x.min(), chart.x.max()) == (every.x[finite].min(), every.x[finite].max())
    assert (np.diff(chart.steps) >= 0).all()


@given(columns, columns, st.integers(1, 30), bound, bound)
def test_what_is_drawn_against_a_metric_is_what_the_oracle_has(y, x, points, lo, hi):
    stores = MemoryStore(), MemoryStore()
    put(stores[0], 1, y=y, x=x)
    every = stores[0].chart_against(1, ["y"], "x", points, lo, hi)["y"]
    chart = drawn(stores[0], points, lo, hi)
    assert (chart is None) == (every is None)
    if chart is not None:
        assert_hides_nothing(chart, every, points)


def drawn(model, points, lo, hi):
    """By the part that the SQL store draws with."""
    series = [model.series(1, name) for name in ("y", "x")]
    lines = [Line(one.ids, one.steps, one.times, one.values) for one in series]
    chart = against.draw("y", "metric:x", *lines, points, lo, hi)
    return chart and replace(chart, last_id=model.heads([1])[1].last_id)


@pytest.mark.parametrize("x", ["grows", "turns back"])
def test_spikes_and_sharp_turns_stay(database, x):
    store, model, random = SqlStore(database), MemoryStore(), np.random.default_rng(5)
    steps = np.arange(8000)
    along = steps / 100.0 if x == "grows" else np.cumsum(random.normal(size=8000))
    y = random.normal(size=8000)
    spikes = 400 * np.arange(20) + random.integers(100, size=20)
    y[spikes] = 100.0 + np.arange(20)
    y[[150, 550, 950]] = np.nan, np.inf, -np.inf
    for each in (store, model):
        log(each, 1, column("x", along, steps, steps), column("y", y, steps, steps))
        log(each, 1, column("y", [0.5], [8000], [9000]))
    store.finish(1)
    store.tidy()
    chart = store.chart_against(1, ["y", "missing"], "x", 600)["y"]
    assert_hides_nothing(chart, model.chart_against(1, ["y"], "x", 600)["y"], 600)
    assert set(y[spikes].tolist()) <= set(chart.max.tolist())


def test_metrics_without_a_common_step_have_no_chart(database):
    store = SqlStore(database)
    log(store, 1, column("y", [1, 2], [0, 2]))
    log(store, 1, column("x", [1, 2], [1, 3]))
    assert store.chart_against(1, ["y", "x", "other"], "x").keys() == {"y", "x"}
    assert store.chart_against(1, ["y"], "x") == {"y": None}
    assert store.chart_against(1, ["y"], "other") == {"y": None}
    assert store.chart_against(2, ["y"], "x") == {}
