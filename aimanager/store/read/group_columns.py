"""Places of a group's chart as its columns: one each, or equal shares of the width."""

from __future__ import annotations

import numpy as np

from ..shapes import Axis, Floats, GroupChart, Ints, Method
from .nodes import marks_of
from .spread import Range, Spread


def columns(
    name: str,
    axis: Axis,
    method: Method,
    runs: int,
    total: int,
    places: Ints,
    starts: Ints,
    column_ends: Ints,
    spread: Spread,
    range_: Range,
    marked: tuple[Ints, Ints],
) -> GroupChart:
    count = spread.count
    has_value, has_several = count > 0, count > 1
    mean, squares = spread.moments()
    variance = np.where(has_several, squares / np.maximum(count - 1, 1), 0.0)
    if len(starts) < len(places):
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.add.reduceat(mean, starts) / np.add.reduceat(has_value, starts, dtype=np.int64)
            variance = np.add.reduceat(variance, starts) / np.maximum(
                np.add.reduceat(has_several, starts, dtype=np.int64), 1
            )
        count = np.maximum.reduceat(count, starts)
    else:
        mean = np.where(has_value, mean, np.nan)
    bad_x, bad_values = _marks(marked, column_ends)
    return GroupChart(
        name=name,
        axis=axis,
        method=method,
        runs=runs,
        total=total,
        start=places[starts],
        x=_middles(places, starts),
        mean=mean,
        deviation=np.where(count > 0, np.sqrt(variance), np.nan),
        min=range_.low,
        max=range_.high,
        count=count.astype(np.int64),
        bad_x=bad_x,
        bad_values=bad_values,
        every_place=method == "exact" and len(starts) == len(places),
    )


def _middles(places: Ints, starts: Ints) -> Floats:
    """The mean of each column's places."""
    along = places.astype(np.float64)
    if len(starts) == len(places):
        return along
    sizes = np.diff(np.append(starts, len(places)))
    first = along[starts]
    return first + np.add.reduceat(along - np.repeat(first, sizes), starts) / sizes


def _marks(marked: tuple[Ints, Ints], column_ends: Ints) -> tuple[Ints, Floats]:
    x, kind = marked
    order = np.argsort(x, kind="stable")
    x, kind = x[order], kind[order]
    columns = np.searchsorted(column_ends, x)
    return marks_of(columns, kind, x, np.arange(len(column_ends)))
