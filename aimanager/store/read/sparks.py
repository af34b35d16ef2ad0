"""The courses of many runs' metrics for lines as small as a word, in a few statements however many there are.

A long series is drawn by the last value of each of its chunks, a short one by its values.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import select, tuple_
from sqlalchemy.engine import Connection

from ...db.prepared import Prepared, one_of
from ..chunks import codec
from ..chunks.codec import Damaged
from ..chunks.frame import decode
from ..shapes import Floats
from ..tables import metric_cdata, metric_chunk, metric_log

FEW = 8  # Chunks; so many and more are points enough by themselves.
_chunk, _data, _log = metric_chunk.c, metric_cdata.c, metric_log.c
_FRAMES = Prepared(
    select(_log.run_no, _log.id0, _log.frame).where(one_of(_log.run_no, "runs")).order_by(_log.run_no, _log.id0)
)
log = logging.getLogger(__name__)


def sparks(connection: Connection, metrics: Mapping[int, int], points: int) -> dict[int, Floats]:
    """Of each run some values of its metric in the order of arrival, at most so many, the last one among them. A run
    whose points cannot be read is left out."""
    if not metrics:
        return {}
    chunks: dict[int, list[Any]] = {}
    columns = (_chunk.run_no, _chunk.axis_no, _chunk.rows, _chunk.vlast)
    query = select(*columns).where(tuple_(_chunk.run_no, _chunk.metric_id).in_(list(metrics.items())))
    for row in connection.execute(query.order_by(_chunk.run_no, _chunk.id_lo)):
        chunks.setdefault(row.run_no, []).append(row)
    blobs = _blobs(connection, [
        (run, metrics[run], row.axis_no) for run, rows in chunks.items() if len(rows) < FEW for row in rows
    ])  # fmt: skip
    frames = _FRAMES.rows(connection, runs=list(metrics))
    tails = {run: [row[1:] for row in rows] for run, rows in groupby(frames, itemgetter(0))}
    courses = {}
    for run, metric in metrics.items():
        try:
            courses[run] = _thinned(_course(chunks.get(run, []), blobs, tails.get(run, []), metric), points)
        except (Damaged, KeyError) as damage:
            log.debug("no spark of run %d: %s", run, damage)  # Its page says what is wrong.
    return courses


def _blobs(connection: Connection, keys: list[tuple[int, int, int]]) -> dict[tuple[int, int], bytes]:
    """The values of chunks by run and axis."""
    if not keys:
        return {}
    key = tuple_(_data.run_no, _data.metric_id, _data.axis_no)
    rows = connection.execute(select(_data.run_no, _data.axis_no, _data.v).where(key.in_(keys)))
    return {(run, axis): blob for run, axis, blob in rows}


def _course(chunks: list[Any], blobs: dict[tuple[int, int], bytes], frames: list[Any], metric: int) -> Floats:
    parts = []
    for row in chunks:
        if len(chunks) >= FEW:
            parts.append(np.array([np.nan if row.vlast is None else row.vlast]))
        else:
            parts.append(np.empty(row.rows, np.float64))
            codec.decode(blobs[row.run_no, row.axis_no], parts[-1])
    if tail := decode(frames, [metric]).get(metric):
        parts.append(tail.values)
    return np.concatenate(parts) if parts else np.empty(0)


def _thinned(values: Floats, points: int) -> Floats:
    if len(values) <= points:
        return values
    return values[np.linspace(0, len(values) - 1, points).astype(np.int64)]
