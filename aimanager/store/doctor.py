"""Holds everything that is stored about points against the points themselves, and says what does not agree."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ..database import Database
from . import codec, rollup
from .base import Ints
from .frame import Line, blocks, concatenated
from .pack import Along, Piece
from .reader import Reader, metrics_of
from .summary import Standing, tally
from .tables import (
    DELETING,
    STEPS_ASCEND,
    TIMES_ASCEND,
    metric_axis,
    metric_cdata,
    metric_chunk,
    metric_log,
    metric_name,
    metric_rollup,
    metric_series,
    metric_stream,
)


class Fault(NamedTuple):
    """What is wrong, and where: `place` names the axis or the frame and, where it is known, the point."""

    run: int
    metric: str | None
    place: str
    what: str

    def __str__(self) -> str:
        metric = "" if self.metric is None else f", metric {self.metric!r}"
        return f"run {self.run}{metric}, {self.place}: {self.what}"


def check(database: Database, runs: Sequence[int] | None = None) -> Iterator[Fault]:
    """The faults of some runs or of all, run by run, each within a snapshot of its own."""
    with database.reading() as connection:
        c = metric_stream.c
        every = connection.scalars(select(c.run_no).where(c.state < DELETING).order_by(c.run_no)).all()
    for run in every if runs is None else runs:
        with database.reading() as connection:
            faults = Examination(connection, run).faults()
        yield from faults


class Examination:
    """Of one run. Its lines are held together: memory for 32 bytes a point."""

    def __init__(self, connection: Connection, run: int) -> None:
        self._connection = connection
        self._run = run
        self._reader = Reader(connection, run)
        self._lines: dict[int, list[Line]] = defaultdict(list)
        self._damaged: set[int] = set()
        self._faults: list[tuple[int | None, str, str]] = []

    def faults(self) -> list[Fault]:
        self._check_axes()
        self._check_rollups()
        self._check_log()
        self._check_summaries()
        self._check_ids()
        ids = {metric for metric, *_ in self._faults if metric is not None}
        found = self._connection.execute(select(metric_name).where(metric_name.c.id.in_(ids)))
        names = {row.id: row.name for row in found}
        return [
            Fault(self._run, None if metric is None else names.get(metric, f"number {metric}"), place, what)
            for metric, place, what in self._faults
        ]

    def _note(self, metric: int | None, place: str, what: str) -> None:
        self._faults.append((metric, place, what))

    def _rows(self, table: Any) -> dict[tuple[int, int], Any]:
        rows = self._connection.execute(select(table).where(table.c.run_no == self._run))
        return {(row.metric_id, row.axis_no): row for row in rows}

    def _check_axes(self) -> None:
        chunks, data = self._rows(metric_chunk), self._rows(metric_cdata)
        query = select(metric_axis).where(metric_axis.c.run_no == self._run).order_by(metric_axis.c.axis_no)
        for axis in self._connection.execute(query).all():
            metrics = metrics_of(axis.metrics)
            columns = self._columns(axis, metrics)
            for pos, metric in enumerate(metrics):
                key = (metric, axis.axis_no)
                chunk, blobs = chunks.pop(key, None), data.pop(key, None)
                if chunk is None or blobs is None:
                    self._lose(metric, axis.axis_no, "the chunk is not there")
                elif columns is None:
                    self._damaged.add(metric)
                else:
                    self._check_chunk(axis, columns, pos, chunk, blobs)
        for metric, number in chunks.keys() | data.keys():
            self._lose(metric, number, "the axis is not there")

    def _lose(self, metric: int, axis: int, what: str) -> None:
        self._damaged.add(metric)
        self._note(metric, f"axis {axis}", what)

    def _columns(self, axis: Any, metrics: list[int]) -> tuple[Ints, Ints, Ints] | None:
        """Ids, steps and times of an axis, and whether its row says the truth about them."""
        ids, steps, times = (np.empty(axis.rows, np.int64) for _ in range(3))
        for name, column in (("base", ids), ("step", steps), ("ts", times)):
            try:
                codec.decode(getattr(axis, name), column)
            except codec.Damaged as damage:
                for metric in metrics:
                    self._note(metric, f"axis {axis.axis_no}, column {name}", str(damage))
                return None
        ids += axis.id_lo
        step, ts = Along.of(steps, 1), Along.of(times, 1)
        expected = {
            "id_lo": int(ids[0]),
            "id_hi": int(ids[-1]) + len(metrics) - 1,
            "flags": STEPS_ASCEND * step.ascend | TIMES_ASCEND * ts.ascend,
            "step_lo": step.lo,
            "step_hi": step.hi,
            "ts_lo": ts.lo,
            "ts_hi": ts.hi,
            "step_edges": step.edges,
            "ts_edges": ts.edges,
        }
        for name, value in expected.items():
            if getattr(axis, name) != value:
                self._note(None, f"axis {axis.axis_no}", f"{name} is not that of the points")
        return ids, steps, times

    def _check_chunk(self, axis: Any, columns: tuple[Ints, Ints, Ints], pos: int, chunk: Any, blobs: Any) -> None:
        ids, steps, times = columns
        values = np.empty(axis.rows, np.float64)
        try:
            codec.decode(blobs.v, values)
        except codec.Damaged as damage:
            self._lose(chunk.metric_id, axis.axis_no, f"the values from id {ids[0] + pos} to {ids[-1] + pos}: {damage}")
            return
        piece = Piece.of(values, 1)
        expected = {name: getattr(axis, name) for name in ("rows", "flags", "step_lo", "step_hi", "ts_lo", "ts_hi")}
        expected |= {"pos": pos, "id_lo": int(ids[0]) + pos, "id_hi": int(ids[-1]) + pos}
        expected |= {name: getattr(piece, name) for name in ("n_bad", "vmin", "vmax", "vlast", "marks")}
        for name, value in expected.items():
            if getattr(chunk, name) != value:
                self._note(chunk.metric_id, f"axis {axis.axis_no}", f"{name} is not that of the points")
        if blobs.sub != piece.sub:
            self._note(chunk.metric_id, f"axis {axis.axis_no}", "the tree is not that of the points")
        self._lines[chunk.metric_id].append(Line(ids + pos, steps, times, values))

    def _check_rollups(self) -> None:
        r, c = metric_rollup.c, metric_chunk.c
        query = select(metric_rollup).where(r.run_no == self._run).order_by(r.metric_id, r.axis_lo)
        for row in self._connection.execute(query).all():
            mine = (c.run_no == self._run, c.metric_id == row.metric_id, c.axis_no.between(row.axis_lo, row.axis_hi))
            rows = self._connection.execute(select(*rollup.COLUMNS).where(*mine).order_by(c.axis_no)).all()
            if row.metric_id in self._damaged:
                continue
            chunks = rollup.of_rows(rows)
            rollup.place_marks(chunks, self._reader)
            if not rows or rollup.row_of(self._run, row.metric_id, chunks) != dict(row._mapping):
                self._note(
                    row.metric_id, f"rollup of axes {row.axis_lo} to {row.axis_hi}", "it is not that of its chunks"
                )

    def _check_log(self) -> None:
        c = metric_log.c
        for id0, n, frame in self._connection.execute(select(c.id0, c.n, c.frame).where(c.run_no == self._run)):
            try:
                found = list(blocks([(id0, frame)]))
            except Exception as error:
                self._note(None, f"the frame of ids {id0} to {id0 + n - 1}", f"{type(error).__name__}: {error}")
                continue
            for rows in found:
                for position, metric in enumerate(rows.metrics):
                    self._lines[metric].append(rows.line(position))

    def _check_summaries(self) -> None:
        s = metric_series.c
        rows = {
            row.metric_id: row for row in self._connection.execute(select(metric_series).where(s.run_no == self._run))
        }
        for metric in sorted(self._lines.keys() | rows.keys()):
            if metric in self._damaged:
                continue
            if metric not in rows or metric not in self._lines:
                self._note(metric, "summary", "it is there without points, or points without it")
                continue
            for what in differences(Standing.of(rows[metric]), recomputed(concatenated(self._lines[metric]))):
                self._note(metric, "summary", f"{what} is not that of the points")

    def _check_ids(self) -> None:
        c = metric_stream.c
        head = (self._connection.scalar(select(func.max(c.next_id)).where(c.run_no == self._run)) or 1) - 1
        ids = np.sort(concatenated([line for lines in self._lines.values() for line in lines]).ids)
        if self._damaged or any(place.startswith("the frame") for _, place, _ in self._faults):
            return
        if len(ids) != head or (ids != np.arange(1, head + 1)).any():
            missing = np.setdiff1d(np.arange(1, head + 1), ids)
            first = f", the first is {missing[0]}" if len(missing) else ""
            self._note(None, "ids", f"{len(ids)} points of {head}; {len(missing)} are missing{first}")


def recomputed(line: Line) -> Standing:
    """What a summary must say of these points."""
    last = np.lexsort((line.ids, line.times))[-1]
    standing = Standing()
    where = int(line.steps[last]), int(line.times[last]), int(line.ids[last])
    standing.add(tally(line.values), float(line.values[last]), *where)
    return standing


def differences(kept: Standing, found: Standing) -> Iterator[str]:
    """The fields in which a summary is not what it should be; sums may differ in the last of their hundred bits."""
    for name in ("n", "n_bad", "last_step", "last_time", "last_id", "vmin", "vmax"):
        if getattr(kept, name) != getattr(found, name):
            yield name
    if kept.last != found.last and not (math.isnan(kept.last) and math.isnan(found.last)):
        yield "last"
    if kept.mean is None or found.mean is None or kept.vmin is None or kept.vmax is None:
        return
    room = max(abs(kept.vmin), abs(kept.vmax)) * 1e-20 + 1e-323
    if not math.isclose(kept.mean, found.mean, rel_tol=1e-14, abs_tol=room):
        yield "sum"
