"""Short series of many runs in a few statements, however many runs there are: each costs a round trip to the database."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby
from operator import itemgetter

from sqlalchemy import exists, select
from sqlalchemy.engine import Connection

from ...db.prepared import Prepared, one_of
from ..base import DamagedPoints
from ..chunks.codec import Damaged
from ..chunks.frame import Line, decode, join
from ..tables import metric_axis, metric_cdata, metric_chunk, metric_log
from .reader import NOTHING, Axis, Place, Reader

_chunk, _axis, _data, _log = metric_chunk.c, metric_axis.c, metric_cdata.c, metric_log.c
_VALUES = Prepared(
    select(
        _chunk.run_no, _chunk.metric_id, _chunk.axis_no, _chunk.pos, _chunk.rows, _chunk.id_lo, _chunk.id_hi, _data.v
    )
    .join_from(
        metric_chunk,
        metric_cdata,
        (_data.run_no == _chunk.run_no) & (_data.metric_id == _chunk.metric_id) & (_data.axis_no == _chunk.axis_no),
        isouter=True,
    )
    .where(one_of(_chunk.run_no, "runs"), one_of(_chunk.metric_id, "metrics"))
)  # fmt: skip
_AXES = Prepared(
    select(_axis.run_no, _axis.axis_no, _axis.id_lo, _axis.rows, _axis.base, _axis.step, _axis.ts).where(
        one_of(_axis.run_no, "runs"),
        exists().where(
            _chunk.run_no == _axis.run_no, one_of(_chunk.metric_id, "metrics"), _chunk.axis_no == _axis.axis_no
        ),
    )
)
_FRAMES = Prepared(
    select(_log.run_no, _log.id0, _log.frame).where(one_of(_log.run_no, "runs")).order_by(_log.run_no, _log.id0)
)


def lines(
    connection: Connection, runs: Collection[int], metrics: Collection[int]
) -> Iterator[tuple[int, dict[int, Line]]]:
    """All points of these metrics by run and metric, each line by id. Raises DamagedPoints."""
    wanted = {"runs": list(runs), "metrics": list(metrics)}
    places: dict[int, dict[int, list[Place]]] = {run: {} for run in runs}
    blobs: dict[int, dict[int, list[tuple[int, bytes]]]] = {run: {} for run in runs}
    for run, metric, axis, pos, rows, id_lo, id_hi, blob in _VALUES.each(connection, **wanted):
        places[run].setdefault(metric, []).append(Place(axis, pos, rows, id_lo, id_hi))
        if blob is not None:
            blobs[run].setdefault(metric, []).append((axis, blob))
    axes: dict[int, dict[int, Axis]] = {run: {} for run in runs}
    for run, number, *stored in _AXES.each(connection, **wanted):
        axes[run][number] = Axis(*stored)
    frames = {
        run: [tuple(row[1:]) for row in of_run]
        for run, of_run in groupby(_FRAMES.rows(connection, runs=list(runs)), itemgetter(0))
    }
    for run in runs:
        try:
            tail = decode(frames.get(run, []), set(metrics))
        except Damaged as damage:
            raise DamagedPoints(run, 0, 0, str(damage)) from damage
        reader = Reader(connection, run, axes.pop(run))
        of_run = {}
        for metric in places[run].keys() | tail.keys():
            chunks = sorted(places[run].get(metric, []), key=lambda place: place.id_lo)
            stored_line = [reader.decoded(metric, chunks, blobs[run].get(metric, []))] if chunks else []
            of_run[metric] = join([*stored_line, tail.get(metric, NOTHING)])
        del blobs[run]
        yield run, of_run
