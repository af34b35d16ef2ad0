"""Rolling up the chunks of a metric that has many, so that a chart reads them in few rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ...db.engine import Database
from ...db.prepared import Prepared, named
from ..chunks import checksum, layout, rollup
from ..chunks.rollup import Chunks
from ..read import chunk_index
from ..read.reader import Reader
from ..statements import Statements
from ..tables import DELETING, metric_chunk

(_LIMIT,) = named("limit")
_FIRST_UNROLLED = Prepared(chunk_index.UNROLLED.limit(_LIMIT))


def build(database: Database, statements: Statements, run: int) -> None:
    """Roll up the chunks of all metrics of a run that have many; the newest are left, as they may yet be merged."""
    c = metric_chunk.c
    with database.reading() as connection:
        count = select(c.metric_id).where(c.run_no == run).group_by(c.metric_id)
        metrics = connection.scalars(count.having(func.count() >= 2 * layout.ROLLUP)).all()
    for metric in metrics:
        rolled_up = True
        while rolled_up:
            with database.writing() as connection:
                stream = next(iter(statements.streams(connection, [run])), None)
                rolled_up = (
                    stream is not None
                    and stream.state < DELETING
                    and _roll_up_first(connection, statements, run, metric)
                )


def _roll_up_first(connection: Connection, statements: Statements, run: int, metric: int) -> bool:
    """Roll up the first chunks that are in no rollup yet; whether there were enough."""
    rows = _FIRST_UNROLLED.rows(connection, run=run, metric=metric, limit=2 * layout.ROLLUP)
    if len(rows) < 2 * layout.ROLLUP:
        return False
    chunks = rollup.of_rows(rows[: layout.ROLLUP])
    chunk_index.place_marks(chunks, Reader(connection, run))
    statements.write(connection, statements.add_rollup, [row_of(run, metric, chunks)])
    return True


def row_of(run: int, metric: int, chunks: Chunks) -> dict[str, Any]:
    """Chunks as a row of metric_rollup."""
    return {
        "run_no": run,
        "metric_id": metric,
        "axis_lo": int(chunks["axis_no"][0]),
        "axis_hi": int(chunks["axis_no"][-1]),
        "step_lo": int(chunks["step_lo"].min()),
        "step_hi": int(chunks["step_hi"].max()),
        "ts_lo": int(chunks["ts_lo"].min()),
        "ts_hi": int(chunks["ts_hi"].max()),
        "chunks": checksum.add(rollup.packed(chunks)),
    }
