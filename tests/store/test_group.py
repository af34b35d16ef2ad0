"""Charts of groups of runs are what the oracle works out, in whatever form the points are, and hide no spike."""

import math
from dataclasses import fields

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from aimanager.store import DamagedPoints, SqlStore, tables
from aimanager.store.chunks import layout
from aimanager.store.read import group
from tests.store import spread
from tests.store.factories import column, log, open_database
from tests.store.memory import MemoryStore

EXACT = ("name", "axis", "method", "runs", "total", "every_place", "last_ids")
SAME = ("start", "count", "min", "max")


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    yield database
    database.engine.dispose()


def assert_same(drawn, expected):
    for name in EXACT:
        assert getattr(drawn, name) == getattr(expected, name), name
    marks = [sorted(zip(one.bad_x.tolist(), map(str, one.bad_values), strict=True)) for one in (drawn, expected)]
    assert marks[0] == marks[1]
    # A value between two points is rounded in one place or the other.
    tight = {"rtol": 1e-12, "atol": 1e-12 * np.nanmax(np.abs([*expected.min, *expected.max, 1]))}
    for name in SAME:
        np.testing.assert_allclose(getattr(drawn, name), getattr(expected, name), err_msg=name, **tight)
    np.testing.assert_allclose(drawn.x, expected.x, rtol=1e-12, atol=1e-9, err_msg="x")
    loose = {"rtol": 1e-9, "atol": 1e-7 * tight["atol"] / 1e-12}
    for name in ("mean", "deviation"):
        np.testing.assert_allclose(getattr(drawn, name), getattr(expected, name), err_msg=name, **loose)


values = st.floats(-1e6, 1e6) | st.sampled_from([np.nan, np.inf, -np.inf])
grids = st.lists(st.integers(0, 60), min_size=1, max_size=40, unique=True).map(sorted)
bound = st.none() | st.integers(-5, 65) | st.floats(-5, 65)


@st.composite
def groups(draw):
    """Lines of runs: parts of one grid, or grids of their own, some with several points of one step."""
    grid, lines = draw(grids), {}
    for run in range(1, draw(st.integers(1, 6)) + 1):
        own = draw(grids) if draw(st.integers(0, 3)) == 0 else grid
        first = draw(st.integers(0, len(own) - 1))
        part = own[first : draw(st.integers(first + 1, len(own)))]
        if draw(st.integers(0, 3)) == 0:
            part = sorted(part + draw(st.lists(st.sampled_from(part), max_size=3)))
        x = np.array(part, np.int64)
        lines[run] = x, np.array(draw(st.lists(values, min_size=len(x), max_size=len(x))), np.float64)
    return lines


@given(groups(), st.integers(1, 50), bound, bound)
def test_a_groups_chart_is_what_the_oracle_says(lines, points, lo, hi):
    low, high = group.zoom.bounds(lo, hi, 0)
    drawn = group.draw("loss", "step", lines, points, low, high)
    points_of = {run: list(zip(x.tolist(), y.tolist(), strict=True)) for run, (x, y) in lines.items()}
    assert_same(drawn, spread.chart("loss", points_of, "step", points, lo, hi))


FORMS = {
    "one grid": lambda run, n: np.arange(n),
    "of different lengths": lambda run, n: np.arange(n - 17 * run),
    "that overlap": lambda run, n: np.arange(n - 40) + 10 * run,
    "every so often": lambda run, n: np.arange(n)[:: run + 1],
    "begun again": lambda run, n: np.append(np.arange(n // 2), np.arange(n // 3, n)),
    "backwards": lambda run, n: np.arange(n)[::-1].copy(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("x", ["step", "time", "relative"])
def test_the_form_in_which_points_are_stored_changes_nothing(database, form, x, monkeypatch):
    for name, size in {"CHUNK": 64, "NODE": 8, "ROLLUP": 8, "LARGE": 100}.items():
        monkeypatch.setattr(layout, name, size)
    monkeypatch.setattr("aimanager.store.read.courses.AT_ONCE", 500)
    random = np.random.default_rng(3)
    store, model = SqlStore(database), MemoryStore()
    for run in range(1, 7):
        steps = FORMS[form](run, 400)
        y = random.normal(size=len(steps)) + 1e9
        y[random.integers(len(y), size=3)] = np.nan, np.inf, -np.inf
        times = 10**15 + 10**6 * run + 1000 * np.arange(len(steps))
        parts = [0, 150, 200, 230, len(steps)] if run % 2 else [0, len(steps)]
        for start, end in zip(parts, parts[1:], strict=False):
            for each in (store, model):
                log(each, run, column("loss", y[start:end], steps[start:end], times[start:end]), column("other", [1]))
            if start == 150:
                store.tidy()
    store.finish(2)
    store.tidy()
    several = [1, 2, 3, 4, 5, 6, 99]
    first = model.group_chart(several, "loss", 1000, x).start
    lo, hi = int(first[len(first) // 3]), int(first[len(first) // 2])
    for points, bounds in ((1000, ()), (30, ()), (7, (lo, hi)), (300, (lo, hi)), (10, (hi, lo)), (10, (None, lo))):
        chart = store.group_chart(several, "loss", points, x, *bounds)
        assert_same(chart, model.group_chart(several, "loss", points, x, *bounds))


@pytest.mark.parametrize("form", FORMS)
def test_charts_of_many_runs_are_those_of_each(database, form, monkeypatch):
    monkeypatch.setattr(layout, "CHUNK", 64)
    store, random = SqlStore(database), np.random.default_rng(3)
    for run in range(1, 7):
        steps = FORMS[form](run, 400)
        for part in (slice(0, 40), slice(40, None)):
            y = random.normal(size=len(steps[part]))
            y[7] = np.nan
            log(store, run, column("loss", y, steps[part]), column("other", y, steps[part]), column("third", [run]))
            if part.stop:
                store.tidy()
    log(store, 7, column("long", random.normal(size=5000)), column("loss", [1]))
    monkeypatch.setattr("aimanager.store.sql._AT_ONCE", 1000)
    runs, names = [3, 1, 2, 4, 5, 6, 7, 99], ["other", "long", "loss", "missing"]
    for points in (10, 1000):
        for x, lo, hi in (("step", None, None), ("time", None, None), ("relative", 0, 10**9), ("step", 50, 130)):
            charts = store.charts(runs, names, points, x, lo, hi)
            for run in runs:
                for one, other in zip(charts[run], store.chart(run, names, points, x, lo, hi), strict=True):
                    for field in fields(one):
                        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_a_group_without_the_metric_has_no_chart(database):
    store = SqlStore(database)
    log(store, 1, column("loss", [1.0]))
    assert store.group_chart([1], "other") is None
    assert store.group_chart([2, 3], "loss") is None
    assert store.group_chart([], "loss") is None
    store.delete([1])
    assert store.group_chart([1], "loss") is None


def test_a_deleted_run_is_not_in_the_mean(database):
    store = SqlStore(database)
    for run in (1, 2, 3):
        log(store, run, column("loss", [run, run]))
    store.delete([3])
    chart = store.group_chart([1, 2, 3], "loss")
    assert (chart.runs, chart.mean.tolist(), chart.count.tolist()) == (2, [1.5, 1.5], [2, 2])


def test_the_deviation_does_not_shrink_when_steps_share_a_column():
    random = np.random.default_rng(1)
    lines = {run: (np.arange(10_000), random.normal(size=10_000)) for run in range(20)}
    for points in (10, 100, 10_000):
        assert 0.9 < group.draw("loss", "step", lines, points).deviation.mean() < 1.1


@pytest.mark.parametrize("first", [0.0, 1e6, -1e12, 1e30])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_line_far_from_the_others_costs_no_digits(first, threads, monkeypatch):
    monkeypatch.setattr(group, "THREADS", threads)
    rows = np.random.default_rng(5).normal(size=(40, 100)) + 3
    rows[0] = first
    drawn = group.draw("loss", "step", {run: (np.arange(100), row) for run, row in enumerate(rows)}, 100)
    np.testing.assert_allclose(drawn.mean, [math.fsum(column) / 40 for column in rows.T], rtol=1e-12)
    np.testing.assert_allclose(drawn.deviation, rows.std(axis=0, ddof=1), rtol=1e-12)


def test_twenty_spikes_of_twenty_runs_are_in_the_range():
    random = np.random.default_rng(2)
    for period in (1, 3):
        lines, spikes = {}, []
        for run in range(20):
            x, y = np.arange(0, 50_000, period if run % 2 else 1), random.normal(size=50_000)
            at = int(random.integers(len(x)))
            y[at] = 100.0 + run
            spikes.append((int(x[at]), 100.0 + run))
            lines[run] = x, y[: len(x)]
        drawn = group.draw("loss", "step", lines, 600)
        ends = np.append(drawn.start[1:], 50_000)
        for x, height in spikes:
            near = np.flatnonzero((ends >= x) & (drawn.start <= x + 50_000 // 500))
            assert drawn.max[near].max() >= height


def test_a_group_of_very_many_points_is_thinned_and_says_so(database):
    store, random = SqlStore(database), np.random.default_rng(4)
    for run in (1, 2, 3):
        y = np.sin(np.arange(30_000) / 2000) + run + 0.01 * random.normal(size=30_000)
        y[9_000 * run] = 50 + run
        log(store, run, column("loss", y, np.arange(30_000)))
    whole = store.group_chart([1, 2, 3], "loss", 300)
    thinned = store.group_chart([1, 2, 3], "loss", 300, most=50_000)
    assert (whole.method, thinned.method, thinned.total) == ("exact", "thinned", 90_000)
    assert np.median(np.abs(np.interp(whole.x, thinned.x, thinned.mean) - whole.mean)) < 0.01
    assert sorted(thinned.max)[-3:] == [51, 52, 53]


def test_damaged_points_of_a_run_are_an_error_that_names_it(database):
    store = SqlStore(database)
    for run in (1, 2):
        log(store, run, column("loss", np.arange(2000.0) ** 0.5))
        store.finish(run)
    store.tidy()
    with database.writing() as connection:
        connection.execute(tables.metric_cdata.delete().where(tables.metric_cdata.c.run_no == 2))
    with pytest.raises(DamagedPoints, match=r"run 2, metric 'loss'"):
        store.group_chart([1, 2], "loss")
