"""Many runs' lines of a metric as one: mean, deviation and range. What each figure means is said at GroupChart.

Where there are many points, threads share the lines among them, each with sums of its own: reading, unpacking and reckoning
let each other run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ...db.prepared import LEAST, MOST, Prepared, named, one_of
from ..shapes import Axis, Bound, Floats, GroupChart, Ints, Method
from ..tables import metric_series
from . import zoom
from .courses import ManyRuns
from .group_columns import columns
from .nodes import bucket_starts, kind_of
from .places import PLACES, ends_of, even_places, grid_of, parts, within, without_repeats
from .reader import NOTHING, Reader
from .spread import Range, Spread

THREADS = min(4, os.cpu_count() or 1)
(_METRIC,) = named("metric")
_s = metric_series.c
_COUNTS = Prepared(select(func.sum(_s.n)).where(one_of(_s.run_no, "runs"), _s.metric_id == _METRIC))


def chart(
    connection: Connection,
    name: str,
    metric: int,
    origins: Mapping[int, int],
    x: Axis,
    points: int,
    lo: Bound,
    hi: Bound,
    most: int,
) -> GroupChart | None:
    """The chart of a group; `origins` has its runs, and what their x counts from. Of more than `most` points each run's chart
    is read and not its points. Raises DamagedPoints."""
    (count,) = _COUNTS.first(connection, runs=list(origins), metric=metric)
    if not count:
        return None
    low, high = zoom.bounds(lo, hi, 0)
    if count > most:
        thin = _thinned(connection, metric, origins, x, lo, hi)
        courses = {run: line.x for run, line in thin.items()}
        return _drawn(name, x, courses, [thin.items()], points, low, high, True) if courses else None
    read = ManyRuns(connection, metric, x, origins, low, high)
    courses, part = parts(read.x, low, high)

    def lines(batch: Sequence[int]) -> Iterator[tuple[int, _Line]]:
        for run, values, gaps in read.values(batch):
            yield run, _Line.of(courses[run], values[part[run]], gaps)

    return _drawn(name, x, courses, [lines(batch) for batch in read.batches], points, low, high, False)


def draw(
    name: str, axis: Axis, lines: Mapping[int, tuple[Ints, Floats]], points: int, low: int = LEAST, high: int = MOST
) -> GroupChart:
    """The chart of lines that are there: by run x, ascending, and values."""
    courses, part = parts({run: x for run, (x, _) in lines.items()}, low, high)
    batches = [[(run, _Line.of(courses[run], values[part[run]]))] for run, (_, values) in lines.items()]
    return _drawn(name, axis, courses, batches, points, low, high, False)


@dataclass(slots=True, eq=False)
class _Line:
    """A run's line: x ascending; where a point stands for several, low and high are their range."""

    x: Ints
    values: NDArray[Any]  # float64, or float32 as they were stored.
    low: NDArray[Any]
    high: NDArray[Any]
    bad_x: Ints
    bad_kind: Ints
    total: int
    gaps: bool = True  # Whether there may be NaN among the values.

    @classmethod
    def of(cls, x: Ints, values: NDArray[Any], gaps: bool = True) -> _Line:
        if not gaps or (finite := np.isfinite(values)).all():
            return cls(x, values, values, values, x[:0], x[:0], len(x), gaps=False)
        odd = np.flatnonzero(~finite)
        clean = np.where(finite, values, np.nan)
        return cls(x, clean, clean, clean, x[odd], kind_of(values[odd]), len(x))


def _thinned(
    connection: Connection, metric: int, origins: Mapping[int, int], x: Axis, lo: Bound, hi: Bound
) -> dict[int, _Line]:
    """Lines out of the runs' charts."""
    lines = {}
    for run, origin in origins.items():
        reader = Reader(connection, run)
        tail = reader.tail({metric}).get(metric, NOTHING)
        if not len(tail.ids) and not reader.places([metric]):
            continue
        drawn = zoom.chart(reader, "", metric, tail, x, PLACES, lo, hi, origin)
        if not drawn.total:
            continue
        lines[run] = _Line(
            drawn.x, drawn.last, drawn.min, drawn.max, drawn.bad_x, kind_of(drawn.bad_values), drawn.total
        )  # fmt: skip
    return lines


def _drawn(
    name: str,
    axis: Axis,
    courses: Mapping[int, Ints],
    batches: Sequence[Iterable[tuple[int, _Line]]],
    points: int,
    low: int,
    high: int,
    is_thinned: bool,
) -> GroupChart:
    distinct, ends = without_repeats(courses)
    grid = None if is_thinned else grid_of(distinct)
    places = even_places(distinct, low, high) if grid is None else grid[within(grid, low, high)]
    starts = bucket_starts(places, places, points) if len(places) > points else np.arange(len(places))
    column_ends = places[np.append(starts[1:], len(places)) - 1] if len(places) else places

    def summed(batches: Sequence[Iterable[tuple[int, _Line]]]) -> _Sums:
        sums = _Sums(places, column_ends, low, high)
        for batch in batches:
            for run, line in batch:
                if grid is None:
                    sums.add_interpolated(line, ends[run], is_thinned)
                else:
                    sums.add_at_steps(line, ends[run] is not None)
        return sums

    # Who has which lines is always the same, and so is the sum to its last bit.
    shares = [batches[first::THREADS] for first in range(min(THREADS, len(batches)))]
    with ThreadPoolExecutor(len(shares), thread_name_prefix="group-chart") as threads:
        sums = reduce(_Sums.join, threads.map(summed, shares))
    method: Method = "thinned" if is_thinned else "interpolated" if grid is None else "exact"
    marked = np.concatenate(sums.bad_x), np.concatenate(sums.bad_kind)
    return columns(
        name, axis, method, len(courses), sums.total, places, starts, column_ends, sums.spread, sums.range, marked
    )


class _Sums:
    """What some of the lines come to at places and in columns."""

    def __init__(self, places: Ints, column_ends: Ints, low: int, high: int) -> None:
        self._places, self._low, self._high = places, low, high
        self.spread, self.range = Spread(len(places)), Range(column_ends)
        self.bad_x, self.bad_kind, self.total = [places[:0]], [places[:0]], 0
        self._x, self._inside = places[:0], slice(0, 0)

    def add_at_steps(self, line: _Line, repeats: bool) -> None:
        inside = self._add_range(line)
        x, values = line.x[inside], line.values[inside]
        self.total += len(x)
        if not len(x):
            return
        if repeats and (ends := ends_of(x)) is not None:
            x, values = x[ends], values[ends]
        at = int(np.searchsorted(self._places, x[0]))
        self.spread.add(slice(at, at + len(x)), values, line.gaps)

    def add_interpolated(self, line: _Line, ends: Ints | None, is_thinned: bool) -> None:
        inside = self._add_range(line)
        self.total += line.total if is_thinned else inside.stop - inside.start
        x, values = (line.x, line.values) if ends is None else (line.x[ends], line.values[ends])
        at = within(self._places, int(x[0]), int(x[-1]))
        column = np.interp(self._places[at], x, values)
        self.spread.add(at, column, line.gaps)
        self.range.add(self.range.starts(self._places[at]), column, column)

    def _add_range(self, line: _Line) -> slice:
        """Add the points of a line to columns' ranges; which of them are in the window."""
        if line.x is not self._x:  # Runs that were logged alike share it.
            self._x, self._inside = line.x, within(line.x, self._low, self._high)
            self._starts = self.range.starts(line.x[self._inside])
        self.range.add(self._starts, line.low[self._inside], line.high[self._inside])
        if len(line.bad_x):
            seen = within(line.bad_x, self._low, self._high)
            self.bad_x.append(line.bad_x[seen])
            self.bad_kind.append(line.bad_kind[seen])
        return self._inside

    def join(self, other: _Sums) -> _Sums:
        self.spread.join(other.spread)
        self.range.join(other.range)
        self.bad_x += other.bad_x
        self.bad_kind += other.bad_kind
        self.total += other.total
        return self
