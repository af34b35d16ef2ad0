"""Which chunks of a metric a span holds, out of its rollups and of the rows that are in none yet."""

from __future__ import annotations

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ...db.prepared import Prepared, named
from ..chunks import rollup
from ..chunks.rollup import Chunks
from ..tables import metric_chunk, metric_rollup
from .reader import Place, Reader

_r, _c = metric_rollup.c, metric_chunk.c
_RUN, _METRIC, _LO, _HI = named("run", "metric", "lo", "hi")
_LAST_ROLLED_UP = select(func.coalesce(func.max(_r.axis_hi), 0)).where(_r.run_no == _RUN, _r.metric_id == _METRIC)
UNROLLED = (
    select(*rollup.COLUMNS)
    .where(_c.run_no == _RUN, _c.metric_id == _METRIC, _c.axis_no > _LAST_ROLLED_UP.scalar_subquery())
    .order_by(_c.axis_no)
)
_UNROLLED_WITHIN = {x: Prepared(UNROLLED.where(_c[f"{x}_hi"] >= _LO, _c[f"{x}_lo"] <= _HI)) for x in ("step", "ts")}
_WITHIN = {
    x: Prepared(
        select(_r.chunks)
        .where(_r.run_no == _RUN, _r.metric_id == _METRIC, _r[f"{x}_hi"] >= _LO, _r[f"{x}_lo"] <= _HI)
        .order_by(_r.axis_lo)
    )
    for x in ("step", "ts")
}


def within(connection: Connection, run: int, metric: int, x: str, lo: int, hi: int) -> Chunks:
    """The chunks of a metric that have a point with lo <= x <= hi, or might; x is `step` or `ts`."""
    span = {"run": run, "metric": metric, "lo": lo, "hi": hi}
    blobs = [blob for (blob,) in _WITHIN[x].rows(connection, **span)]
    chunks = rollup.join(blobs, rollup.of_rows(_UNROLLED_WITHIN[x].rows(connection, **span)))
    inside = (chunks[f"{x}_hi"] >= lo) & (chunks[f"{x}_lo"] <= hi)
    return chunks if inside.all() else chunks[inside]


def places(chunks: Chunks) -> list[Place]:
    """Where the points of chunks are, by id, so that they are read in order as far as they are in order."""
    fields = chunks[["axis_no", "pos", "rows", "id_lo", "id_hi"]][np.argsort(chunks["id_lo"], kind="stable")]
    return [Place(*place) for place in fields.tolist()]


def place_marks(chunks: Chunks, reader: Reader) -> None:
    """Look up the steps and times of the marks of chunks. Raises Damaged."""
    if chunks.dtype == rollup.PLAIN:
        return
    marked = np.flatnonzero(chunks["fresh"])
    if not len(marked):
        return
    reader.load_axes(chunks["axis_no"][marked].tolist())
    for i in marked:
        steps, times = reader.along(int(chunks["axis_no"][i]))
        rows = np.minimum(chunks["bad_row"][i], len(steps) - 1)
        chunks["bad_step"][i], chunks["bad_ts"][i] = steps[rows], times[rows]
    chunks["fresh"] = 0
