"""A run up to a step: what a fork begins with, and what a rewind leaves.

A fork has a copy of its parent's points, so that everything that is asked of it is asked of one run. Packed points are
copied as they are, by the database itself. What lies on both sides of the step, and what is still in the log, is packed
anew. Points keep their ids, so the ids of a run that was forked or rewound have gaps: `gone` of its stream says how many.

All of it is worked out in a snapshot with nobody waiting. The transaction that writes it then checks that the run is still
the one that was read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import delete, insert, literal, select, update
from sqlalchemy.engine import Connection

from ..base import DamagedPoints, RunDeleted
from ..chunks.codec import Damaged
from ..chunks.frame import Line, Rows
from ..chunks.pack import Packed, pack
from ..read.reader import Place, Reader, metrics_of
from ..statements import Statements, chunks
from ..summary import RunningSummary
from ..tables import (
    DELETING,
    LIVE,
    metric_axis,
    metric_cdata,
    metric_chunk,
    metric_log,
    metric_rollup,
    metric_series,
    metric_stream,
)
from .merge import rows_of
from .recount import add_points
from .seal import lock, sets

_AT_ONCE = 64  # Axes whose points are counted together.
_axis, _stream = metric_axis.c, metric_stream.c
_AXES = select(
    _axis.axis_no, _axis.id_lo, _axis.id_hi, _axis.rows, _axis.metrics, _axis.step_lo, _axis.step_hi, _axis.ts_lo, _axis.ts_hi
).order_by(_axis.axis_no)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A run's points with step <= `step`, all of them if it is None. `series` are the summaries that differ from the run's,
    None for a metric that has no point left; `times` are the first and the last one."""

    run: int
    step: int | None
    stream: Any
    axes: list[Any]
    cut: list[int]
    packed: list[tuple[int, Packed]]
    series: dict[int, RunningSummary | None]
    times: tuple[int | None, int | None]
    removed: int


def read(connection: Connection, run: int, step: int | None) -> Branch | None:
    """None for a run that never got a request. Raises DamagedPoints, RunDeleted."""
    stream = connection.execute(select(metric_stream).where(_stream.run_no == run)).first()
    if stream is not None and stream.state >= DELETING:
        raise RunDeleted(f"run {run} is deleted")
    if stream is None or not stream.heard_at:
        return None
    axes = list(connection.execute(_AXES.where(_axis.run_no == run)))
    cut = [axis for axis in axes if step is not None and axis.step_hi > step]
    packed: list[tuple[int, Packed]] = []
    kept: dict[int, list[Line]] = defaultdict(list)
    losing = {metric for axis in cut for metric in metrics_of(axis.metrics)}
    number = stream.next_axis
    for axis in cut:
        if axis.step_lo <= step:
            parts = _up_to(rows_of(connection, run, [axis]), step, kept)
            packed += [(axis.axis_no, part) for part in parts[:1]]
            packed += list(enumerate(parts[1:], number))
            number += max(len(parts) - 1, 0)
    for rows in _log(connection, run):
        if step is not None and (rows.steps > step).any():
            losing.update(rows.metrics)
        parts = _up_to(rows, step, kept)
        packed += list(enumerate(parts, number))
        number += len(parts)
    cut_numbers = {axis.axis_no for axis in cut}
    whole = [axis for axis in axes if axis.axis_no not in cut_numbers]
    series = {metric: _summary(kept[metric]) for metric in losing}
    _count(connection, run, whole, series)
    s = metric_series.c
    before = {row.metric_id: row.n for row in connection.execute(select(s.metric_id, s.n).where(s.run_no == run))}
    removed = sum(before[metric] - summary.n for metric, summary in series.items())
    return Branch(
        run=run,
        step=step,
        stream=stream,
        axes=axes,
        cut=sorted(cut_numbers),
        packed=packed,
        series={metric: summary if summary.n else None for metric, summary in series.items()},
        times=_times(
            [(axis.ts_lo, axis.ts_hi) for axis in whole] + [(one.times.lo, one.times.hi) for _, one in packed]
        ),
        removed=removed,
    )


def _up_to(rows: Rows, step: int | None, kept: dict[int, list[Line]]) -> list[Packed]:
    """Rows up to a step, packed; their points are added to `kept`."""
    if step is not None:
        inside = rows.steps <= step
        values = [column[inside] for column in rows.values]
        rows = Rows(rows.metrics, rows.ids[inside], rows.steps[inside], rows.times[inside], values)
    if not len(rows.ids):
        return []
    for position, metric in enumerate(rows.metrics):
        kept[metric].append(rows.line(position))
    return pack(rows)


def _log(connection: Connection, run: int) -> Iterator[Rows]:
    c = metric_log.c
    frames = connection.execute(select(c.id0, c.frame).where(c.run_no == run).order_by(c.id0)).all()
    try:
        yield from sets(map(tuple, frames))
    except Damaged as damage:
        raise DamagedPoints(run, 0, 0, str(damage)) from damage


def _summary(lines: Iterable[Line]) -> RunningSummary:
    summary = RunningSummary()
    for line in lines:
        add_points(summary, line)
    return summary


def _count(connection: Connection, run: int, axes: list[Any], series: dict[int, RunningSummary]) -> None:
    """Add the points of whole axes to the summaries of these metrics."""
    by_metrics = sorted(axes, key=attrgetter("metrics", "axis_no"))
    for blob, alike in groupby(by_metrics, attrgetter("metrics")):
        positions = [(pos, metric) for pos, metric in enumerate(metrics_of(blob)) if metric in series]
        group = list(alike) if positions else []
        for start in range(0, len(group), _AT_ONCE):
            reader = Reader(connection, run)
            some = group[start : start + _AT_ONCE]
            for pos, metric in positions:
                places = [Place(axis.axis_no, pos, axis.rows, axis.id_lo, axis.id_hi) for axis in some]
                add_points(series[metric], reader.decoded(metric, places))


def _times(spans: list[tuple[int, int]]) -> tuple[int | None, int | None]:
    return min((lo for lo, _ in spans), default=None), max((hi for _, hi in spans), default=None)


def is_current(statements: Statements, connection: Connection, branch: Branch) -> bool:
    """Whether the run is still the one that was read; it is locked from here on. Raises RunDeleted."""
    stream = lock(statements, connection, branch.run)
    if stream is None:
        raise RunDeleted(f"run {branch.run} is deleted")
    if (stream.next_seq, stream.next_axis) != (branch.stream.next_seq, branch.stream.next_axis):
        return False
    # Merging changes nothing of the stream's row.
    return list(connection.execute(_AXES.where(_axis.run_no == branch.run))) == branch.axes


def fork(statements: Statements, connection: Connection, branch: Branch, run: int, state: int) -> None:
    """Write a branch as the points of a new run."""
    stream, new = branch.stream, {"run_no": literal(run)}
    is_cut = bool(branch.cut)
    for table in (metric_axis, metric_chunk):
        _copy(connection, table, branch.run, new, table.c.step_hi <= branch.step if is_cut else None)
    whole = select(_axis.axis_no).where(_axis.run_no == run)
    _copy(connection, metric_cdata, branch.run, new, metric_cdata.c.axis_no.in_(whole) if is_cut else None)
    _copy(connection, metric_rollup, branch.run, new, metric_rollup.c.axis_hi < branch.cut[0] if is_cut else None)
    statements.write_packed(connection, run, branch.packed)
    _copy(connection, metric_series, branch.run, new | {"live": literal(int(state == LIVE))}, None)
    _change_series(statements, connection, run, branch)
    first, last = branch.times
    row = dict(stream._mapping) | {
        "run_no": run,
        "next_seq": 1,
        "state": state,
        "first_ts": first,
        "last_ts": last,
        "ordered": stream.ordered if last is not None else 1,
        "next_axis": _next_axis(branch),
        "tail_rows": 1,  # There may be something to merge.
        "tail_bytes": 0,
        "gone": stream.gone + branch.removed,
        "rewound_id": 0,
    }
    connection.execute(insert(metric_stream), [row])


def rewind(statements: Statements, connection: Connection, branch: Branch) -> None:
    """Take away from a run what its branch does not have."""
    run, stream = branch.run, branch.stream
    if not branch.removed:
        return
    if branch.cut:
        cut, r = (_axis.run_no == run, _axis.step_hi > branch.step), metric_rollup.c
        for table in (metric_chunk, metric_cdata):
            numbers = table.c.axis_no.in_(select(_axis.axis_no).where(*cut))
            connection.execute(delete(table).where(table.c.run_no == run, numbers))
        connection.execute(delete(metric_axis).where(*cut))
        connection.execute(delete(metric_rollup).where(r.run_no == run, r.axis_hi >= branch.cut[0]))
    connection.execute(delete(metric_log).where(metric_log.c.run_no == run))
    statements.write_packed(connection, run, branch.packed)
    _change_series(statements, connection, run, branch)
    first, last = branch.times
    connection.execute(
        update(metric_stream)
        .where(_stream.run_no == run)
        .values(
            # One id is used up: whoever compares a last id sees that something has changed.
            next_id=stream.next_id + 1,
            next_seq=stream.next_seq + 1,
            first_ts=first,
            last_ts=last,
            ordered=stream.ordered if last is not None else 1,
            next_axis=_next_axis(branch),
            tail_rows=1,
            tail_bytes=0,
            gone=stream.gone + branch.removed + 1,
            rewound_id=stream.next_id,
        )
    )


def _next_axis(branch: Branch) -> int:
    return max([branch.stream.next_axis, *(number + 1 for number, _ in branch.packed)])


def _change_series(statements: Statements, connection: Connection, run: int, branch: Branch) -> None:
    """Put the summaries of a branch in the place of those that its run had."""
    s = metric_series.c
    for part in chunks([metric for metric, summary in branch.series.items() if summary is None]):
        connection.execute(delete(metric_series).where(s.run_no == run, s.metric_id.in_(part)))
    rows = [
        # The project and the state stay as they are.
        {"run_no": run, "metric_id": metric, "project_id": 0, "live": 0} | summary.row()
        for metric, summary in branch.series.items()
        if summary is not None
    ]
    if rows:
        statements.write(connection, statements.put_series, rows)


def _copy(connection: Connection, table: Any, run: int, new: dict[str, Any], where: Any) -> None:
    """Insert a run's rows again with other values in some columns."""
    columns = [new.get(column.name, column) for column in table.c]
    rows = select(*columns).where(table.c.run_no == run)
    connection.execute(
        insert(table).from_select([column.name for column in table.c], rows if where is None else rows.where(where))
    )
