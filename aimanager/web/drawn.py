"""Which runs the charts of a project's page draw: the first ones of the list, or exactly those that the address names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import url_for

from ..extensions import db
from ..models import Run
from ..models.run import COLOURS
from ..services.run_list.states import states
from ..services.run_list.table import Row
from . import address

DRAWN, MOST = 10, 100
_PART = re.compile(r"\s*(-?[0-9]{1,18})(?:-([0-9]{1,18}))?\s*")


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
    named = _ids("runs", MOST)
    chosen = _named(project_id, named) if named else [(row.run, row.state) for row in rows[: how_many()]]
    closed = hidden()
    return [as_line(run, state) for run, state in chosen if run.id not in closed]


def lines_of_groups(project_id: int, groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The groups that are drawn, of those of the list, and what the address names, which may be single runs of them."""
    chosen = list(groups[: how_many()])
    if named := _ids("runs", MOST):
        runs = _named(project_id, [run_id for run_id in named if run_id > 0])
        line_of = {line["id"]: line for line in [*groups, *(as_line(run, state) for run, state in runs)]}
        chosen = [line_of[number] for number in named if number in line_of]
    closed = hidden()
    return [line for line in chosen if line["id"] not in closed]


def _named(project_id: int, run_ids: Sequence[int]) -> list[tuple[Run, str]]:
    """Those of these runs that the project has, in this order."""
    query = sa.select(Run).where(Run.id.in_(run_ids), Run.project_id == project_id, Run.trashed_at.is_(None))
    runs = {run.id: run for run in db.session.scalars(query)}
    state = states(list(runs.values()))
    return [(runs[run_id], state[run_id]) for run_id in run_ids if run_id in runs]


def _ids(name: str, most: int) -> list[int]:
    """The first ids of the address, `3,7-9`; those of groups are below 0. None where it says something else, as the page's
    script reads it."""
    ids: dict[int, None] = {}
    for part in filter(None, address.args().get(name, "").split(",")):
        ends = _PART.fullmatch(part)
        if ends is None:
            return []
        first = int(ends[1])
        ids |= dict.fromkeys(range(first, min(int(ends[2] or first), first + most) + 1))
    return list(ids)[:most]
