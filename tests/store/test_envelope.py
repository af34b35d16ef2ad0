"""A chart hides no spike, whatever the steps and the values are: neither ours, out of points or nodes, nor the oracle's."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from aimanager.store.chunks.frame import Line
from aimanager.store.read import nodes, zoom
from tests.store import envelope

LEAST, LARGEST = -(2**63), 2**63 - 1
steps = st.integers(-20, 20) | st.integers(LEAST, LARGEST)
values = st.floats(width=64)
lines = st.lists(st.tuples(steps, st.integers(0, 10**6), values), max_size=200)


def by_points(name, line, axis, points, lo, hi, origin):
    """As a chart is drawn of points that have all been read."""
    column, origin = "step" if axis == "step" else "ts", origin if axis == "relative" else 0
    line, x = zoom.within(line, column, *zoom.bounds(lo, hi, origin))
    return nodes.draw_points(name, axis, line, x, points, origin)


def by_nodes(name, line, axis, points, lo, hi, origin):
    """As it is drawn where some are known by nodes only; a chart that is exact is always drawn by its points."""
    column, origin_of_x = "step" if axis == "step" else "ts", origin if axis == "relative" else 0
    inside, x = zoom.within(line, column, *zoom.bounds(lo, hi, origin_of_x))
    if len(x) <= points:
        return by_points(name, line, axis, points, lo, hi, origin)
    halves = [nodes.of_points(inside.take(half), x[half]) for half in (slice(1, None, 2), slice(0, None, 2))]
    return nodes.draw(name, axis, nodes.in_order(halves), points, origin_of_x)


each = pytest.mark.parametrize("chart", [by_points, by_nodes, envelope.chart])


def line_of(points) -> Line:
    """A line by time out of (step, time, value)."""
    points = sorted(points, key=lambda point: point[1])
    step, time, value = ([point[i] for point in points] for i in range(3))
    ids = np.arange(1, len(points) + 1)
    return Line(ids, np.array(step, np.int64), np.array(time, np.int64), np.array(value, np.float64))


def draw(chart, points, count=10, axis="step", lo=None, hi=None, origin=0):
    return chart("loss", line_of(points), axis, count, lo, hi, origin)


@each
@given(lines, st.integers(1, 30), st.sampled_from(["step", "time", "relative"]))
def test_every_bucket_is_exact(chart, points, count, axis):
    line = line_of(points)
    drawn = chart("loss", line, axis, count, None, None, 0)
    x = line.steps if axis == "step" else line.times
    order = np.argsort(x, kind="stable")
    x, line = x[order], line.take(order)

    assert len(drawn.x) <= count
    assert drawn.total == len(x) == drawn.counts.sum()
    assert drawn.exact == (len(x) <= count)
    ends = np.cumsum(drawn.counts)
    for bucket, end in enumerate(ends):
        inside = slice(end - drawn.counts[bucket], end)
        finite = line.values[inside][np.isfinite(line.values[inside])]
        assert (drawn.start[bucket], drawn.x[bucket]) == (x[inside][0], x[inside][-1])
        assert (drawn.steps[bucket], drawn.times[bucket]) == (line.steps[inside][-1], line.times[inside][-1])
        expected = [finite.min(), finite.max(), finite[-1]] if finite.size else [np.nan] * 3
        np.testing.assert_array_equal([drawn.min[bucket], drawn.max[bucket], drawn.last[bucket]], expected)
    if not drawn.exact:
        assert (drawn.start[1:] > drawn.x[:-1]).all()


@each
@given(lines, st.integers(1, 30))
def test_every_kind_of_value_that_is_not_finite_has_its_marks(chart, points, count):
    drawn = draw(chart, points, count)
    bad = [(step, value) for step, _, value in points if not np.isfinite(value)]
    kinds = {str(value) for _, value in bad}
    assert {str(value) for value in drawn.bad_values.tolist()} == kinds
    assert set(drawn.bad_x.tolist()) <= {step for step, _ in bad}
    assert len(drawn.bad_x) <= 3 * len(drawn.x)
    if drawn.exact:
        assert len(drawn.bad_x) == len(bad)


@each
@given(lines, steps | st.floats(allow_nan=False), steps | st.floats(allow_nan=False))
def test_a_range_holds_the_points_within_its_bounds(chart, points, lo, hi):
    drawn = draw(chart, points, 300, lo=lo, hi=hi)
    assert drawn.x.tolist() == sorted(step for step, *_ in points if lo <= step <= hi)


@each
def test_buckets_are_equal_shares_of_the_width(chart):
    drawn = draw(chart, [(step, step, float(step)) for step in range(1000)], 10)
    assert drawn.start.tolist() == list(range(0, 1000, 100))
    assert drawn.counts.tolist() == [100] * 10


@each
def test_a_spike_among_a_million_is_kept(chart):
    values = np.zeros(1_000_000)
    values[654_321] = 7.0
    steps = np.arange(1_000_000)
    drawn = chart("loss", Line(steps + 1, steps, steps, values), "step", 100, None, None, 0)
    assert drawn.max.max() == 7.0
    assert drawn.max[65] == 7.0


@each
@pytest.mark.parametrize("axis", ["step", "time", "relative"])
def test_a_line_from_one_end_of_the_integers_to_the_other_is_drawn(chart, axis):
    points = [(LEAST, LEAST, 1.0), (0, 0, 2.0), (LARGEST, LARGEST, 3.0)]
    drawn = draw(chart, points, 2, axis, origin=LEAST)
    assert drawn.total == 3
    assert (drawn.min.min(), drawn.max.max()) == (1.0, 3.0)
