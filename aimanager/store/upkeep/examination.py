"""The examination of one run: its axes, chunks, rollups, log and summaries held against its points."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import select
from sqlalchemy.engine import Connection

from ..chunks import checksum, codec, rollup
from ..chunks.frame import Line, Rows, blocks
from ..chunks.pack import NO_ROW, Piece, tree
from ..read import chunk_index
from ..read.reader import Reader, metrics_of
from ..shapes import Ints
from ..statements import chunks
from ..summary import RunningSummary, checksum_of
from ..tables import (
    LIVE,
    metric_axis,
    metric_cdata,
    metric_chunk,
    metric_log,
    metric_name,
    metric_rollup,
    metric_series,
    metric_stream,
)
from . import roll_up
from .recount import Ids, add_points, axis_statistics, describe_tree_fault, differences, first_wrong_chunk

_PAGE = 500  # Rows of small things that are read at a time; blobs are read axis by axis.


class Fault(NamedTuple):
    """What is wrong, and where: `place` names the axis or the frame and, where possible, the point."""

    run: int
    metric: str | None
    place: str
    what: str

    def __str__(self) -> str:
        metric = "" if self.metric is None else f", metric {self.metric!r}"
        return f"run {self.run}{metric}, {self.place}: {self.what}"


class Examination:
    """Of one run, an axis at a time: it takes no more memory for more points."""

    def __init__(self, connection: Connection, run: int) -> None:
        self._connection = connection
        self._run = run
        self._recounted: dict[int, RunningSummary] = defaultdict(RunningSummary)
        self._ids = Ids()
        self._id_spans: list[tuple[int, int, int, int, bool]] = []
        self._damaged: set[int] = set()
        self._unreadable = False
        self._faults: list[tuple[int | None, str, str]] = []

    def faults(self) -> list[Fault]:
        c = metric_stream.c
        stream = self._connection.execute(select(metric_stream).where(c.run_no == self._run)).first()
        last = self._check_axes()
        if stream is not None and last is not None and last >= stream.next_axis:
            self._note(None, f"axis {last}", f"the run's row has {stream.next_axis} as the next one's number")
        self._check_orphans()
        self._check_rollups()
        self._check_log()
        self._check_summaries(stream)
        if stream is not None:
            self._check_times(stream)
        if not self._unreadable:
            for what in self._ids.faults(stream.next_id - 1 if stream else 0, stream.gone if stream else 0):
                self._note(None, "ids", what)
        ids = {metric for metric, *_ in self._faults if metric is not None}
        names: dict[int, str] = {}
        for part in chunks(sorted(ids)):
            rows = self._connection.execute(select(metric_name).where(metric_name.c.id.in_(part)))
            names |= {row.id: row.name for row in rows}
        return [
            Fault(self._run, None if metric is None else names.get(metric, f"number {metric}"), place, what)
            for metric, place, what in self._faults
        ]

    def _note(self, metric: int | None, place: str, what: str) -> None:
        self._faults.append((metric, place, what))

    def _note_unreadable(self, metric: int, place: str, what: str) -> None:
        """Points that cannot be read: nothing can be said of what is made of them."""
        self._damaged.add(metric)
        self._unreadable = True
        self._note(metric, place, what)

    def _pages(self, query: Any, key: Any, after: int, most: int) -> Iterator[Sequence[Any]]:
        """The rows of a query by a key of integers, some at a time."""
        while page := self._connection.execute(query.where(key > after).order_by(key).limit(most)).all():
            yield page
            after = getattr(page[-1], key.name)

    def _note_span(self, ids: Ints, times: Ints, width: int) -> None:
        """Remember which ids came when, and whether one of them earlier than the one before."""
        back = bool((times[1:] < times[:-1]).any())
        self._id_spans.append((int(ids[0]), int(ids[-1]) + width - 1, int(times.min()), int(times.max()), back))

    def _check_times(self, stream: Any) -> None:
        """The run's row has the first and the last time, and whether no point is earlier than one with a smaller id."""
        if not self._unreadable and self._id_spans:
            first, last = min(lo for _, _, lo, _, _ in self._id_spans), max(hi for _, _, _, hi, _ in self._id_spans)
            for name, value in (("first_ts", first), ("last_ts", last)):
                if getattr(stream, name) != value:
                    self._note(None, "the run's row", f"{name} is not that of the points")
        if not stream.ordered:
            return
        last_id, latest = 0, -(2**63)
        for first, last, lo, hi, back in sorted(self._id_spans):
            # Axes of several sets of metrics have their ids between each other: these are left.
            if back or (first > last_id and lo < latest):
                self._note(None, f"ids {first} to {last}", "times go back, and the run's row says that they do not")
            last_id, latest = max(last_id, last), max(latest, hi)

    # Axes, and the chunks along them

    def _check_axes(self) -> int | None:
        """Look at them all; the number of the last one."""
        c, last = metric_axis.c, None
        for (axis,) in self._pages(select(metric_axis).where(c.run_no == self._run), c.axis_no, -(2**63), 1):
            last = axis.axis_no
            if len(axis.metrics) % 4 or not 0 < axis.rows < NO_ROW:
                self._unreadable = True
                self._note(None, _place_of(axis), f"{axis.rows} rows, {len(axis.metrics)} bytes of metrics")
                continue
            metrics = metrics_of(axis.metrics)
            columns = self._columns(axis, metrics)
            if columns is not None:
                self._check_axis(axis, columns, len(metrics))
            for start, group in zip(range(0, len(metrics), 100), _in_hundreds(metrics), strict=True):
                rows, data = (self._rows(table, axis.axis_no, group) for table in (metric_chunk, metric_cdata))
                for pos, metric in enumerate(group, start):
                    if metric not in rows or metric not in data:
                        self._note_unreadable(metric, _place_of(axis), "the chunk is not there")
                    elif columns is None:
                        self._damaged.add(metric)
                    else:
                        self._check_chunk(axis, columns, pos, rows[metric], data[metric])
        return last

    def _rows(self, table: Any, axis: int, metrics: list[int]) -> dict[int, Any]:
        """The rows along an axis, by metric."""
        c = table.c
        query = select(table).where(c.run_no == self._run, c.metric_id.in_(metrics), c.axis_no == axis)
        return {row.metric_id: row for row in self._connection.execute(query)}

    def _columns(self, axis: Any, metrics: list[int]) -> tuple[Ints, Ints, Ints] | None:
        """Ids, steps and times of an axis; None if they cannot be read."""
        ids, steps, times = (np.empty(axis.rows, np.int64) for _ in range(3))
        for name, column in (("base", ids), ("step", steps), ("ts", times)):
            try:
                codec.decode(getattr(axis, name), column)
            except codec.Damaged as damage:
                for metric in metrics:
                    self._note_unreadable(metric, f"{_place_of(axis)}, column {name}", str(damage))
                return None
        return ids + axis.id_lo, steps, times

    def _check_axis(self, axis: Any, columns: tuple[Ints, Ints, Ints], width: int) -> None:
        """Whether its row says the truth about an axis."""
        ids, steps, times = columns
        for name, value in {
            "id_lo": int(ids[0]),
            "id_hi": int(ids[-1]) + width - 1,
            **axis_statistics(axis, columns),
        }.items():
            if getattr(axis, name) != value:
                self._note(None, _place_of(axis), f"{name} is not that of the points")
        self._note_span(ids, times, width)
        if (ids[1:] < ids[:-1] + width).any():
            self._note(None, _place_of(axis), "rows are not in the order of their ids")
            ids = np.sort(ids)
        self._ids.add(ids, width)

    def _check_chunk(self, axis: Any, columns: tuple[Ints, Ints, Ints], pos: int, chunk: Any, blobs: Any) -> None:
        ids, steps, times = columns
        place, values = _place_of(axis), np.empty(axis.rows, np.float64)
        try:
            codec.decode(blobs.v, values)
        except codec.Damaged as damage:
            what = f"the values from id {ids[0] + pos} to {ids[-1] + pos}: {damage}"
            self._note_unreadable(chunk.metric_id, place, what)
            return
        piece = Piece.of(values, None)
        expected = {"pos": pos, "rows": axis.rows, "id_lo": int(ids[0]) + pos, "id_hi": int(ids[-1]) + pos}
        expected |= {
            name: value for name, value in axis_statistics(axis, columns).items() if not name.endswith("_edges")
        }
        expected |= {name: getattr(piece, name) for name in ("n_bad", "vmin", "vmax", "vlast", "marks")}
        for name, value in expected.items():
            if getattr(chunk, name) != value:
                self._note(chunk.metric_id, place, f"{name} is not that of the points")
        if blobs.sub not in (piece.sub, checksum.body(piece.sub)):
            self._note(chunk.metric_id, place, describe_tree_fault(blobs.sub, tree(values), ids + pos))
        add_points(self._recounted[chunk.metric_id], Line(ids + pos, steps, times, values))

    def _check_orphans(self) -> None:
        """Chunks without an axis, or along one that does not name them."""
        a = metric_axis.c
        for table in (metric_chunk, metric_cdata):
            c = table.c
            query = select(c.metric_id, c.axis_no, a.metrics).where(c.run_no == self._run)
            query = query.outerjoin(metric_axis, (a.run_no == c.run_no) & (a.axis_no == c.axis_no))
            for metric in self._connection.scalars(select(c.metric_id).where(c.run_no == self._run).distinct()).all():
                for page in self._pages(query.where(c.metric_id == metric), c.axis_no, -(2**63), _PAGE):
                    for _, number, metrics in page:
                        if metrics is None or struct.pack("<i", metric) not in _words_of_four_bytes(metrics):
                            self._note_unreadable(metric, f"axis {number}", "the axis is not there")

    # What was made of chunks

    def _check_rollups(self) -> None:
        r, c = metric_rollup.c, metric_chunk.c
        for metric in self._connection.scalars(select(r.metric_id).where(r.run_no == self._run).distinct()).all():
            if metric in self._damaged:
                continue
            query = select(metric_rollup).where(r.run_no == self._run, r.metric_id == metric)
            for (row,) in self._pages(query, r.axis_lo, -(2**63), 1):
                is_covered = (c.run_no == self._run, c.metric_id == metric, c.axis_no.between(row.axis_lo, row.axis_hi))
                rows = self._connection.execute(select(*rollup.COLUMNS).where(*is_covered).order_by(c.axis_no)).all()
                self._check_rollup(row, rows)

    def _check_rollup(self, row: Any, rows: Sequence[Any]) -> None:
        place = f"rollup of axes {row.axis_lo} to {row.axis_hi}"
        try:
            chunks = rollup.of_rows(rows)
            chunk_index.place_marks(chunks, Reader(self._connection, self._run))
        except (ValueError, KeyError):
            self._note(row.metric_id, place, "its chunks are damaged")
            return
        expected = roll_up.row_of(self._run, row.metric_id, chunks) if rows else {"chunks": b""}
        if not checksum.is_present(row.chunks):
            expected["chunks"] = checksum.body(expected["chunks"])
        if expected != dict(row._mapping):
            self._note(row.metric_id, place, f"it is not that of its chunks{first_wrong_chunk(row.chunks, chunks)}")

    # The log

    def _check_log(self) -> None:
        c = metric_log.c
        query = select(c.id0, c.n, c.frame).where(c.run_no == self._run)
        for page in self._pages(query, c.id0, -(2**63), _PAGE):
            page_rows = [rows for frame in page for rows in self._read(*frame)]
            for rows in page_rows:
                self._ids.add(rows.ids, len(rows.metrics))
                for position, metric in enumerate(rows.metrics):
                    add_points(self._recounted[metric], rows.line(position))
                self._note_span(rows.ids, rows.times, len(rows.metrics))

    def _read(self, id0: int, n: int, frame: bytes) -> list[Rows]:
        """The points of a frame; none if they cannot be read."""
        place = f"the frame of ids {id0} to {id0 + n - 1}"
        try:
            parts = list(blocks([(id0, frame)]))
        except codec.Damaged as damage:
            self._unreadable = True
            self._note(None, place, str(damage))
            return []
        if (count := sum(len(rows.ids) * len(rows.metrics) for rows in parts)) != n:
            self._note(None, place, f"it has {count} points")
        return parts

    def _check_summaries(self, stream: Any) -> None:
        s = metric_series.c
        query = select(metric_series).where(s.run_no == self._run)
        series = {row.metric_id: row for row in self._connection.execute(query)}
        for metric in sorted(self._recounted.keys() | series.keys()):
            before, row = len(self._faults), series.get(metric)
            if metric not in self._damaged:
                if row is None or metric not in self._recounted:
                    self._note(metric, "summary", "it is there without points, or points without it")
                    continue
                for what in differences(RunningSummary.of(row), self._recounted[metric]):
                    self._note(metric, "summary", f"{what} is not that of the points")
            if row is None:
                continue
            if stream is not None and row.live != (stream.state == LIVE):
                self._note(metric, "summary", "live is not that of the run")
            if len(self._faults) == before and row.crc is not None and row.crc != checksum_of(row):
                self._note(metric, "summary", "its checksum does not match")
            if len(self._faults) == before and row.vmean != RunningSummary.of(row).mean:
                self._note(metric, "summary", "mean is not that of its sum")


def _place_of(axis: Any) -> str:
    return f"axis {axis.axis_no}, ids {axis.id_lo} to {axis.id_hi}"


def _words_of_four_bytes(blob: bytes) -> set[bytes]:
    return {blob[start : start + 4] for start in range(0, len(blob), 4)}


def _in_hundreds(items: list[int]) -> list[list[int]]:
    return [items[start : start + 100] for start in range(0, len(items), 100)]
