"""Pages of runs: only the runs of the page are loaded, wherever in the list it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from ...db import keyset
from ...db.keyset import ById, Chain, Place, Walk
from ...db.matching import AllOf, Condition, Except, Remembered, Selected, matched, numbers
from ...errors import Unauthorized
from ...extensions import database, db, metric_store
from ...models import Project, Run, RunConfig
from ...models.base import now
from ...principal import Principal
from ...store import Condition as MetricCondition
from ...store import Rank
from ...wire.times import to_datetime, to_microseconds
from .. import projects
from ..paging import Page, paged
from . import order as orders
from .conditions import Conditions, hidden, of_runs
from .filters import Filter
from .order import Cursor, Order, RunList

COUNTED = 5000  # In a larger project the runs that pass a filter are not counted: it costs more than the page.
_runs, _config = Run.__table__.c, RunConfig.__table__.c
_FACTS = {"name": _runs.name_key, "tags": _runs.tags_key, "status": _runs.status, "duration": _runs.lasted}
_CONFIG_VALUES = (_config.number, _config.text)
_COUNT = sa.select(sa.func.count()).select_from(Run).where(Run.project_id == sa.bindparam("project"))


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
    search = _Search(run_list, cursor.time if cursor else to_microseconds(now()))
    places = search.places(cursor.place if cursor else None, limit + 1)
    next_cursor = None
    if len(places) > limit:
        next_cursor = orders.write_cursor(run_list, Cursor(places[limit - 1], search.time))
    total = search.count() if cursor or next_cursor else len(places)
    return Page(_load([place.run for place in places[:limit]]), total, next_cursor)


def passing(project_id: int, where: Filter) -> NDArray[np.int64]:
    """The ids of all runs of a project that pass a filter, ascending."""
    search = _Search(RunList(project_id, Order(), where), to_microseconds(now()))
    every = numbers(search.connection, sa.select(_runs.id).where(_runs.project_id == project_id))
    return np.sort(np.array(list(matched(search.conditions).among(every)), np.int64))


def count(project_id: int) -> int:
    """How many runs a project has."""
    (number,) = database.lookups.recall(_COUNT, project=project_id) or (0,)
    return number


def _load(ids: Sequence[int]) -> list[Run]:
    runs = {run.id: run for run in db.session.scalars(sa.select(Run).where(Run.id.in_(ids)))}
    return [runs[run_id] for run_id in ids if run_id in runs]


@dataclass
class _Search:
    """Looks for pages of one list; `time` is the end of what still runs, in microseconds."""

    run_list: RunList
    time: int
    connection: sa.Connection = field(default_factory=lambda: db.session.connection())

    def places(self, after: Place | None, limit: int) -> list[Place]:
        """Runs that have what the order is by, then those that have not."""
        places: list[Place] = []
        for order, further, has_value in self._parts():
            if after is None or (after.value is not None) == has_value:
                if after is not None and not has_value:
                    after = Place(after.run, after.run)
                places_of_part = keyset.first(order, [*self.conditions, *further], after, limit - len(places))
                places += places_of_part if has_value else [Place(None, place.run) for place in places_of_part]
                after = None
            if len(places) == limit:
                break
        return places

    def count(self) -> int | None:
        """How many runs pass, None where that would cost too much."""
        total = count(self.run_list.project_id)
        if self.run_list.filter and total > COUNTED:
            return None
        passing = matched(self.conditions)
        return total - len(passing.runs) if passing.others else len(passing.runs)

    @cached_property
    def conditions(self) -> list[Condition]:
        project, where = self.run_list.project_id, self.run_list.filter
        conditions = hidden(self.connection, project, archived=not where.says_archived)
        if where.tree:
            conditions.append(Conditions(project, to_datetime(self.time), self.connection).of(where.tree))
        if not conditions:
            return []
        # Asked once for the runs that have what the order is by, and once for the others.
        everything = Selected(self.connection, [self._of_project()], self._of_project())
        return [Remembered(AllOf(conditions), everything, count(project))]

    def _parts(self) -> Iterator[tuple[keyset.Order, list[Condition], bool]]:
        """The orders that make up the list, each with what its runs must fulfil besides and whether they have a value."""
        order = self.run_list.order
        if order.name == "created" and order.kind == "fact":
            yield self._by_id(order.descending), [], False
        elif order.kind == "metric":
            rank = Rank(order.name, order.of, order.descending)
            yield metric_store.order(self.connection, self.run_list.project_id, rank), [], True
            any_value = MetricCondition(order.name, order.of, ">=", -inf)
            has_value = metric_store.condition(self.connection, self.run_list.project_id, any_value)
            yield self._by_id(), [Except(has_value)], False
        elif order.kind == "config":
            yield self._by_config(), [], True
            yield self._by_id(), [Except(self._has_key())], False
        else:
            yield self._by_fact(), [], True
            if order.name == "tags":
                untagged = of_runs(self.connection, self.run_list.project_id, _runs.tags_key.is_(None))
                yield self._by_id(), [untagged], False

    def _of_project(self, *columns: sa.ColumnElement) -> sa.Select:
        return sa.select(*columns, _runs.id).where(_runs.project_id == self.run_list.project_id)

    def _by_id(self, descending: bool = True) -> ById:
        return ById(self.connection, self._of_project(_runs.id.label("value")), descending)

    def _by_fact(self) -> Walk:
        order = self.run_list.order
        query = self._of_project(_FACTS[order.name])
        return Walk(self.connection, query, order.descending, self._running() if order.name == "duration" else ())

    def _running(self) -> list[Place]:
        """Runs that still run last until now, or until the time when the first page was read."""
        rows = self.connection.execute(self._of_project(_runs.started_at).where(_runs.lasted.is_(None)))
        return [Place(self.time - to_microseconds(start), run) for start, run in rows]

    def _by_config(self) -> Chain:
        """Numbers before texts, or the other way round."""
        descending = self.run_list.order.descending
        walks: dict[int, keyset.Order] = {}
        for number, value in enumerate(_CONFIG_VALUES):
            rows, by_run = self._config_rows(value), sa.select(value, _config.run_id).where(self._has_this_key)
            walks[number] = Walk(self.connection, rows.where(value.is_not(None)), descending, by_run=by_run)
        return Chain(dict(reversed(walks.items())) if descending else walks)

    def _has_key(self) -> Selected:
        by_index = [self._config_rows().where(value.is_not(None)) for value in _CONFIG_VALUES]
        return Selected(self.connection, by_index, sa.select(_config.run_id).where(self._has_this_key))

    @property
    def _has_this_key(self) -> sa.ColumnElement[bool]:
        return _config.key == self.run_list.order.name

    def _config_rows(self, *columns: sa.ColumnElement) -> sa.Select:
        return sa.select(*columns, _config.run_id).where(
            _config.project_id == self.run_list.project_id, self._has_this_key
        )
