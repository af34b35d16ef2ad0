"""Pages of runs: only the runs of the page are loaded, wherever in the list it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from ...db.arrays import Ints, numbers
from ...db.matching import matched
from ...errors import Unauthorized
from ...extensions import db
from ...models import Project, Run
from ...models.base import now
from ...principal import Principal
from ...wire.times import to_microseconds
from .. import projects
from ..paging import Page, paged
from . import order as orders
from .filters import Filter
from .order import Cursor, Order, RunList
from .search import Search, count

_runs = Run.__table__.c


def newest(principal: Principal, project_id: int | None = None, skip: int = 0, limit: int = 100) -> Page[Run]:
    """Runs of one project, or of all the caller's projects, newest first; paged by number."""
    query = sa.select(Run).where(Run.trashed_at.is_(None)).order_by(Run.id.desc())
    if project_id is not None:
        projects.get(project_id, principal)
        return paged(query.where(Run.project_id == project_id), skip, limit)
    if not principal.signed_in:
        raise Unauthorized()
    own_projects = projects.visible(principal).with_only_columns(Project.id).order_by(None)
    return paged(query.where(Run.project_id.in_(own_projects)), skip, limit)


def page(
    principal: Principal, project_id: int, order: Order, where: Filter, after: str | None = None, limit: int = 100
) -> Page[Run]:
    """Runs of a project that pass a filter; `total` counts them. Raises Invalid for a cursor of another list."""
    projects.get(project_id, principal)
    run_list = RunList(project_id, order, where)
    cursor = None if after is None else orders.read_cursor(run_list, after)
    search = Search(run_list, cursor.time if cursor else to_microseconds(now()))
    ids = search.runs(cursor.place if cursor else None, limit + 1)
    next_cursor = None
    if len(ids) > limit:
        next_cursor = orders.write_cursor(run_list, Cursor(search.place_of(ids[limit - 1]), search.time))
    total = search.count() if cursor or next_cursor else len(ids)
    return Page(load(ids[:limit]), total, next_cursor)


def passing(project_id: int, where: Filter) -> Ints:
    """The ids of all runs of a project that pass a filter, ascending."""
    search = Search(RunList(project_id, Order(), where), to_microseconds(now()))
    every = numbers(search.connection, sa.select(_runs.id).where(_runs.project_id == project_id))
    return np.sort(matched(search.conditions).among(every))


def load(ids: Sequence[int]) -> list[Run]:
    """These runs, in this order; those that are gone are left out."""
    runs = {run.id: run for run in db.session.scalars(sa.select(Run).where(Run.id.in_(ids)))}
    return [runs[run_id] for run_id in ids if run_id in runs]


__all__ = ["count", "newest", "page", "passing"]
