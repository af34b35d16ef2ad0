"""Small axes that follow each other, as full ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, select
from sqlalchemy.engine import Connection

from ...db.engine import Database
from ..chunks import layout
from ..chunks.frame import Rows
from ..chunks.pack import pack
from ..read.reader import Place, Reader, metrics_of
from ..statements import Statements
from ..tables import DELETING, FINISHED, metric_axis, metric_cdata, metric_chunk, metric_rollup, metric_stream

_MANY = 8  # So many small axes are merged though they do not fill one: else a slow run would heap them up.
_MOST = 64  # Axes that are merged at once.
_VALUES = 8 << 20  # With full ones among them, so many values at most, or four chunks' if these are more.


class Merge:
    """Merges what is in no rollup yet. An axis takes the number of one that it was made of: numbers stay in order."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._sql = statements

    def run(self, run: int) -> bool:
        """Merge some axes of a run, if there are any worth it; whether there were."""
        with self._database.reading() as connection:
            axes = _axes_to_merge(connection, run)
            if not axes:
                return False
            packed = pack(rows_of(connection, run, axes), layout.HARDER)
        numbers = [axis.axis_no for axis in axes]
        with self._database.writing() as connection:
            stream = next(iter(self._sql.streams(connection, [run])), None)
            if stream is None or stream.state >= DELETING or not _unchanged(connection, run, axes):
                return False
            for table in (metric_cdata, metric_chunk):
                is_of_metrics = table.c.metric_id.in_(packed[0].metrics)
                connection.execute(
                    delete(table).where(table.c.run_no == run, is_of_metrics, table.c.axis_no.in_(numbers))
                )
            c = metric_axis.c
            connection.execute(delete(metric_axis).where(c.run_no == run, c.axis_no.in_(numbers)))
            self._sql.write_packed(connection, run, zip(numbers, packed, strict=False))
        return True


def _axes_to_merge(connection: Connection, run: int) -> list[Row[int, int, int, int, bytes]]:
    """Neighbours of one set of metrics that are worth merging."""
    state = connection.scalar(select(metric_stream.c.state).where(metric_stream.c.run_no == run))
    last_rolled_up = _last_rolled_up(connection, run)
    c = metric_axis.c
    query = select(c.axis_no, c.id_lo, c.id_hi, c.rows, c.metrics)
    neighbours: dict[bytes, list[Row[int, int, int, int, bytes]]] = {}
    axes = connection.execute(query.where(c.run_no == run, c.axis_no > last_rolled_up).order_by(c.axis_no)).all()
    for axis in axes:
        before = neighbours.setdefault(axis.metrics, [])
        if axis.rows < layout.CHUNK and len(before) < _MOST:
            before.append(axis)
        elif _is_worthwhile(before, state == FINISHED):
            return before
        else:
            before.clear()
    worthwhile = next((group for group in neighbours.values() if _is_worthwhile(group, state == FINISHED)), [])
    return worthwhile or (_axes_to_refill(axes) if state == FINISHED else [])


def _axes_to_refill(axes: Sequence[Row[int, int, int, int, bytes]]) -> list[Row[int, int, int, int, bytes]]:
    """Neighbours with full ones among them that would be many fewer: each request of 10,000 rows leaves a small axis
    behind two full ones. Only once a run has ended, as all of them are rewritten."""
    groups: dict[bytes, list[Row[int, int, int, int, bytes]]] = {}
    for axis in axes:
        group = groups.setdefault(axis.metrics, [])
        if not group and axis.rows >= layout.CHUNK:
            continue  # It would stay as it is.
        group.append(axis)
        rows = sum(one.rows for one in group)
        if len(group) == _MOST or rows >= max(_VALUES // len(axis.metrics), 4 * layout.CHUNK):
            if _saves_axes(group):
                return group
            group.clear()
    return next((group for group in groups.values() if _saves_axes(group)), [])


def _saves_axes(axes: list[Row[int, int, int, int, bytes]]) -> bool:
    saved = len(axes) + sum(axis.rows for axis in axes) // -layout.CHUNK
    return saved >= max(len(axes) // 8, 1)


def _is_worthwhile(axes: list[Row[int, int, int, int, bytes]], finished: bool) -> bool:
    rows = sum(axis.rows for axis in axes)
    # Fewer axes than before must come of it, or it would never end.
    return len(axes) > -(-rows // layout.CHUNK) and (rows >= layout.CHUNK or len(axes) >= _MANY or finished)


def rows_of(connection: Connection, run: int, axes: Sequence[Any]) -> Rows:
    """The rows of axes of one set of metrics, by id."""
    reader, metrics = Reader(connection, run), metrics_of(axes[0].metrics)
    lines = []
    for pos, metric in enumerate(metrics):
        places = [Place(axis.axis_no, pos, axis.rows, axis.id_lo, axis.id_hi) for axis in axes]
        lines.append(reader.decoded(metric, places))
    first = lines[0]
    return Rows(tuple(metrics), first.ids, first.steps, first.times, [line.values for line in lines])


def _last_rolled_up(connection: Connection, run: int) -> int:
    """The last axis that is in a rollup; those up to it stay as they are."""
    r = metric_rollup.c
    return connection.scalar(select(func.max(r.axis_hi)).where(r.run_no == run)) or 0


def _unchanged(connection: Connection, run: int, axes: list[Row[int, int, int, int, bytes]]) -> bool:
    """Whether the axes are still those that were read, and nobody has rolled them up meanwhile."""
    c = metric_axis.c
    query = select(c.axis_no, c.id_lo, c.id_hi, c.rows, c.metrics).order_by(c.axis_no)
    numbers = [axis.axis_no for axis in axes]
    unchanged = connection.execute(query.where(c.run_no == run, c.axis_no.in_(numbers))).all() == axes
    return unchanged and _last_rolled_up(connection, run) < numbers[0]
