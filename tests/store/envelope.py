"""The oracle of charts, worked out from all points: buckets of equal width along x, each with its exact min, max and last.

An equal share of the width is what a column of pixels shows, so the envelope hides nothing that a drawing
of all points would have shown. Buckets without points are left out.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Literal

import numpy as np

from aimanager.store.chunks.frame import Line
from aimanager.store.shapes import Axis, Bound, Chart, Floats, Ints

_INT64 = np.iinfo(np.int64)


def chart(name: str, line: Line, axis: Axis, points: int, lo: Bound, hi: Bound, origin: int) -> Chart:
    """A chart of a line that is ordered by time; `origin` is where relative time begins."""
    line, x = _along(line, axis, origin)
    first = _position(x, lo, "left")
    end = max(first, _position(x, hi, "right"))
    line, x = line.take(slice(first, end)), x[first:end]
    exact = len(x) <= points
    starts = np.arange(len(x)) if exact else _starts(x, points)
    ends = np.append(starts[1:], len(x))[: len(starts)] - 1
    low, high, last = _envelope(line.values, starts)
    bad = _marks(line.values, starts)
    return Chart(
        name=name,
        axis=axis,
        total=len(x),
        exact=exact,
        start=x[starts],
        x=x[ends],
        min=low,
        max=high,
        last=last,
        steps=line.steps[ends],
        times=line.times[ends],
        counts=ends - starts + 1,
        bad_x=x[bad],
        bad_values=line.values[bad],
    )


def _along(line: Line, axis: Axis, origin: int) -> tuple[Line, Ints]:
    """The line ordered by x, and its x; points of one x stay in the order of time."""
    if axis == "step":
        if not (line.steps[1:] >= line.steps[:-1]).all():
            line = line.take(np.argsort(line.steps, kind="stable"))
        return line, line.steps
    if axis == "time":
        return line, line.times
    return line, since(line.times, origin)


def since(times: Ints, origin: int) -> Ints:
    """Times from an origin on; one too far away for an int64 is the farthest."""
    return np.minimum(times, _INT64.max + min(origin, 0)) - origin


def _position(x: Ints, bound: Bound, side: Literal["left", "right"]) -> int:
    """Where a bound cuts x: whole numbers, so a fraction is as good as the next whole number inwards."""
    if bound is None:
        return 0 if side == "left" else len(x)
    if not _INT64.min <= bound <= _INT64.max:
        return len(x) if bound > 0 else 0
    whole = ceil(bound) if side == "left" else floor(bound)
    return int(np.searchsorted(x, np.int64(whole), side))


def _starts(x: Ints, points: int) -> Ints:
    """Where the buckets begin."""
    return np.unique(np.searchsorted(x, shares(int(x[0]), int(x[-1]), points), "left"))


def shares(low: int, high: int, points: int) -> Ints:
    """Where equal shares of a width begin; by Python's integers if x spans more than an int64 holds."""
    span = high - low + 1
    if span * points <= _INT64.max:
        return low + span * np.arange(points) // points
    return np.array([low + span * i // points for i in range(points)], np.int64)


def _envelope(values: Floats, starts: Ints) -> tuple[Floats, Floats, Floats]:
    """Min, max and last finite value of each bucket, NaN where it has none."""
    finite = np.isfinite(values)
    if len(starts) == len(values):
        alone = np.where(finite, values, np.nan)
        return alone, alone, alone
    if finite.all():
        ends = np.append(starts[1:], len(values)) - 1
        return np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts), values[ends]
    clean = np.where(finite, values, np.nan)
    last = np.maximum.reduceat(np.where(finite, np.arange(len(values)), -1), starts)
    return (
        np.fmin.reduceat(clean, starts),
        np.fmax.reduceat(clean, starts),
        np.where(last < 0, np.nan, clean[last]),
    )


def _marks(values: Floats, starts: Ints) -> Ints:
    """Where values are not finite: the last one of each bucket and kind."""
    bad = np.flatnonzero(~np.isfinite(values))
    bucket = np.searchsorted(starts, bad, "right")
    kind = np.isposinf(values[bad]) + 2 * np.isneginf(values[bad])
    _, from_end = np.unique((bucket * 3 + kind)[::-1], return_index=True)
    return np.sort(bad[len(bad) - 1 - from_end])
