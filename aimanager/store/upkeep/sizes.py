"""How much is stored of a project: points, and bytes of chunks, logs, trees and console output."""

from __future__ import annotations

from functools import reduce
from operator import add

from sqlalchemy import BigInteger, Connection, cast, func, select

from ..console_tables import console_chunk, console_stream
from ..shapes import Size
from ..tables import metric_axis, metric_cdata, metric_log, metric_rollup, metric_series

# Lengths are known without reading what they are of.
_PACKED = (
    metric_log.c.frame, metric_axis.c.metrics, metric_axis.c.base, metric_axis.c.step, metric_axis.c.ts,
    metric_cdata.c.sub, metric_cdata.c.v, metric_rollup.c.chunks,
)  # fmt: skip


def size_of(connection: Connection, project: int) -> Size:
    """What deleting all runs of a project frees; costs a look at each of its chunks."""
    of_project = select(metric_series.c.run_no).where(metric_series.c.project_id == project)
    total = 0
    for table in (metric_log, metric_axis, metric_cdata, metric_rollup):
        lengths = reduce(add, (func.length(column) for column in _PACKED if column.table is table))
        size = select(func.sum(cast(lengths, BigInteger))).where(table.c.run_no.in_(of_project))
        total += int(connection.scalar(size) or 0)
    console = select(func.sum(cast(func.length(console_chunk.c.body), BigInteger)))
    having_console = select(console_stream.c.run_no).where(console_stream.c.project_id == project)
    total += int(connection.scalar(console.where(console_chunk.c.run_no.in_(having_console))) or 0)
    points = select(func.sum(metric_series.c.n)).where(metric_series.c.project_id == project)
    return Size(int(connection.scalar(points) or 0), total)
