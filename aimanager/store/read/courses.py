"""The points of one metric of many runs along x, in a few statements: what a group's mean is made of.

Steps and times come first and values run by run, so that a hundred runs of a hundred thousand points take little memory.
Runs that were logged in the same way have the same bytes for their steps: these are decoded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.engine import Connection

from ...db.prepared import LEAST, MOST, Prepared, named, one_of
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
_METRIC, _FIRST, _LAST = named("metric", "first", "last")
_chunk, _axis, _data, _log = metric_chunk.c, metric_axis.c, metric_cdata.c, metric_log.c
_CHUNKS = Prepared(
    select(
        _chunk.run_no, _chunk.axis_no, _chunk.rows, _chunk.flags, _chunk.id_lo, _chunk.id_hi, _chunk.step_lo,
        _chunk.step_hi, _chunk.ts_lo, _chunk.ts_hi,
    )
    .where(one_of(_chunk.run_no, "runs"), _chunk.metric_id == _METRIC)
    .order_by(_chunk.run_no, _chunk.axis_no)
)  # fmt: skip
_AXES = {
    column: Prepared(
        select(_axis.run_no, _axis.axis_no, _axis[column]).where(
            one_of(_axis.run_no, "runs"), _axis.axis_no.between(_FIRST, _LAST)
        )
    )
    for column in ("step", "ts")
}
_VALUES = Prepared(
    select(_data.run_no, _data.axis_no, _data.v).where(
        one_of(_data.run_no, "runs"), _data.metric_id == _METRIC, _data.axis_no.between(_FIRST, _LAST)
    )
)
_FRAMES = Prepared(
    select(_log.run_no, _log.id0, _log.frame).where(one_of(_log.run_no, "runs")).order_by(_log.run_no, _log.id0)
)


@dataclass(frozen=True, slots=True, eq=False)
class Courses:
    """Points of a metric of many runs, each run's in the order of (x, time, id): all in a window, and those on either side of
    it; there may be more.

    `x` has them by run, without runs that have no points; runs that were logged alike may share an array. `values` gives each
    run once, in any order, with as many values, and raises DamagedPoints.
    """

    x: dict[int, Ints]
    values: Callable[[], Iterator[tuple[int, Floats]]]


class _Chunk(NamedTuple):
    """A row of _CHUNKS."""

    run: int
    axis: int
    rows: int
    flags: int
    id_lo: int
    id_hi: int
    step_lo: int
    step_hi: int
    ts_lo: int
    ts_hi: int


class ManyRuns:
    """Reads one metric of many runs within one snapshot, from `low` to `high` in x; `origins` are what x of each run counts
    from."""

    def __init__(
        self,
        connection: Connection,
        metric: int,
        x: Axis,
        origins: Mapping[int, int],
        low: int = LEAST,
        high: int = MOST,
    ) -> None:
        self._connection = connection
        self._metric = metric
        self._column = "step" if x == "step" else "ts"
        self._origins = origins
        self._low, self._high = low, max(low, high)
        self._decoded: dict[tuple[Any, ...], Ints] = {}

    def courses(self) -> Courses:
        """Raises DamagedPoints."""
        runs = list(self._origins)
        rows = map(_Chunk._make, _CHUNKS.rows(self._connection, runs=runs, metric=self._metric))
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
            else:
                plain[run] = self._around(run, plain[run])
        x = self._all_x(plain, tails)
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

    def _around(self, run: int, chunks: list[_Chunk]) -> list[_Chunk]:
        """Of chunks in order those with points in the window or next to it."""
        if (self._low, self._high) == (LEAST, MOST) or not chunks:
            return chunks
        low, high = self._low + self._origins[run], self._high + self._origins[run]
        ends = [self._ends(chunk) for chunk in chunks]
        low = max((last for _, last in ends if last < low), default=low)
        high = min((last for _, last in ends if last > high), default=high)
        return [chunk for chunk, (first, last) in zip(chunks, ends, strict=True) if last >= low and first <= high]

    def _ends(self, chunk: _Chunk) -> tuple[int, int]:
        return (chunk.step_lo, chunk.step_hi) if self._column == "step" else (chunk.ts_lo, chunk.ts_hi)

    def _all_x(self, chunks: Mapping[int, list[_Chunk]], tails: Mapping[int, Line]) -> dict[int, Ints]:
        wanted = {"runs": list(chunks), **_axes_of(chunks.values())}
        blobs: dict[int, dict[int, bytes]] = {run: {} for run in chunks}
        for run, axis, blob in _AXES[self._column].each(self._connection, **wanted):
            blobs[run][axis] = blob
        return {run: self._x(run, chunks[run], blobs.pop(run), tails.get(run, NOTHING)) for run in chunks}

    def _x(self, run: int, chunks: list[_Chunk], blobs: Mapping[int, bytes], tail: Line) -> Ints:
        """The x of a run's points; runs with the same bytes have the same array."""
        key = tuple((chunk.rows, blobs.get(chunk.axis)) for chunk in chunks)
        if key not in self._decoded:
            self._decoded[key] = self._decode(run, chunks, blobs, np.empty(0, np.int64))
        x = self._decoded[key]
        return np.append(x, self._along(tail)) if len(tail.ids) else x

    def _values(self, chunks: Mapping[int, list[_Chunk]], tails: Mapping[int, Line]) -> Iterator[tuple[int, Floats]]:
        for runs in _batches({run: sum(chunk.rows for chunk in of_run) for run, of_run in chunks.items()}):
            blobs: dict[int, dict[int, bytes]] = {run: {} for run in runs}
            axes = _axes_of(chunks[run] for run in runs)
            for run, axis, blob in _VALUES.each(self._connection, runs=runs, metric=self._metric, **axes):
                blobs[run][axis] = blob
            for run in runs:
                tail = tails.get(run, NOTHING)
                yield run, self._decode(run, chunks[run], blobs.pop(run), tail.values)

    def _decode(self, run: int, chunks: list[_Chunk], blobs: Mapping[int, bytes], tail: NDArray[Any]) -> NDArray[Any]:
        """A column of chunks, with the tail behind it."""
        column = np.empty(sum(chunk.rows for chunk in chunks) + len(tail), tail.dtype)
        start = 0
        with np.errstate(invalid="ignore"):  # Damaged bytes may be a float that is not liked.
            for chunk in chunks:
                try:
                    codec.decode(blobs[chunk.axis], column[start : start + chunk.rows])
                except (Damaged, KeyError) as damage:
                    what = "its bytes are not there" if isinstance(damage, KeyError) else str(damage)
                    raise DamagedPoints(run, self._metric, chunk.axis, what) from damage
                start += chunk.rows
        column[start:] = tail
        return column


def _axes_of(chunks: Iterable[list[_Chunk]]) -> dict[str, int]:
    """From which axis to which the chunks are."""
    axes = [chunk.axis for of_run in chunks for chunk in of_run]
    return {"first": min(axes, default=0), "last": max(axes, default=-1)}


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
