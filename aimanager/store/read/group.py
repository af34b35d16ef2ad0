"""Many runs' lines of a metric as one: mean, deviation and range. What each figure means is said at GroupChart."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
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
from .nodes import bucket_starts, kind_of, marks_of, shares
from .reader import NOTHING, Reader

_PIECE = 16_384  # Places that a line is added to at a time.
PLACES = 4096  # Of interpolated lines, and of a thinned run's points: more than a screen has pixels.
_MOST_SORTED = 2_000_000  # Different steps that are sorted to see whether they are one grid.
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
    read = ManyRuns(connection, metric, x, origins).courses()
    # Closed before the connection is: the second thread reads through it.
    with closing(_ahead(read.values())) as columns:
        lines = ((run, _Line.of(read.x[run], values)) for run, values in columns)
        return _drawn(name, x, read.x, lines, points, low, high, False)


def draw(
    name: str, axis: Axis, lines: Mapping[int, tuple[Ints, Floats]], points: int, low: int = LEAST, high: int = MOST
) -> GroupChart:
    """The chart of lines that are there: by run x, ascending, and values."""
    values = ((run, _Line.of(x, values)) for run, (x, values) in lines.items())
    return _drawn(name, axis, {run: x for run, (x, _) in lines.items()}, values, points, low, high, False)


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
        finite = np.isfinite(values)
        if finite.all():
            return cls(x, values, values, values, x[:0], x[:0], len(x), gaps=False)
        odd = np.flatnonzero(~finite)
        clean = np.where(finite, values, np.nan)
        return cls(x, clean, clean, clean, x[odd], kind_of(values[odd]), len(x))


def _within(x: Ints, low: int, high: int) -> slice:
    """Where low <= x <= high."""
    start = int(np.searchsorted(x, low, "left"))
    return slice(start, max(start, int(np.searchsorted(x, high, "right"))))


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


class _Spread:
    """What lines come to place by place, by Welford's method, which loses nothing where values are far from 0."""

    def __init__(self, places: int) -> None:
        self._of_all = 0  # Lines that have a value everywhere are counted once.
        self._counts: Floats | None = None
        self.mean = np.zeros(places)
        self.squares = np.zeros(places)
        self._buffers = np.empty((2, min(places, _PIECE)))
        self.low = np.full(places, np.inf)
        self.high = np.full(places, -np.inf)

    @property
    def count(self) -> Floats:
        counts = np.zeros(len(self.mean)) if self._counts is None else self._counts
        return counts + self._of_all

    def add(self, at: slice, values: Floats, low: Floats, high: Floats, gaps: bool) -> None:
        """A run's values at some of the places and the range of what they stand for; with gaps they may be NaN."""
        if gaps and not (has_value := ~np.isnan(values)).all():
            self._add_some(at.start + np.flatnonzero(has_value), values[has_value])
            self.low[at] = np.fmin(self.low[at], low)
            self.high[at] = np.fmax(self.high[at], high)
            return
        if at.stop - at.start == len(self.mean):
            self._of_all += 1
        else:
            self._count(at)
        # Piece by piece, each of which stays in the processor's nearer cache from one line to the next.
        for start in range(at.start, at.stop, _PIECE):
            piece = slice(start, min(start + _PIECE, at.stop))
            of_line = slice(piece.start - at.start, piece.stop - at.start)
            counts = self._of_all if self._counts is None else self._counts[piece] + self._of_all
            delta, part = self._buffers[:, : piece.stop - piece.start]
            np.subtract(values[of_line], self.mean[piece], out=delta)
            np.multiply(delta, 1 / counts, out=part)
            self.mean[piece] += part
            np.multiply(delta, part, out=part)
            part *= counts - 1
            self.squares[piece] += part
            np.minimum(self.low[piece], low[of_line], out=self.low[piece])
            np.maximum(self.high[piece], high[of_line], out=self.high[piece])

    def _add_some(self, where: Ints, values: Floats) -> None:
        counts = self._count(where)[where] + self._of_all
        delta = values - self.mean[where]
        self.mean[where] += delta / counts
        self.squares[where] += delta * (values - self.mean[where])

    def _count(self, where: slice | Ints) -> Floats:
        if self._counts is None:
            self._counts = np.zeros(len(self.mean))
        self._counts[where] += 1
        return self._counts


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
    distinct, ends = _without_repeats(courses)
    grid = None if is_thinned else _grid(distinct)
    places = _even_places(distinct, low, high) if grid is None else grid[_within(grid, low, high)]
    starts = bucket_starts(places, places, points) if len(places) > points else np.arange(len(places))
    column_ends = places[np.append(starts[1:], len(places)) - 1] if len(places) else places
    spread, range_ = _Spread(len(places)), _Range(column_ends)
    bad_x, bad_kind, total = [places[:0]], [places[:0]], 0
    for run, line in lines:
        inside = _within(line.x, low, high)
        total += line.total if is_thinned else inside.stop - inside.start
        seen = _within(line.bad_x, low, high)
        bad_x.append(line.bad_x[seen])
        bad_kind.append(line.bad_kind[seen])
        if grid is None:
            range_.add(line.x[inside], line.low[inside], line.high[inside])
            _add_interpolated(spread, places, line, ends[run])
        else:
            _add_at_steps(spread, places, line, inside, ends[run] is not None)
    method: Method = "thinned" if is_thinned else "interpolated" if grid is None else "exact"
    marked = np.concatenate(bad_x), np.concatenate(bad_kind)
    return _columns(name, axis, method, len(courses), total, places, starts, column_ends, spread, range_, marked)


def _without_repeats(courses: Mapping[int, Ints]) -> tuple[list[Ints], dict[int, Ints | None]]:
    """The different columns of x without what repeats in them, and of each run which points are left, None for all."""
    seen: dict[int, tuple[Ints, Ints | None]] = {}
    for x in courses.values():
        if id(x) not in seen:
            ends = _ends(x)
            seen[id(x)] = x if ends is None else x[ends], ends
    return [x for x, _ in seen.values()], {run: seen[id(x)][1] for run, x in courses.items()}


def _ends(x: Ints) -> Ints | None:
    """The last of each group of equal ones; None where all differ."""
    differs = x[1:] > x[:-1]
    return None if differs.all() else np.flatnonzero(np.append(differs, True))


def _grid(columns: Sequence[Ints]) -> Ints | None:
    """The steps of all runs together if each has all those between its first and its last, else None."""
    longest = max(columns, key=len)
    if all(_is_part(x, longest) for x in columns):
        return longest
    if sum(map(len, columns)) > _MOST_SORTED:
        return None
    together = np.unique(np.concatenate(columns))
    return together if all(_is_part(x, together) for x in columns) else None


def _is_part(x: Ints, grid: Ints) -> bool:
    if x is grid:
        return True
    at = int(np.searchsorted(grid, x[0]))
    return np.array_equal(x, grid[at : at + len(x)])


def _even_places(columns: Sequence[Ints], low: int, high: int) -> Ints:
    """Where interpolated lines are looked at: the points of all runs, or evenly spaced where these are very many."""
    first = max(low, min(int(x[0]) for x in columns))
    last = min(high, max(int(x[-1]) for x in columns))
    if first > last:
        return np.empty(0, np.int64)
    inside = [x[_within(x, low, high)] for x in columns]
    if sum(map(len, inside)) <= _MOST_SORTED:
        # A zoom's edges too, so that lines go on to them.
        places = np.unique(np.concatenate([*inside, np.array([first, last])]))
        if len(places) <= PLACES:
            return places
    return np.unique(np.append(shares(first, last, PLACES - 1), last))


def _add_at_steps(spread: _Spread, places: Ints, line: _Line, inside: slice, repeats: bool) -> None:
    x, values, low, high = line.x[inside], line.values[inside], line.low[inside], line.high[inside]
    if not len(x):
        return
    if repeats and (ends := _ends(x)) is not None:
        starts = np.append(0, ends[:-1] + 1)
        x, values, low, high = x[ends], values[ends], np.fmin.reduceat(low, starts), np.fmax.reduceat(high, starts)
    at = int(np.searchsorted(places, x[0]))
    spread.add(slice(at, at + len(x)), values, low, high, line.gaps)


def _add_interpolated(spread: _Spread, places: Ints, line: _Line, ends: Ints | None) -> None:
    x, values = (line.x, line.values) if ends is None else (line.x[ends], line.values[ends])
    at = _within(places, int(x[0]), int(x[-1]))
    column = np.interp(places[at], x, values)
    spread.add(at, column, column, column, line.gaps)


class _Range:
    """The lowest and the highest point of each column, of lines that are not looked at point by point."""

    def __init__(self, ends: Ints) -> None:
        self._ends = ends
        self.low = np.full(len(ends), np.nan)
        self.high = np.full(len(ends), np.nan)

    def add(self, x: Ints, low: Floats, high: Floats) -> None:
        if not len(x):
            return
        after = np.searchsorted(x, self._ends, "right")
        starts = np.append(0, after[:-1])
        filled = after > starts
        self.low[filled] = np.fmin(self.low[filled], np.fmin.reduceat(low, starts[filled]))
        self.high[filled] = np.fmax(self.high[filled], np.fmax.reduceat(high, starts[filled]))


def _columns(
    name: str,
    axis: Axis,
    method: Method,
    runs: int,
    total: int,
    places: Ints,
    starts: Ints,
    column_ends: Ints,
    spread: _Spread,
    range_: _Range,
    marked: tuple[Ints, Ints],
) -> GroupChart:
    count = spread.count
    has_value, has_several = count > 0, count > 1
    variance = np.where(has_several, spread.squares / np.maximum(count - 1, 1), 0.0)
    low, high = np.where(np.isinf(spread.low), np.nan, spread.low), np.where(np.isinf(spread.high), np.nan, spread.high)
    mean = np.where(has_value, spread.mean, 0.0)
    if len(starts) < len(places):
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.add.reduceat(mean, starts) / np.add.reduceat(has_value, starts, dtype=np.int64)
            variance = np.add.reduceat(variance, starts) / np.maximum(
                np.add.reduceat(has_several, starts, dtype=np.int64), 1
            )
        low, high, count = (
            np.fmin.reduceat(low, starts),
            np.fmax.reduceat(high, starts),
            np.maximum.reduceat(count, starts),
        )
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
        min=np.fmin(low, range_.low),
        max=np.fmax(high, range_.high),
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
