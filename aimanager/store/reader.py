"""A run's points out of its chunks and its log, within one snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Column, LargeBinary, Select, func, select
from sqlalchemy.engine import Connection

from . import codec
from .base import DamagedPoints, Ints
from .codec import Damaged
from .frame import Line, decode, join
from .statements import chunks
from .tables import metric_axis, metric_cdata, metric_chunk, metric_log

_FRAMES = 2000  # Frames that are held at a time.


class Place(NamedTuple):
    """Where some points of a metric are."""

    axis: int
    pos: int
    rows: int
    id_lo: int
    id_hi: int


@dataclass(slots=True)
class Axis:
    """An axis as it is stored, and as arrays once somebody needed them."""

    id_lo: int
    rows: int
    base: bytes
    step: bytes
    ts: bytes
    columns: tuple[Ints, Ints, Ints] | None = None

    def fill(self, ids: Ints, steps: Ints, times: Ints, keep: bool) -> None:
        """Write the axis into arrays; `keep` it for the next metric that has it too."""
        if self.columns:
            for column, out in zip(self.columns, (ids, steps, times), strict=True):
                out[:] = column
            return
        codec.decode(self.base, ids)
        ids += self.id_lo
        codec.decode(self.step, steps)
        codec.decode(self.ts, times)
        if keep:
            self.columns = ids.copy(), steps.copy(), times.copy()

    def along(self) -> tuple[Ints, Ints]:
        """Steps and times, row by row."""
        if self.columns:
            return self.columns[1:]
        steps, times = np.empty(self.rows, np.int64), np.empty(self.rows, np.int64)
        codec.decode(self.step, steps)
        codec.decode(self.ts, times)
        return steps, times


class Reader:
    """Reads points of one run; the axes it has met are kept, as metrics share them."""

    def __init__(self, connection: Connection, run: int) -> None:
        self.connection = connection
        self.run = run
        self._axes: dict[int, Axis] = {}

    def lines(self, wanted: Collection[int] | None = None, first: int = 1, last: int | None = None) -> dict[int, Line]:
        """The points from one id to another, of all metrics or of those wanted; those that have none are left out."""
        pieces = {metric: [cut(line, first, last)] for metric, line in self.tail(wanted, first, last).items()}
        if last is None or sum(len(line.ids) for lines in pieces.values() for line in lines) <= last - first:
            keep = wanted is None or len(wanted) > 1
            for metric, places in self.places(wanted, first, last).items():
                pieces.setdefault(metric, []).append(cut(self.decoded(metric, places, keep), first, last))
        return {m: join(lines) for m, lines in pieces.items() if any(len(line.ids) for line in lines)}

    def tail(self, wanted: Collection[int] | None = None, first: int = 1, last: int | None = None) -> dict[int, Line]:
        """The points that are still in the log, and some before `first` and after `last`."""
        return decode(self._frames(first, last), wanted)

    def _frames(self, first: int, last: int | None) -> Iterator[tuple[int, bytes]]:
        """The frames that hold the points from one id to another."""
        c = metric_log.c
        query = select(c.id0, c.frame).where(c.run_no == self.run).order_by(c.id0)
        if first > 1:
            # The frame that holds `first` may begin before it.
            begin = select(func.max(c.id0)).where(c.run_no == self.run, c.id0 <= first).scalar_subquery()
            query = query.where(c.id0 >= func.coalesce(begin, first))
        if last is not None:
            query = query.where(c.id0 <= last)
        yield from self.connection.execute(query)

    def places(
        self, wanted: Collection[int] | None = None, first: int = 1, last: int | None = None
    ) -> dict[int, list[Place]]:
        """The chunks that hold points from one id to another, by metric and number."""
        found: dict[int, list[Place]] = {}
        if wanted is None:
            for metric, place in self._places_of_all(first, last):
                found.setdefault(metric, []).append(place)
            return found
        c = metric_chunk.c
        query = select(c.metric_id, c.axis_no, c.pos, c.rows, c.id_lo, c.id_hi).where(c.run_no == self.run)
        query = _within(query, c.id_lo, c.id_hi, first, last).order_by(c.metric_id, c.axis_no)
        for some in chunks(sorted(wanted)):
            for row in self.connection.execute(query.where(c.metric_id.in_(some))):
                found.setdefault(row[0], []).append(Place(*row[1:]))
        return found

    def _places_of_all(self, first: int, last: int | None) -> Iterator[tuple[int, Place]]:
        """By the index of the axes: without a metric the chunks are no help."""
        c = metric_axis.c
        query = select(c.axis_no, c.id_lo, c.id_hi, c.rows, c.metrics).where(c.run_no == self.run)
        query = _within(query, c.id_lo, c.id_hi, first, last).order_by(c.axis_no)
        for axis in self.connection.execute(query):
            for pos, metric in enumerate(metrics_of(axis.metrics)):
                yield metric, Place(axis.axis_no, pos, axis.rows, axis.id_lo, axis.id_hi)

    def decoded(self, metric: int, places: Sequence[Place], keep: bool = False) -> Line:
        """The points of chunks, by id. Raises DamagedPoints."""
        total = sum(place.rows for place in places)
        ids, steps, times = (np.empty(total, np.int64) for _ in range(3))
        line = Line(ids, steps, times, np.empty(total, np.float64))
        self.load_axes([place.axis for place in places])
        values = self.blobs(metric, [place.axis for place in places], metric_cdata.c.v)
        at = 0
        for place in places:
            part = slice(at, at + place.rows)
            at += place.rows
            try:
                self._axes[place.axis].fill(ids[part], steps[part], times[part], keep)
                codec.decode(values[place.axis], line.values[part])
            except (KeyError, Damaged) as error:
                raise DamagedPoints(self.run, metric, place.axis, str(error)) from error
            ids[part] += place.pos
        return line if (ids[1:] > ids[:-1]).all() else line.take(np.argsort(ids))

    def load_axes(self, numbers: Iterable[int]) -> dict[int, Axis]:
        """The axes of these numbers, as far as they are there."""
        missing = sorted(set(numbers) - self._axes.keys())
        c = metric_axis.c
        query = select(c.axis_no, c.id_lo, c.rows, c.base, c.step, c.ts).where(c.run_no == self.run)
        for number, *axis in _of(self.connection, query, c.axis_no, missing):
            self._axes[number] = Axis(*axis)
        return self._axes

    def edges(self, numbers: Sequence[int]) -> dict[int, tuple[bytes, bytes]]:
        """Where the nodes of axes begin and end, by step and by time; of an affine column, the column."""
        c = metric_axis.c
        short = [func.substr(column, 1, codec.AFFINE_SIZE, type_=LargeBinary) for column in (c.step, c.ts)]
        query = select(c.axis_no, func.coalesce(c.step_edges, short[0]), func.coalesce(c.ts_edges, short[1])).where(
            c.run_no == self.run
        )
        return {number: (step, ts) for number, step, ts in _of(self.connection, query, c.axis_no, sorted(numbers))}

    def blobs(self, metric: int, numbers: Sequence[int], blob: Column[Any]) -> dict[int, bytes]:
        """One of the blobs of a metric's chunks, by the number of their axis."""
        c = metric_cdata.c
        query = select(c.axis_no, blob).where(c.run_no == self.run, c.metric_id == metric)
        return dict(map(tuple, _of(self.connection, query, c.axis_no, sorted(numbers))))

    def page(self, metric: int, skip: int, limit: int) -> Line:
        """Some of a metric's points by id; what is skipped is not read."""
        tail = self.tail({metric}).get(metric, NOTHING)
        units: list[tuple[int, int, int, Place | None]]
        units = [(place.id_lo, place.id_hi, place.rows, place) for place in self.places({metric}).get(metric, [])]
        if len(tail.ids):
            units.append((int(tail.ids[0]), int(tail.ids[-1]), len(tail.ids), None))
        units.sort(key=lambda unit: unit[0])
        chosen: list[tuple[int, int, int, Place | None]] = []
        before, at, reach = 0, 0, -1
        for i, (id_lo, id_hi, rows, _) in enumerate(units):
            if id_lo > reach and at <= skip:  # Here nothing is left of what began earlier.
                before, chosen = at, []
            elif id_lo > reach and at >= skip + limit:
                break
            chosen.append(units[i])
            at, reach = at + rows, max(reach, id_hi)
        places = [place for *_, place in chosen if place]
        lines = [self.decoded(metric, places)] if places else []
        lines += [tail] * (len(places) < len(chosen))
        return join(lines).take(slice(skip - before, skip - before + limit)) if lines else NOTHING


NOTHING = Line(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def cut(line: Line, first: int, last: int | None) -> Line:
    """The points of a line from one id to another."""
    end = len(line.ids) if last is None else np.searchsorted(line.ids, last + 1)
    return line.take(slice(np.searchsorted(line.ids, first), end))


def metrics_of(blob: bytes) -> list[int]:
    """The metrics of an axis."""
    return np.frombuffer(blob, "<i4").tolist()


def _within(query: Select[Any], lo: Column[int], hi: Column[int], first: int, last: int | None) -> Select[Any]:
    if first > 1:
        query = query.where(hi >= first)
    return query if last is None else query.where(lo <= last)


def _of(connection: Connection, query: Select[Any], number: Column[int], wanted: list[int]) -> Iterator[Any]:
    """The rows with one of some sorted numbers: as one range where they lie close together."""
    if not wanted:
        return
    if wanted[-1] - wanted[0] < 2 * len(wanted):
        several = set(wanted)
        rows = connection.execute(query.where(number.between(wanted[0], wanted[-1])))
        yield from (row for row in rows if row[0] in several)
        return
    for some in chunks(wanted):
        yield from connection.execute(query.where(number.in_(some)))
