"""All points of one metric of many runs along x, in a few statements: what a group's mean is made of.

Steps and times come first and values run by run, so that a hundred runs of a hundred thousand points take little memory.
Runs that were logged in the same way have the same bytes for their steps: these are decoded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.engine import Connection

from ...db.prepared import Prepared, named, one_of
from ..base import DamagedPoints
from ..chunks import codec
from ..chunks.codec import Damaged
from ..chunks.frame import Line, decode
from ..shapes import Axis, Floats, Ints
from ..tables import STEPS_ASCEND, TIMES_ASCEND, metric_axis, metric_cdata, metric_chunk, metric_log
from .nodes import since
from .reader import NOTHING, Reader

AT_ONCE = 2_000_000  # Points whose values are read in one statement.
_ASCEND = STEPS_ASCEND | TIMES_ASCEND
(_METRIC,) = named("metric")
_chunk, _axis, _data, _log = metric_chunk.c, metric_axis.c, metric_cdata.c, metric_log.c
_CHUNKS = {
    column: Prepared(
        select(
            _chunk.run_no, _chunk.axis_no, _chunk.rows, _chunk.flags, _chunk.id_lo, _chunk.id_hi, _chunk.step_lo,
            _chunk.step_hi, _chunk.ts_lo, _chunk.ts_hi, _axis[column],
        )
        .join_from(metric_chunk, metric_axis, (_axis.run_no == _chunk.run_no) & (_axis.axis_no == _chunk.axis_no))
        .where(one_of(_chunk.run_no, "runs"), _chunk.metric_id == _METRIC)
        .order_by(_chunk.run_no, _chunk.axis_no)
    )
    for column in ("step", "ts")
}  # fmt: skip
_VALUES = Prepared(
    select(_data.run_no, _data.axis_no, _data.v).where(one_of(_data.run_no, "runs"), _data.metric_id == _METRIC)
)
_FRAMES = Prepared(
    select(_log.run_no, _log.id0, _log.frame).where(one_of(_log.run_no, "runs")).order_by(_log.run_no, _log.id0)
)


@dataclass(frozen=True, slots=True, eq=False)
class Courses:
    """All points of a metric of many runs, each run's in the order of (x, time, id).

    `x` has them by run, without runs that have no points; runs that were logged alike may share an array. `values` gives each
    run once, in any order, with as many values, and raises DamagedPoints.
    """

    x: dict[int, Ints]
    values: Callable[[], Iterator[tuple[int, Floats]]]


class _Chunk:
    """A row of _CHUNKS."""

    __slots__ = ("axis", "column", "flags", "id_hi", "id_lo", "rows", "run", "step_hi", "step_lo", "ts_hi", "ts_lo")

    def __init__(self, row: Sequence[Any]) -> None:
        self.run, self.axis, self.rows, self.flags, self.id_lo, self.id_hi = row[:6]
        self.step_lo, self.step_hi, self.ts_lo, self.ts_hi, self.column = row[6:]


class ManyRuns:
    """Reads one metric of many runs within one snapshot; `origins` are what x of each run counts from."""

    def __init__(self, connection: Connection, metric: int, x: Axis, origins: Mapping[int, int]) -> None:
        self._connection = connection
        self._metric = metric
        self._column = "step" if x == "step" else "ts"
        self._origins = origins
        self._decoded: dict[tuple[Any, ...], Ints] = {}

    def courses(self) -> Courses:
        """Raises DamagedPoints."""
        runs = list(self._origins)
        rows = map(_Chunk, _CHUNKS[self._column].rows(self._connection, runs=runs, metric=self._metric))
        chunks = {run: list(of_run) for run, of_run in groupby(rows, attrgetter("run"))}
        tails = self._tails(runs)
        # What is in the order of x as it was stored is read as it is; the rest is sorted.
        plain = {run: chunks.get(run, []) for run in runs if run in chunks or run in tails}
        sorted_lines = {}
        for run in list(plain):
            plain[run].sort(key=attrgetter("id_lo"))
            if not _in_order(plain[run], tails.get(run, NOTHING)):
                del plain[run]
                sorted_lines[run] = self._sorted(run)
        x = {run: self._x(run, plain[run], tails.get(run, NOTHING)) for run in plain}
        x |= {run: x for run, (x, _) in sorted_lines.items()}

        def values() -> Iterator[tuple[int, Floats]]:
            for run, (_, sorted_values) in sorted_lines.items():
                yield run, sorted_values
            yield from self._values(plain, tails)

        return Courses({run: since(x[run], self._origins[run]) for run in runs if run in x}, values)

    def _tails(self, runs: list[int]) -> dict[int, Line]:
        tails = {}
        frames = _FRAMES.rows(self._connection, runs=runs)
        for run, of_run in groupby(frames, lambda row: row[0]):
            try:
                tail = decode([tuple(row[1:]) for row in of_run], [self._metric])
            except Damaged as damage:
                raise DamagedPoints(run, 0, 0, str(damage)) from damage
            if self._metric in tail:
                tails[run] = tail[self._metric]
        return tails

    def _sorted(self, run: int) -> tuple[Ints, Floats]:
        line = Reader(self._connection, run).lines([self._metric])[self._metric]
        x = self._along(line)
        order = np.lexsort((line.ids, line.times, x))
        return x[order], line.values[order]

    def _along(self, line: Line) -> Ints:
        return line.steps if self._column == "step" else line.times

    def _x(self, run: int, chunks: list[_Chunk], tail: Line) -> Ints:
        """The x of a run's points; runs with the same bytes have the same array."""
        key = tuple((chunk.rows, chunk.column) for chunk in chunks)
        if key not in self._decoded:
            ends = np.cumsum([0, *(chunk.rows for chunk in chunks)])
            x = np.empty(ends[-1], np.int64)
            for chunk, (start, end) in zip(chunks, pairwise(ends.tolist()), strict=True):
                try:
                    codec.decode(chunk.column, x[start:end])
                except Damaged as damage:
                    raise DamagedPoints(run, self._metric, chunk.axis, str(damage)) from damage
            self._decoded[key] = x
        x = self._decoded[key]
        for chunk in chunks:
            chunk.column = b""
        return np.append(x, self._along(tail)) if len(tail.ids) else x

    def _values(self, chunks: Mapping[int, list[_Chunk]], tails: Mapping[int, Line]) -> Iterator[tuple[int, Floats]]:
        for runs in _batches({run: sum(chunk.rows for chunk in of_run) for run, of_run in chunks.items()}):
            blobs: dict[int, dict[int, bytes]] = {run: {} for run in runs}
            for run, axis, blob in _VALUES.each(self._connection, runs=runs, metric=self._metric):
                blobs[run][axis] = blob
            for run in runs:
                tail = tails.get(run, NOTHING)
                yield run, self._decode(run, chunks[run], blobs.pop(run), tail.values)

    def _decode(self, run: int, chunks: list[_Chunk], blobs: dict[int, bytes], tail: Floats) -> Floats:
        values = np.empty(sum(chunk.rows for chunk in chunks) + len(tail), np.float64)
        start = 0
        with np.errstate(invalid="ignore"):  # Damaged bytes may be a float that is not liked.
            for chunk in chunks:
                try:
                    codec.decode(blobs[chunk.axis], values[start : start + chunk.rows])
                except (Damaged, KeyError) as damage:
                    what = "its bytes are not there" if isinstance(damage, KeyError) else str(damage)
                    raise DamagedPoints(run, self._metric, chunk.axis, what) from damage
                start += chunk.rows
        values[start:] = tail
        return values


def _in_order(chunks: list[_Chunk], tail: Line) -> bool:
    """Whether points by id are points by (step, time, id), and by (time, id)."""
    if any(chunk.flags & _ASCEND != _ASCEND for chunk in chunks):
        return False
    for before, chunk in pairwise(chunks):
        if chunk.id_lo <= before.id_hi or chunk.step_lo < before.step_hi or chunk.ts_lo < before.ts_hi:
            return False
    if not len(tail.ids):
        return True
    last = chunks[-1] if chunks else None
    for column, high in ((tail.steps, "step_hi"), (tail.times, "ts_hi"), (tail.ids, "id_hi")):
        if (column[1:] < column[:-1]).any() or (last is not None and column[0] < getattr(last, high)):
            return False
    return True


def _batches(sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """Runs that are read together."""
    batch: list[int] = []
    size = 0
    for run, points in sizes.items():
        if batch and size + points > AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(run)
        size += points
    if batch:
        yield batch
