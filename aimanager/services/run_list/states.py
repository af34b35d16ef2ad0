"""The states of many runs at once: `run_state.state_of` says what a state is, this is its bulk twin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ...extensions import db, metric_store
from ...models import Run
from ...query.fields import STATES
from ...wire.times import to_datetime
from .. import run_state

# All that a state follows from; what is long stays in the database.
_facts = [column for column in Run.__table__.c if column.name not in {"config", "tags", "notes", "words"}]


def states(batch: Sequence[Run]) -> dict[int, str]:
    """The state of each run by its id."""
    last_points = heard_at(run.id for run in batch)
    return {run.id: run_state.state_of(run, last_points.get(run.id)) for run in batch}


def running(where: sa.ColumnElement[bool]) -> list[tuple[Any, str, datetime | None]]:
    """Of the runs that are not ended: id, project and start as a row, the state, `running` or `stale`, and when the server
    last got points. What it costs follows the number of such runs, which an index of the status finds."""
    rows = db.session.execute(sa.select(*_facts).where(Run.status == "running", where)).all()
    last_points = heard_at(row.id for row in rows)
    state_of: Any = run_state.state_of  # A row has the facts of a run that it needs.
    return [(row, state_of(row, last_points.get(row.id)), last_points.get(row.id)) for row in rows]


def heard_at(run_ids: Iterable[int]) -> Mapping[int, datetime]:
    """When the server last got points of runs; those that never sent any are left out."""
    return {run: to_datetime(head.heard_at) for run, head in metric_store.heads(list(run_ids)).items()}


__all__ = ["STATES", "heard_at", "running", "states"]
