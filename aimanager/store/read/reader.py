"""A run's points out of its chunks and its log, within one snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Column, LargeBinary, Select, func, select
from sqlalchemy.engine import Connection

from ...db.prepared import MOST, Prepared, named, one_of
from ..base import DamagedPoints
from ..chunks import codec
from ..chunks.codec import Damaged
from ..chunks.frame import Line, decode, join
from ..shapes import Ints
from ..tables import metric_axis, metric_cdata, metric_chunk, metric_log

_RUN, _METRIC, _FIRST, _LAST = named("run", "metric", "first", "last")


class _ByAxis:
    """A select of rows by the numbers of their axes, the first of its columns."""

    def __init__(self, select: Select[Any], number: Column[int]) -> None:
        self._range = Prepared(select.where(number.between(_FIRST, _LAST)))
        self._list = Prepared(select.where(one_of(number, "numbers")))

    def each(self, connection: Connection, numbers: Iterable[int], **values: Any) -> Iterator[Any]:
        """The rows of these axes: as one range where they lie close together."""
        ordered = sorted(numbers)
        if not ordered:
            return
        if ordered[-1] - ordered[0] >= 2 * len(ordered):
            yield from self._list.each(connection, numbers=ordered, **values)
        elif ordered[-1] - ordered[0] + 1 == len(ordered):
            yield from self._range.each(connection, first=ordered[0], last=ordered[-1], **values)
        else:
            chosen = set(ordered)
            for row in self._range.each(connection, first=ordered[0], last=ordered[-1], **values):
                if row[0] in chosen:
                    yield row


_log, _chunk, _axis, _data = metric_log.c, metric_chunk.c, metric_axis.c, metric_cdata.c
# The frame that holds the first id may begin before it.
_begin = select(func.max(_log.id0)).where(_log.run_no == _RUN, _log.id0 <= _FIRST).scalar_subquery()
_FRAMES = Prepared(
    select(_log.id0, _log.frame)
    .where(_log.run_no == _RUN, _log.id0 >= func.coalesce(_begin, _FIRST), _log.id0 <= _LAST)
    .order_by(_log.id0)
)
_PLACES = Prepared(
    select(_chunk.axis_no, _chunk.pos, _chunk.rows, _chunk.id_lo, _chunk.id_hi)
    .where(_chunk.run_no == _RUN, _chunk.metric_id == _METRIC, _chunk.id_hi >= _FIRST, _chunk.id_lo <= _LAST)
    .order_by(_chunk.axis_no)
)
_PLACES_OF_ALL = Prepared(
    select(_axis.axis_no, _axis.rows, _axis.id_lo, _axis.id_hi, _axis.metrics)
    .where(_axis.run_no == _RUN, _axis.id_hi >= _FIRST, _axis.id_lo <= _LAST)
    .order_by(_axis.axis_no)
)
_AXES = _ByAxis(
    select(_axis.axis_no, _axis.id_lo, _axis.rows, _axis.base, _axis.step, _axis.ts).where(_axis.run_no == _RUN),
    _axis.axis_no,
)
_short = [func.substr(column, 1, codec.AFFINE_LONGEST, type_=LargeBinary) for column in (_axis.step, _axis.ts)]
_EDGES = _ByAxis(
    select(_axis.axis_no, func.coalesce(_axis.step_edges, _short[0]), func.coalesce(_axis.ts_edges, _short[1])).where(
        _axis.run_no == _RUN
    ),
    _axis.axis_no,
)
_VALUES, _TREES = (
    _ByAxis(select(_data.axis_no, blob).where(_data.run_no == _RUN, _data.metric_id == _METRIC), _data.axis_no)
    for blob in (_data.v, _data.sub)
)


class Place(NamedTuple):
    """Where some points of a metric are."""

    axis: int
    pos: int
    rows: int
    id_lo: int
    id_hi: int


@dataclass(slots=True)
class Axis:
    """An axis as it is stored, and where it was written to when somebody needed it."""

    id_lo: int
    rows: int
    base: bytes
    step: bytes
    ts: bytes
    columns: tuple[Ints, Ints, Ints] | None = None
    pos: int = 0

    def fill(self, pos: int, ids: Ints, steps: Ints, times: Ints) -> None:
        """Write the axis into arrays, with the ids of the metric that has this place within its rows."""
        if self.columns:
            np.add(self.columns[0], pos - self.pos, out=ids)
            steps[:], times[:] = self.columns[1:]
            return
        codec.decode(self.base, ids, self.id_lo + pos)
        codec.decode(self.step, steps)
        codec.decode(self.ts, times)
        self.columns, self.pos = (ids, steps, times), pos
        self.base = self.step = self.ts = b""  # The next ones go where these were, while that is still cached.

    def along(self) -> tuple[Ints, Ints]:
        """Steps and times, row by row."""
        if self.columns:
            return self.columns[1:]
        steps, times = np.empty(self.rows, np.int64), np.empty(self.rows, np.int64)
        codec.decode(self.step, steps)
        codec.decode(self.ts, times)
        return steps, times


class Reader:
    """Reads points of one run; the axes it has met are kept, as metrics share them. What it gives is not to be changed."""

    def __init__(self, connection: Connection, run: int, axes: dict[int, Axis] | None = None) -> None:
        self.connection = connection
        self.run = run
        self._axes = {} if axes is None else axes

    def lines(self, metrics: Collection[int] | None = None, first: int = 1, last: int = MOST) -> dict[int, Line]:
        """The points from one id to another, of all metrics or of these; those that have none are left out."""
        pieces = {metric: [cut(line, first, last)] for metric, line in self.tail(metrics, first, last).items()}
        if sum(len(line.ids) for lines in pieces.values() for line in lines) <= last - first:
            for metric, places in self.places(metrics, first, last).items():
                pieces.setdefault(metric, []).append(cut(self.decoded(metric, places), first, last))
        return {m: join(lines) for m, lines in pieces.items() if any(len(line.ids) for line in lines)}

    def tail(self, metrics: Collection[int] | None = None, first: int = 1, last: int = MOST) -> dict[int, Line]:
        """The points that are still in the log, and some before `first` and after `last`. Raises DamagedPoints."""
        try:
            return decode(self._frames(first, last), metrics)
        except Damaged as damage:
            raise DamagedPoints(self.run, 0, 0, str(damage)) from damage

    def _frames(self, first: int, last: int) -> list[tuple[int, bytes]]:
        """The frames that hold the points from one id to another."""
        return _FRAMES.rows(self.connection, run=self.run, first=first, last=last)

    def places(
        self, metrics: Collection[int] | None = None, first: int = 1, last: int = MOST
    ) -> dict[int, list[Place]]:
        """The chunks that hold points from one id to another, by metric and number."""
        places: dict[int, list[Place]] = {}
        between = {"run": self.run, "first": first, "last": last}
        if metrics is None:
            # By the index of the axes: without a metric the chunks are no help.
            for axis, rows, id_lo, id_hi, blob in _PLACES_OF_ALL.rows(self.connection, **between):
                if len(blob) % 4:
                    raise DamagedPoints(self.run, 0, axis, "its metrics")
                for pos, metric in enumerate(metrics_of(blob)):
                    places.setdefault(metric, []).append(Place(axis, pos, rows, id_lo, id_hi))
            return places
        for metric in metrics:
            if rows := _PLACES.rows(self.connection, metric=metric, **between):
                places[metric] = [Place(*row) for row in rows]
        return places

    def decoded(self, metric: int, places: Sequence[Place], blobs: Iterable[tuple[int, bytes]] | None = None) -> Line:
        """The points of chunks, by id; `blobs` are their values by axis, if they were read already. Raises DamagedPoints."""
        ends = list(accumulate((place.rows for place in places), initial=0))
        parts = {place.axis: (place.pos, slice(*ends)) for place, ends in zip(places, pairwise(ends), strict=True)}
        ids, steps, times = np.empty((3, ends[-1]), np.int64)  # In one piece: three cost twice the page faults.
        values = np.empty(ends[-1], np.float64)
        number = 0
        try:
            if len(parts) < len(places):
                raise Damaged("the same axis twice")
            for number, axis in self._each_axis(parts):
                pos, part = parts[number]
                axis.fill(pos, ids[part], steps[part], times[part])
            decoded = set()
            with np.errstate(invalid="ignore"):  # Damaged bytes may be a float that is not liked.
                # In no variable: what is left of it after an error would be closed too late.
                for number, blob in (
                    _VALUES.each(self.connection, parts, run=self.run, metric=metric) if blobs is None else blobs
                ):
                    codec.decode(blob, values[parts[number][1]])
                    decoded.add(number)
            if lost := parts.keys() - (decoded & self._axes.keys()):
                number = min(lost)
                raise Damaged("its bytes are not there")
        except Damaged as damage:
            raise DamagedPoints(self.run, metric, number, str(damage)) from damage
        line = Line(ids, steps, times, values)
        in_order = all(place.id_lo > before.id_hi for before, place in pairwise(places))
        return line if in_order else line.take(np.argsort(ids))

    def load_axes(self, numbers: Iterable[int]) -> None:
        """Get the axes of these numbers, as far as they are there."""
        for _ in self._each_axis(numbers):
            pass

    def _each_axis(self, numbers: Iterable[int]) -> Iterator[tuple[int, Axis]]:
        """The axes of these numbers, as far as they are there; those that were not met yet as they are read."""
        numbers = set(numbers)
        loaded = numbers & self._axes.keys()
        for number in loaded:
            yield number, self._axes[number]
        for number, *stored in _AXES.each(self.connection, numbers - loaded, run=self.run):
            axis = self._axes[number] = Axis(*stored)
            yield number, axis

    def along(self, number: int) -> tuple[Ints, Ints]:
        """Steps and times of an axis that was loaded. Raises Damaged."""
        if number not in self._axes:
            raise Damaged(f"axis {number} is not there")
        return self._axes[number].along()

    def edges(self, numbers: Iterable[int]) -> dict[int, tuple[bytes, bytes]]:
        """Where the nodes of axes begin and end, by step and by time; of an affine column, the column."""
        rows = _EDGES.each(self.connection, numbers, run=self.run)
        # An empty blob, which nobody wrote, has no first bytes: SQLite makes that NULL.
        return {number: (step or b"", ts or b"") for number, step, ts in rows}

    def trees(self, metric: int, numbers: Iterable[int]) -> dict[int, bytes]:
        """The trees over a metric's chunks, by the number of their axis."""
        return dict(map(tuple, _TREES.each(self.connection, numbers, run=self.run, metric=metric)))


NOTHING = Line(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def cut(line: Line, first: int, last: int) -> Line:
    """The points of a line from one id to another."""
    if not len(line.ids) or (line.ids[0] >= first and line.ids[-1] <= last):
        return line
    return line.take(slice(np.searchsorted(line.ids, first), np.searchsorted(line.ids, last, "right")))


def metrics_of(blob: bytes) -> list[int]:
    """The metrics of an axis."""
    return np.frombuffer(blob, "<i4").tolist()
