"""What charts know of chunks, as one array; many chunks' of a metric lie together in one row of metric_rollup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ..database import Database
from . import layout
from .codec import Damaged
from .pack import NO_ROW
from .reader import Reader
from .statements import Statements
from .tables import DELETING, metric_chunk, metric_rollup

_KNOWN = [
    *((name, "<i8") for name in ("axis_no", "id_lo", "id_hi", "step_lo", "step_hi", "ts_lo", "ts_hi")),
    *((name, "<f8") for name in ("vmin", "vmax", "vlast")),
    *((name, "<i4") for name in ("rows", "pos", "flags", "n_bad")),
]
# With marks: the row of the last value of each kind that is not finite, NO_ROW for none, and its step and time.
# `fresh`: the step and the time are still to be looked up.
_MARKS = [("fresh", "<i8"), ("bad_row", "<i8", (3,)), ("bad_step", "<i8", (3,)), ("bad_ts", "<i8", (3,))]
PLAIN = np.dtype(_KNOWN)
MARKED = np.dtype([*_KNOWN, *_MARKS])
_NAMES = [name for name, _ in _KNOWN]

Chunks = NDArray[Any]  # Of dtype MARKED; the steps and times of marks are filled in by `place_marks`.


def of_rows(rows: Iterable[Any]) -> Chunks:
    """Rows of metric_chunk as an array."""
    found = list(rows)
    chunks = np.zeros(len(found), MARKED)
    chunks["bad_row"] = NO_ROW
    if not found:
        return chunks
    columns = dict(zip(found[0]._fields, zip(*found, strict=True), strict=True))
    for name in _NAMES:
        chunks[name] = columns[name]  # A float that is NULL is NaN here.
    for i, marks in enumerate(columns["marks"]):
        if marks is not None:
            chunks["bad_row"][i] = np.frombuffer(marks, "<u2", 3)
            chunks["fresh"][i] = 1
    return chunks


def place_marks(chunks: Chunks, reader: Reader) -> None:
    """Look up the steps and times of the marks of chunks."""
    marked = np.flatnonzero(chunks["fresh"])
    axes = reader.load_axes(chunks["axis_no"][marked].tolist())
    for i in marked:
        steps, times = axes[chunks["axis_no"][i]].along()
        rows = np.minimum(chunks["bad_row"][i], len(steps) - 1)
        chunks["bad_step"][i], chunks["bad_ts"][i] = steps[rows], times[rows]
    chunks["fresh"] = 0


def packed(chunks: Chunks) -> bytes:
    """Chunks as the blob of a rollup."""
    if chunks["n_bad"].any():
        return bytes((1, *[0] * 7)) + chunks.tobytes()
    plain = np.empty(len(chunks), PLAIN)
    for name in _NAMES:
        plain[name] = chunks[name]
    return bytes(8) + plain.tobytes()


def unpacked(blob: bytes) -> Chunks:
    kind = MARKED if blob[0] else PLAIN
    if (len(blob) - 8) % kind.itemsize:
        raise Damaged("a rollup of another size")
    found = np.frombuffer(blob, kind, offset=8)
    if kind is MARKED:
        return found
    chunks = np.zeros(len(found), MARKED)
    for name in _NAMES:
        chunks[name] = found[name]
    chunks["bad_row"] = NO_ROW
    return chunks


def build(database: Database, statements: Statements, run: int) -> None:
    """Roll up the chunks of all metrics of a run that have many; the newest are left, as they may yet be merged."""
    c = metric_chunk.c
    with database.reading() as connection:
        count = select(c.metric_id).where(c.run_no == run).group_by(c.metric_id)
        metrics = connection.scalars(count.having(func.count() >= 2 * layout.ROLLUP)).all()
    for metric in metrics:
        more = True
        while more:
            with database.writing() as connection:
                stream = next(iter(statements.streams(connection, [run])), None)
                more = stream is not None and stream.state < DELETING and _roll(connection, statements, run, metric)


def _roll(connection: Connection, statements: Statements, run: int, metric: int) -> bool:
    """Roll up the first chunks that are in no rollup yet; whether there were enough."""
    rows = connection.execute(unrolled(run, metric).order_by(metric_chunk.c.axis_no).limit(2 * layout.ROLLUP)).all()
    if len(rows) < 2 * layout.ROLLUP:
        return False
    chunks = of_rows(rows[: layout.ROLLUP])
    place_marks(chunks, Reader(connection, run))
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
        "chunks": packed(chunks),
    }


def unrolled(run: int, metric: int) -> Any:
    """A query for the rows of the chunks of a metric that are in no rollup."""
    c, r = metric_chunk.c, metric_rollup.c
    last = select(func.coalesce(func.max(r.axis_hi), 0)).where(r.run_no == run, r.metric_id == metric)
    return select(metric_chunk).where(c.run_no == run, c.metric_id == metric, c.axis_no > last.scalar_subquery())


def within(connection: Connection, run: int, metric: int, x: str, lo: int, hi: int) -> Chunks:
    """The chunks of a metric that have a point with lo <= x <= hi, or might; x is `step` or `ts`."""
    r, c = metric_rollup.c, metric_chunk.c
    query = select(r.chunks).where(r.run_no == run, r.metric_id == metric)
    query = query.where(r[f"{x}_hi"] >= lo, r[f"{x}_lo"] <= hi)
    blobs = connection.scalars(query).all()
    # All of one form as if they were one: what a call of numpy costs is more than what it does here.
    rolled = [
        unpacked(bytes((marked, *[0] * 7)) + b"".join(blob[8:] for blob in blobs if blob[0] == marked))
        for marked in (0, 1)
    ]
    rows = connection.execute(unrolled(run, metric).where(c[f"{x}_hi"] >= lo, c[f"{x}_lo"] <= hi))
    found = np.concatenate([*rolled, of_rows(rows)])
    return found[(found[f"{x}_hi"] >= lo) & (found[f"{x}_lo"] <= hi)]
