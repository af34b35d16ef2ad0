"""A metric against another one of the same run: what is drawn at an x is the value that was logged at the same step.

The line goes on in the order of steps, not of x: it shows how training went, also where x turns back as a learning rate
does. Where x only grows (epochs, tokens seen) that is the order of x too.
"""

from __future__ import annotations

from math import ceil, inf

import numpy as np

from ...db.arrays import ascending
from ..chunks.frame import Line
from ..shapes import Bound, Chart, Floats, Ints
from .nodes import envelope, kind_of, marks_of, order_of

PER_BUCKET = (
    5  # Points that are taken of a bucket where x turns back: lowest and highest, along y and along x, and last.
)


def draw(name: str, axis: str, line: Line, along: Line, points: int, lo: Bound, hi: Bound) -> Chart | None:
    """The chart of a line against another one, of the points with lo <= x <= hi; None if they have no step in common.

    Points whose x is not finite are left out. Where x grows, buckets are equal shares of its width. Where it turns back, some
    of the points themselves are drawn, each as a bucket of its own: of neighbouring ones those that are extreme in x or y.
    """
    line, x = _joined(line, along)
    if not len(x):
        return None
    inside = np.isfinite(x) & (x >= (-inf if lo is None else lo)) & (x <= (inf if hi is None else hi))
    if not inside.all():
        line, x = line.take(inside), x[inside]
    odd = np.flatnonzero(~np.isfinite(line.values))
    clean = line.values.copy()
    clean[odd] = np.nan
    exact = len(x) <= points
    low, high, last = clean, clean, clean
    if exact:
        starts = ends = np.arange(len(x))
    elif (x[1:] >= x[:-1]).all():
        starts = _shares(x, points)
        ends = np.append(starts[1:], len(x)) - 1
        low, high, last = envelope(clean, clean, clean, odd, starts, ends)
    else:
        starts = ends = _extremes(x, clean, points)
        low, high, last = clean[ends], clean[ends], clean[ends]
    bad_x, bad_values = marks_of(odd, kind_of(line.values[odd]), x[odd], starts)
    counts = np.diff(np.append(starts, len(x)))
    counts[:1] += starts[:1]
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
        counts=counts,
        bad_x=bad_x,
        bad_values=bad_values,
    )


def _joined(line: Line, along: Line) -> tuple[Line, Floats]:
    """The points at whose step the other line has one too, by step, and its value there: the latest, if it has several."""
    line, along = _by_step(line), _by_step(along)
    at = np.searchsorted(along.steps, line.steps, "right") - 1
    common = (at >= 0) & (along.steps[at] == line.steps) if len(along.steps) else np.zeros(len(at), bool)
    if common.all():
        return line, along.values[at]
    return line.take(common), along.values[at[common]]


def _by_step(line: Line) -> Line:
    order = order_of(line.steps, line.times, line.ids)
    return line if order is None else line.take(order)


def _shares(x: Floats, points: int) -> Ints:
    """The points that buckets begin with: equal shares of the width, but no two buckets have points of one x."""
    width = x[-1] / points - x[0] / points  # Not of the difference, which may be too large for a float.
    places = np.append(0, np.searchsorted(x, x[0] + width * np.arange(1, points), "left"))
    starts = np.append(0, places[1:][places[1:] > places[:-1]])
    return starts[starts < len(x)]


def _extremes(x: Floats, values: Floats, points: int) -> Ints:
    """Which points are drawn, at most so many and at least one bucket's: of each bucket of neighbours the extreme ones."""
    drawable = np.flatnonzero(~np.isnan(values))
    if not len(drawable):
        return np.arange(0, len(x), ceil(len(x) / points))
    size = ceil(len(drawable) / max(points // PER_BUCKET, 1))
    padded = np.append(drawable, np.repeat(drawable[-1], -len(drawable) % size)).reshape(-1, size)
    row = np.arange(len(padded))
    extreme = [
        padded[row, choose(column[padded], axis=1)] for column in (x, values) for choose in (np.argmin, np.argmax)
    ]
    return ascending(np.concatenate([*extreme, padded[:, -1]]))
