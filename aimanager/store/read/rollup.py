"""What charts know of chunks, as one array; many chunks' of a metric lie together in one row of metric_rollup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ...db.engine import Database
from ...db.prepared import Prepared, named
from ..chunks import checksum, layout
from ..chunks.codec import Damaged
from ..chunks.pack import NO_ROW
from ..statements import Statements
from ..tables import DELETING, metric_chunk, metric_rollup
from .reader import Place, Reader

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

Chunks = NDArray[Any]  # Of dtype PLAIN, or MARKED where any has marks: `place_marks` fills in their steps and times.

COLUMNS = [metric_chunk.c[name] for name in (*_NAMES, "marks")]  # What `of_rows` wants.
_r, _c = metric_rollup.c, metric_chunk.c
_RUN, _METRIC, _LO, _HI, _LIMIT = named("run", "metric", "lo", "hi", "limit")
_LAST = select(func.coalesce(func.max(_r.axis_hi), 0)).where(_r.run_no == _RUN, _r.metric_id == _METRIC)
_UNROLLED = (
    select(*COLUMNS)
    .where(_c.run_no == _RUN, _c.metric_id == _METRIC, _c.axis_no > _LAST.scalar_subquery())
    .order_by(_c.axis_no)
)
_FIRST_UNROLLED = Prepared(_UNROLLED.limit(_LIMIT))
_UNROLLED_WITHIN = {x: Prepared(_UNROLLED.where(_c[f"{x}_hi"] >= _LO, _c[f"{x}_lo"] <= _HI)) for x in ("step", "ts")}
_WITHIN = {
    x: Prepared(
        select(_r.chunks)
        .where(_r.run_no == _RUN, _r.metric_id == _METRIC, _r[f"{x}_hi"] >= _LO, _r[f"{x}_lo"] <= _HI)
        .order_by(_r.axis_lo)
    )
    for x in ("step", "ts")
}


def of_rows(rows: Sequence[Any]) -> Chunks:
    """Rows of COLUMNS as an array. Raises Damaged."""
    columns = list(zip(*rows, strict=True))
    marked = any(columns[-1]) or any(columns[-2]) if rows else False
    chunks = np.zeros(len(rows), MARKED if marked else PLAIN)
    for name, column in zip(_NAMES, columns, strict=False):
        chunks[name] = column  # A float that is NULL is NaN here.
    if marked:
        chunks["bad_row"] = NO_ROW
        for i, marks in enumerate(columns[-1]):
            if marks is not None:
                if len(marks) != 6:
                    raise Damaged(f"marks of {len(marks)} bytes, expected 6")
                chunks["bad_row"][i] = np.frombuffer(marks, "<u2", 3)
                chunks["fresh"][i] = 1
    return chunks


def places(chunks: Chunks) -> list[Place]:
    """Where the points of chunks are, by id, so that they are read in order as far as they are in order."""
    found = chunks[["axis_no", "pos", "rows", "id_lo", "id_hi"]][np.argsort(chunks["id_lo"], kind="stable")]
    return [Place(*place) for place in found.tolist()]


def place_marks(chunks: Chunks, reader: Reader) -> None:
    """Look up the steps and times of the marks of chunks. Raises Damaged."""
    if chunks.dtype == PLAIN:
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


def packed(chunks: Chunks) -> bytes:
    """Chunks as the blob of a rollup, less its checksum."""
    marked = bool(chunks["n_bad"].any())
    return bytes((marked, *[0] * 7)) + _of_kind(chunks, MARKED if marked else PLAIN).tobytes()


def unpacked(*blobs: bytes) -> Chunks:
    """The chunks of rollups."""
    return _joined(blobs, np.empty(0, PLAIN))


def _joined(blobs: Sequence[bytes], rest: Chunks) -> Chunks:
    """The chunks of rollups and more; all of one form as if they were one, as numpy's calls cost more than their work."""
    found = []
    checked = [memoryview(blob)[slice(*checksum.span(blob))] for blob in blobs]
    if any(body[:1] not in (b"\0", b"\1") for body in checked):
        raise Damaged("a rollup of another form")
    for marked, kind in enumerate((PLAIN, MARKED)):
        bodies: list[Any] = [body[8:] for body in checked if body[0] == marked]
        if any(len(body) % kind.itemsize for body in bodies):
            raise Damaged("a rollup of another size")
        bodies += [rest] if rest.dtype == kind else []
        found.append(np.frombuffer(b"".join(bodies), kind))
    plain, with_marks = found
    return np.concatenate([_of_kind(plain, MARKED), with_marks]) if len(with_marks) else plain


def _of_kind(chunks: Chunks, kind: np.dtype[Any]) -> Chunks:
    if chunks.dtype == kind:
        return chunks
    found = np.zeros(len(chunks), kind)
    for name in _NAMES:
        found[name] = chunks[name]
    if kind == MARKED:
        found["bad_row"] = NO_ROW
    return found


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
    rows = _FIRST_UNROLLED.rows(connection, run=run, metric=metric, limit=2 * layout.ROLLUP)
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
        "chunks": checksum.add(packed(chunks)),
    }


def within(connection: Connection, run: int, metric: int, x: str, lo: int, hi: int) -> Chunks:
    """The chunks of a metric that have a point with lo <= x <= hi, or might; x is `step` or `ts`."""
    asked = {"run": run, "metric": metric, "lo": lo, "hi": hi}
    blobs = [blob for (blob,) in _WITHIN[x].rows(connection, **asked)]
    found = _joined(blobs, of_rows(_UNROLLED_WITHIN[x].rows(connection, **asked)))
    inside = (found[f"{x}_hi"] >= lo) & (found[f"{x}_lo"] <= hi)
    return found if inside.all() else found[inside]
