"""Many runs' lines of a metric as one: mean, deviation and range. What each figure means is said at GroupChart."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
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

T = TypeVar("T")
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
        return _drawn(name, x, courses, thin.items(), points, low, high, True) if courses else None
    read = ManyRuns(connection, metric, x, origins, low, high).courses()
    courses, part = parts(read.x, low, high)
    lines = ((run, _Line.of(courses[run], values[part[run]])) for run, values in read.values())
    # Closed before the connection is: the second thread reads through it.
    with closing(_ahead(lines)) as ready:
        return _drawn(name, x, courses, ready, points, low, high, False)


def draw(
    name: str, axis: Axis, lines: Mapping[int, tuple[Ints, Floats]], points: int, low: int = LEAST, high: int = MOST
) -> GroupChart:
    """The chart of lines that are there: by run x, ascending, and values."""
    courses, part = parts({run: x for run, (x, _) in lines.items()}, low, high)
    values = ((run, _Line.of(courses[run], values[part[run]])) for run, (_, values) in lines.items())
    return _drawn(name, axis, courses, values, points, low, high, False)


def _ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same, each made by a second thread while the one before is in use: reading and reckoning take about as long."""
    with ThreadPoolExecutor(1, thread_name_prefix="group-chart") as second:
        item = second.submit(next, items, None)
        while (ready := item.result()) is not None:
            item = second.submit(next, items, None)
            yield ready


@dataclass(slots=True, eq=False)
class _Line:
    """A run's line: x ascending; where a point stands for several, low and high are their range."""

    x: Ints
    values: Floats
    low: Floats
    high: Floats
    bad_x: Ints
    bad_kind: Ints
    total: int
    gaps: bool = True  # Whether there may be NaN among the values.

    @classmethod
    def of(cls, x: Ints, values: Floats) -> _Line:
        with np.errstate(over="ignore", invalid="ignore"):
            is_finite = np.isfinite(values.sum())  # In a fraction of the time that it takes to look at each.
        if is_finite or (finite := np.isfinite(values)).all():
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
    lines: Iterable[tuple[int, _Line]],
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
    spread, range_ = Spread(len(places)), Range(column_ends)
    bad_x, bad_kind, total = [places[:0]], [places[:0]], 0
    for run, line in lines:
        inside = within(line.x, low, high)
        total += line.total if is_thinned else inside.stop - inside.start
        seen = within(line.bad_x, low, high)
        bad_x.append(line.bad_x[seen])
        bad_kind.append(line.bad_kind[seen])
        if grid is None:
            range_.add(line.x[inside], line.low[inside], line.high[inside])
            _add_interpolated(spread, places, line, ends[run])
        else:
            _add_at_steps(spread, places, line, inside, ends[run] is not None)
    method: Method = "thinned" if is_thinned else "interpolated" if grid is None else "exact"
    marked = np.concatenate(bad_x), np.concatenate(bad_kind)
    return columns(name, axis, method, len(courses), total, places, starts, column_ends, spread, range_, marked)


def _add_at_steps(spread: Spread, places: Ints, line: _Line, inside: slice, repeats: bool) -> None:
    x, values, low, high = line.x[inside], line.values[inside], line.low[inside], line.high[inside]
    if not len(x):
        return
    if repeats and (ends := ends_of(x)) is not None:
        starts = np.append(0, ends[:-1] + 1)
        x, values, low, high = x[ends], values[ends], np.fmin.reduceat(low, starts), np.fmax.reduceat(high, starts)
    at = int(np.searchsorted(places, x[0]))
    spread.add(slice(at, at + len(x)), values, low, high, line.gaps)


def _add_interpolated(spread: Spread, places: Ints, line: _Line, ends: Ints | None) -> None:
    x, values = (line.x, line.values) if ends is None else (line.x[ends], line.values[ends])
    at = within(places, int(x[0]), int(x[-1]))
    column = np.interp(places[at], x, values)
    spread.add(at, column, column, column, line.gaps)
