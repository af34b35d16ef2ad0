"""The state that a run is shown in: what its owner said, or stale, when it gives no sign of life."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from ..models import Run
from ..models.base import now
from ..store.tables import metric_stream

# A running run is shown as stale after so long without a point or another sign of life; its stored status stays what
# its owner said. Whoever sends heartbeats is missed after three of them, and the time in which one may wait to be written.
SILENCE = timedelta(minutes=30)
HEARTBEAT_EVERY = timedelta(seconds=15)
HEARTBEAT_DELAY = timedelta(seconds=5)
SILENCE_WITH_HEARTBEAT = 3 * HEARTBEAT_EVERY + HEARTBEAT_DELAY


class State(str):
    """The name of a run's state, and what is said about it: `stale` is `stale: no data for 34 min`."""

    in_words: str

    def __new__(cls, name: str, in_words: str = "") -> State:
        state = super().__new__(cls, name)
        state.in_words = in_words or name
        return state


def state_of(run: Run, last_point_at: datetime | None) -> State:
    """What pages show: the status, or `stale` for a running run that gives no sign of life. `is_stale` is the same in SQL."""
    if run.status == "running" and (silence := silent_for(run, last_point_at)) > _patience(run):
        return State("stale", f"stale: no data for {_in_words(silence)}")
    return State(run.status)


def silent_for(run: Run, last_point_at: datetime | None) -> timedelta:
    """How long ago the last point, heartbeat or other sign of life was."""
    return now() - max(filter(None, (run.started_at, run.alive_at, last_point_at)))


def is_stale() -> sa.ColumnElement[bool]:
    """Condition on `Run` for a query: `state_of` is `stale`.

    Running runs of a project come by the index on (project_id, status, id), their last point by the key of its table.
    """
    moment = now()
    last_sign = sa.case(
        (Run.has_heartbeat, moment - SILENCE_WITH_HEARTBEAT),
        else_=moment - SILENCE,
    )  # fmt: skip
    last_point = sa.case(
        (Run.has_heartbeat, microseconds(moment - SILENCE_WITH_HEARTBEAT)),
        else_=microseconds(moment - SILENCE),
    )  # fmt: skip
    stream = metric_stream.c
    has_recent_point = sa.exists().where(stream.run_no == Run.id, stream.heard_at >= last_point)
    return sa.and_(
        Run.status == "running",
        Run.started_at < last_sign,
        sa.or_(Run.alive_at.is_(None), Run.alive_at < last_sign),
        ~has_recent_point,
    )


def microseconds(moment: datetime) -> int:
    """A time as the store has it, since 1970."""
    return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def _patience(run: Run) -> timedelta:
    return SILENCE_WITH_HEARTBEAT if run.has_heartbeat else SILENCE


def _in_words(silence: timedelta) -> str:
    minutes = int(silence.total_seconds() // 60)
    if minutes < 1:
        return f"{int(silence.total_seconds())} s"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2 * 24 * 60 else f"{minutes // (24 * 60)} days"
