"""The oracle of charts of groups, worked out place by place and point by point; slow, and easily checked."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor, inf, isfinite, isnan, nan

import numpy as np

from aimanager.store.shapes import Axis, Bound, GroupChart
from tests.store.envelope import shares

PLACES = 4096
Points = list[tuple[int, float]]  # x and value, in the order of (x, time, id).


def chart(name: str, runs: Mapping[int, Points], axis: Axis, points: int, lo: Bound, hi: Bound) -> GroupChart:
    """A chart of runs that all have points."""
    low = -(2**63) if lo is None or lo == -inf else ceil(lo) if isfinite(lo) else 2**63
    high = 2**63 - 1 if hi is None or hi == inf else floor(hi) if isfinite(hi) else -(2**63) - 1
    runs = {run: _around(of_run, low, high) for run, of_run in runs.items()}
    steps = {run: sorted({x for x, _ in of_run}) for run, of_run in runs.items()}
    union = sorted({x for of_run in steps.values() for x in of_run})
    is_exact = all(of_run == [x for x in union if of_run[0] <= x <= of_run[-1]] for of_run in steps.values())
    places = [x for x in union if low <= x <= high]
    first, last = max(low, union[0]), min(high, union[-1])
    if not is_exact and first <= last:
        places = sorted({*places, first, last})
        if len(places) > PLACES:
            places = sorted({*shares(first, last, PLACES - 1).tolist(), last})
    inside = [(x, value) for of_run in runs.values() for x, value in of_run if low <= x <= high]
    columns = _columns(places, points)
    lines = {run: dict(of_run) for run, of_run in runs.items()}  # Of equal x the last.
    rows = [_column(column, lines, steps, is_exact) for column in columns]
    ends = [column[-1] for column in columns]
    ranges = [[] for _ in columns]
    marks: dict[tuple[int, str], tuple[int, float]] = {}
    for x, value in sorted(inside, key=lambda point: point[0]):
        column = next(i for i, end in enumerate(ends) if x <= end)
        if isfinite(value):
            ranges[column].append(value)
        else:
            marks[column, str(value)] = x, value
    if not is_exact:
        for of_column, row in zip(ranges, rows, strict=True):
            of_column += row["interpolated"]
    bad = sorted(marks.values(), key=lambda mark: mark[0])
    return GroupChart(
        name=name,
        axis=axis,
        method="exact" if is_exact else "interpolated",
        runs=len(runs),
        total=len(inside),
        start=np.array([column[0] for column in columns], np.int64),
        x=np.array([sum(column) / len(column) for column in columns], np.float64),
        mean=np.array([row["mean"] for row in rows], np.float64),
        deviation=np.array([row["deviation"] for row in rows], np.float64),
        min=np.array([min(values, default=nan) for values in ranges], np.float64),
        max=np.array([max(values, default=nan) for values in ranges], np.float64),
        count=np.array([row["count"] for row in rows], np.int64),
        bad_x=np.array([x for x, _ in bad], np.int64),
        bad_values=np.array([value for _, value in bad], np.float64),
        every_place=is_exact and len(places) <= points,
    )


def _around(of_run: Points, low: int, high: int) -> Points:
    """The points of a window and those at the last step before and the first step after it."""
    steps = sorted({x for x, _ in of_run})
    before, after = [x for x in steps if x < low][-1:], [x for x in steps if x > high and x >= low][:1]
    return [(x, value) for x, value in of_run if low <= x <= high or x in before or x in after]


def _columns(places: list[int], points: int) -> list[list[int]]:
    """The places by columns: equal shares of the width, or one each."""
    if len(places) <= points:
        return [[place] for place in places]
    edges = shares(places[0], places[-1], points).tolist()
    columns: dict[int, list[int]] = {}
    for place in places:
        columns.setdefault(sum(edge <= place for edge in edges), []).append(place)
    return list(columns.values())


def _column(places: list[int], lines: dict[int, dict[int, float]], steps: dict[int, list[int]], is_exact: bool):
    means, variances, counts, interpolated = [], [], [], []
    for place in places:
        values = [
            line.get(place, nan) if is_exact else _between(line, steps[run], place) for run, line in lines.items()
        ]
        values = [value for value in values if isfinite(value)]
        counts.append(len(values))
        interpolated += values
        if values:
            means.append(np.mean(values))
        if len(values) > 1:
            variances.append(np.var(values, ddof=1))
    return {
        "mean": np.mean(means) if means else nan,
        "deviation": np.sqrt(np.mean(variances)) if variances else 0.0 if means else nan,
        "count": max(counts),
        "interpolated": interpolated,
    }


def _between(line: dict[int, float], steps: list[int], place: int) -> float:
    """A line's value at a place, NaN outside of it and beside what is not finite."""
    if place in line:
        return line[place] if isfinite(line[place]) else nan
    before, after = [step for step in steps if step < place], [step for step in steps if step > place]
    if not before or not after:
        return nan
    (x0, y0), (x1, y1) = (before[-1], line[before[-1]]), (after[0], line[after[0]])
    if isnan(y0 + y1) or not isfinite(y0) or not isfinite(y1):
        return nan
    return y0 + (y1 - y0) * ((place - x0) / (x1 - x0))
