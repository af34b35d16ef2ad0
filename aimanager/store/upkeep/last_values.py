"""Choosing the last value of a series again, where a version before this one chose it by time.

Such series are listed by a migration. One at a time is read and written with its run locked, so that a point which
arrives meanwhile is seen; any process may do it, and continues where another one was stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import delete, func, select, update
from sqlalchemy.engine import Connection

from ...db.engine import Database
from ..base import DamagedPoints
from ..chunks.frame import Line, join
from ..read.reader import NOTHING, Place, Reader
from ..statements import Statements
from ..summary import RunningSummary
from ..tables import DELETING, metric_chunk, metric_series, metric_stream, metric_unsettled

log = logging.getLogger(__name__)


def settle(database: Database, statements: Statements, stop: Callable[[], bool]) -> None:
    """Choose the last values of all series that are listed, until told to stop."""
    first = select(metric_unsettled).order_by(*metric_unsettled.primary_key).limit(1)
    while not stop():
        with database.reading() as connection:
            listed = connection.execute(first).first()
        if listed is None:
            return
        with database.writing() as connection:
            try:
                _settle(connection, statements, *listed)
            except DamagedPoints as damage:
                log.error("the last value of a series stays as it is: %s", damage)
            u = metric_unsettled.c
            connection.execute(
                delete(metric_unsettled).where(u.run_no == listed.run_no, u.metric_id == listed.metric_id)
            )


def _settle(connection: Connection, statements: Statements, run: int, metric: int) -> None:
    stream = next(iter(statements.streams(connection, [run])), None)
    if stream is None or stream.state >= DELETING:
        return
    s = metric_series.c
    of_series = (s.run_no == run, s.metric_id == metric)
    row = connection.execute(select(metric_series).where(*of_series)).first()
    last = last_point(connection, run, metric)
    if row is None or last is None:
        return
    summary = replace(RunningSummary.of(row), **last)
    if summary == RunningSummary.of(row):
        return
    connection.execute(update(metric_series).where(*of_series).values(summary.row()))
    # Who remembers the run by its count of requests reads it again.
    c = metric_stream.c
    connection.execute(update(metric_stream).where(c.run_no == run).values(next_seq=c.next_seq + 1))


def last_point(connection: Connection, run: int, metric: int) -> dict[str, Any] | None:
    """Fields of RunningSummary of the point with the greatest step, the latest among equals. Raises DamagedPoints."""
    reader, c = Reader(connection, run), metric_chunk.c
    of_series = (c.run_no == run, c.metric_id == metric)
    greatest = select(func.max(c.step_hi)).where(*of_series).scalar_subquery()
    query = select(c.axis_no, c.pos, c.rows, c.id_lo, c.id_hi, c.step_hi).where(*of_series, c.step_hi == greatest)
    best = _last_of(reader.tail({metric}).get(metric, NOTHING))
    for *place, step_hi in connection.execute(query.order_by(c.id_hi.desc())).all():
        chunk = Place(*place)
        if len(best.ids) and (best.steps[0], best.ids[0]) > (step_hi, chunk.id_hi):
            break  # Nor has any of the others a later one.
        best = _last_of(join([reader.decoded(metric, [chunk]), best]))
    if not len(best.ids):
        return None
    return {
        "last": float(best.values[0]),
        "last_step": int(best.steps[0]),
        "last_time": int(best.times[0]),
        "last_id": int(best.ids[0]),
    }


def _last_of(line: Line) -> Line:
    """The one point with the greatest step, the latest among equals; none of none."""
    return line.take(np.lexsort((line.ids, line.steps))[-1:])
