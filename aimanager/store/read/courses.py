"""The points of one metric of many runs along x, in a few statements: what a group's mean is made of.

Steps and times come first and values run by run, so that a hundred runs of a hundred thousand points take little memory.
Runs that were logged in the same way have the same bytes for their steps: these are decoded once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from operator import attrgetter
from threading import Lock
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

AT_ONCE = 500_000  # Points whose values are read in one statement.
_ASCEND = STEPS_ASCEND | TIMES_ASCEND
_METRIC, _FIRST, _LAST = named("metric", "first", "last")
_chunk, _axis, _data, _log = metric_chunk.c, metric_axis.c, metric_cdata.c, metric_log.c
_CHUNKS = Prepared(
    select(
        _chunk.run_no, _chunk.axis_no, _chunk.rows, _chunk.flags, _chunk.n_bad, _chunk.id_lo, _chunk.id_hi,
        _chunk.step_lo, _chunk.step_hi, _chunk.ts_lo, _chunk.ts_hi,
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


class Column(NamedTuple):
    """A run's values, float64 or float32, and whether any may be NaN or infinite."""

    run: int
    values: NDArray[Any]
    gaps: bool


class _Chunk(NamedTuple):
    """A row of _CHUNKS."""

    run: int
    axis: int
    rows: int
    flags: int
    n_bad: int
    id_lo: int
    id_hi: int
    step_lo: int
    step_hi: int
    ts_lo: int
    ts_hi: int


class ManyRuns:
    """Points of one metric of many runs within one snapshot, each run's in the order of (x, time, id): all from `low` to
    `high` in x, and those on either side; there may be more. `origins` are what x of each run counts from.

    `x` has them by run, without runs that have no points; runs that were logged alike may share an array. `batches` are
    these runs as `values` reads them together. Raises DamagedPoints.
    """

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
        self._reading = Lock()
        self._metric = metric
        self._column = "step" if x == "step" else "ts"
        self._origins = origins
        self._low, self._high = low, max(low, high)
        self._decoded: dict[tuple[Any, ...], Ints] = {}
        self._chunks, self._tails, self._sorted = self._found(list(origins))
        along = self._all_x()
        along |= {run: x for run, (x, _) in self._sorted.items()}
        self.x = {run: since(along[run], origins[run]) for run in origins if run in along}
        self.batches = _batches({run: len(x) for run, x in self.x.items()})

    def values(self, batch: Sequence[int]) -> Iterator[Column]:
        """As many values for each run of a batch, in its order; several threads may ask at once. Raises DamagedPoints."""
        blobs: dict[int, dict[int, bytes]] = {run: {} for run in batch}
        plain = [run for run in batch if run in self._chunks]
        wanted = {"runs": plain, "metric": self._metric, **_axes_of(self._chunks[run] for run in plain)}
        with self._reading:
            for run, axis, blob in _VALUES.each(self._connection, **wanted):
                blobs[run][axis] = blob
        for run in batch:
            of_run = blobs.pop(run)
            if run in self._sorted:
                yield Column(run, self._sorted[run][1], True)
                continue
            chunks, tail = self._chunks[run], self._tails.get(run, NOTHING).values
            gaps = any(chunk.n_bad for chunk in chunks) or not np.isfinite(tail).all()
            yield Column(run, self._decode(run, chunks, of_run, tail), gaps)

    def _found(
        self, runs: list[int]
    ) -> tuple[dict[int, list[_Chunk]], dict[int, Line], dict[int, tuple[Ints, Floats]]]:
        """Chunks and tails that are in the order of x as they were stored, and what had to be sorted, by run."""
        rows = map(_Chunk._make, _CHUNKS.rows(self._connection, runs=runs, metric=self._metric))
        stored = {run: list(of_run) for run, of_run in groupby(rows, attrgetter("run"))}
        tails = self._read_tails(runs)
        in_order, sorted_lines = {}, {}
        for run in runs:
            if run not in stored and run not in tails:
                continue
            chunks = sorted(stored.get(run, []), key=attrgetter("id_lo"))
            if _in_order(chunks, tails.get(run, NOTHING)):
                in_order[run] = self._around(run, chunks)
            else:
                sorted_lines[run] = self._read_sorted(run)
        return in_order, tails, sorted_lines

    def _read_tails(self, runs: list[int]) -> dict[int, Line]:
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

    def _read_sorted(self, run: int) -> tuple[Ints, Floats]:
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

    def _all_x(self) -> dict[int, Ints]:
        wanted = {"runs": list(self._chunks), **_axes_of(self._chunks.values())}
        blobs: dict[int, dict[int, bytes]] = {run: {} for run in self._chunks}
        for run, axis, blob in _AXES[self._column].each(self._connection, **wanted):
            blobs[run][axis] = blob
        return {run: self._x(run, of_run, blobs.pop(run)) for run, of_run in self._chunks.items()}

    def _x(self, run: int, chunks: list[_Chunk], blobs: Mapping[int, bytes]) -> Ints:
        """The x of a run's points; runs with the same bytes have the same array."""
        key = tuple((chunk.rows, blobs.get(chunk.axis)) for chunk in chunks)
        if key not in self._decoded:
            self._decoded[key] = self._decode(run, chunks, blobs, np.empty(0, np.int64))
        x, tail = self._decoded[key], self._tails.get(run, NOTHING)
        return np.append(x, self._along(tail)) if len(tail.ids) else x

    def _decode(self, run: int, chunks: list[_Chunk], blobs: Mapping[int, bytes], tail: NDArray[Any]) -> NDArray[Any]:
        """A column of chunks, with the tail behind it; values stay float32 where all were stored so."""
        narrow = tail.dtype.kind == "f" and not len(tail) and all(map(codec.is_narrow, blobs.values()))
        column = np.empty(sum(chunk.rows for chunk in chunks) + len(tail), np.float32 if narrow else tail.dtype)
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


def _batches(sizes: Mapping[int, int]) -> list[list[int]]:
    """Runs that are read together."""
    batches: list[list[int]] = []
    room = 0
    for run, points in sizes.items():
        if not batches or points > room:
            batches.append([])
            room = AT_ONCE
        batches[-1].append(run)
        room -= points
    return batches
