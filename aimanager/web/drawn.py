"""Which runs the charts of a project's page draw: the first ones of the list, or exactly those that the address names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import url_for

from ..errors import Invalid
from ..extensions import db
from ..models import Run
from ..models.run import COLOURS
from ..services.run_list.states import states
from ..services.run_list.table import Row
from . import address, ids

DRAWN, MOST = 10, 100


def as_line(run: Run, state: str) -> dict[str, Any]:
    """A run as the charts know it. Its colour is a number from 0 to 19 that stays with it on every page."""
    colour = run.id % COLOURS if run.colour is None else run.colour
    url = url_for("web.run", run_id=run.id)
    return {"id": run.id, "name": run.name, "colour": colour, "state": str(state), "url": url}


def how_many() -> int:
    """Of the first runs, as the address says."""
    return min(max(address.args().get("drawn", DRAWN, int), 0), MOST)


def hidden() -> set[int]:
    """Runs whose eye is closed."""
    return set(_ids("hide", 1000))


def lines(project_id: int, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The runs that are drawn; `rows` are the first of the list."""
    chosen = [(row.run, row.state) for row in rows[: how_many()]]
    if named := _ids("runs", MOST):
        chosen = _named(project_id, named)
    closed = hidden()
    return [as_line(run, state) for run, state in chosen if run.id not in closed]


def _named(project_id: int, run_ids: Sequence[int]) -> list[tuple[Run, str]]:
    """Those of these runs that the project has, in this order."""
    query = sa.select(Run).where(Run.id.in_(run_ids), Run.project_id == project_id, Run.trashed_at.is_(None))
    runs = {run.id: run for run in db.session.scalars(query)}
    state = states(list(runs.values()))
    return [(runs[run_id], state[run_id]) for run_id in run_ids if run_id in runs]


def _ids(name: str, most: int) -> list[int]:
    """Ids of the address; none where it says something else."""
    try:
        return ids.read(name, address.args().get(name, ""), most)
    except Invalid:
        return []
