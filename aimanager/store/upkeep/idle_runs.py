"""Taking runs that get no points any more out of the live part of the ranking, which is read as a whole.

Their next point puts them back: `write.wake`, in the transaction of the point.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select, update

from ...db.engine import Database
from ..shapes import Clock
from ..tables import IS_LIVE, RESTING, metric_series, metric_stream

SILENCE = 30 * 60 * 1_000_000  # Microseconds without a point, after which a run rests.
AT_ONCE = 50  # Runs in one transaction: each may have a thousand series.

_stream, _series = metric_stream.c, metric_series.c


def put_to_rest(database: Database, clock: Clock, is_closed: Callable[[], bool]) -> int:
    """Let all runs rest that got no point for long; how many they were."""
    resting = 0
    while not is_closed():
        silent_since = clock() - SILENCE
        silent = (IS_LIVE, _stream.heard_at < silent_since, _stream.heard_at > 0)
        with database.reading() as connection:
            runs = list(connection.scalars(select(_stream.run_no).where(*silent).limit(AT_ONCE)))
        if not runs:
            break
        with database.writing() as connection:
            # The streams first and in one order, as every writer does. One that got a point meanwhile stays as it is.
            still_silent = select(_stream.run_no).where(_stream.run_no.in_(runs), *silent).order_by(_stream.run_no)
            runs = list(connection.scalars(still_silent.with_for_update()))
            connection.execute(update(metric_stream).where(_stream.run_no.in_(runs)).values(state=RESTING))
            connection.execute(update(metric_series).where(_series.run_no.in_(runs), _series.live == 1).values(live=0))
        resting += len(runs)
    return resting
