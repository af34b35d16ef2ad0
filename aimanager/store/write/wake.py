"""Putting runs that rest back into the live part of the ranking, with their next point."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import update
from sqlalchemy.engine import Connection

from ..tables import LIVE, RESTING, metric_series, metric_stream


def wake_up(connection: Connection, runs: Collection[int]) -> None:
    """These runs get points again; their streams are locked already."""
    connection.execute(
        update(metric_stream)
        .where(metric_stream.c.run_no.in_(runs), metric_stream.c.state == RESTING)
        .values(state=LIVE)
    )
    connection.execute(
        update(metric_series).where(metric_series.c.run_no.in_(runs), metric_series.c.live == 0).values(live=1)
    )
