"""Pages of a project's runs in any order: only the runs of the page are loaded, wherever in the order it is."""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import starmap
from math import inf
from operator import itemgetter

import sqlalchemy as sa

from ...db import keyset
from ...db.keyset import Place
from ...extensions import database, db, metric_store
from ...models import Run
from ...models.base import now
from ...principal import Principal
from ...store import Condition, Rank
from .. import projects
from . import configs
from . import order as orders
from .filters import Filter
from .order import Cursor, Order

COUNTED = (
    5000  # Up to so many runs of a project those that a filter finds are counted; beyond it costs more than the page.
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_MICROSECOND = timedelta(microseconds=1)
_runs = Run.__table__.c
_KEYS = {"name": _runs.name_key, "tags": _runs.tags_key, "status": _runs.status}
_TOTAL = sa.select(sa.func.count()).select_from(Run).where(Run.project_id == sa.bindparam("project"))


@dataclass(frozen=True)
class Listing:
    """A page of runs. `following` is the cursor of the next page; `found` None where counting would cost too much."""

    runs: Sequence[Run]
    following: str | None
    found: int | None
    total: int


def listing(
    principal: Principal, project_id: int, order: Order, wanted: Filter, after: str | None = None, limit: int = 100
) -> Listing:
    """Runs of a project that pass a filter. Raises Invalid for a cursor of another list."""
    projects.get(project_id, principal)
    cursor = None if after is None else orders.read_cursor(order, after)
    search = _Search(project_id, order, wanted, cursor.moment if cursor else _microseconds(now()))
    places = search.page(cursor.place if cursor else None, limit + 1)
    following = orders.write_cursor(order, Cursor(places[limit - 1], search.moment)) if len(places) > limit else None
    (total,) = database.lookups.recall(_TOTAL, project=project_id) or (0,)
    found = search.count(total) if cursor or following else len(places)
    return Listing(_load([place.run for place in places[:limit]]), following, found, total)


def _load(ids: Sequence[int]) -> list[Run]:
    runs = {run.id: run for run in db.session.scalars(sa.select(Run).where(Run.id.in_(ids)))}
    return [runs[run_id] for run_id in ids if run_id in runs]


class _Search:
    """One question; pages of it are lists of places."""

    def __init__(self, project: int, order: Order, wanted: Filter, moment: int) -> None:
        self.project, self.order, self.wanted, self.moment = project, order, wanted, moment
        self._mine: list[sa.ColumnElement[bool]] = [Run.project_id == project]
        for word in wanted.words:
            found = [column.contains(word.casefold(), autoescape=True) for column in (Run.words, Run.status)]
            self._mine.append(sa.or_(*found))

    def page(self, after: Place | None, limit: int) -> list[Place]:
        """Runs that have what the order is by, then those that have not."""
        found: list[Place] = []
        if self.order.name != "created" and (after is None or after.value is not None):
            found, after = self._with_value(after, limit), None
        return found if len(found) == limit else found + self._without_value(after, limit - len(found))

    def count(self, total: int) -> int | None:
        """How many runs pass, None where that would cost too much."""
        if not self.wanted:
            return total
        if total > COUNTED:
            return None
        if self.wanted.where:
            return len(self._passing())
        return db.session.scalar(sa.select(sa.func.count()).select_from(Run).where(*self._mine))

    def _with_value(self, after: Place | None, limit: int) -> list[Place]:
        order, where = self.order, self.wanted.where
        if order.kind == "metric":
            among = self._ids() if self.wanted.words else None
            return metric_store.ranked(
                self.project, Rank(order.name, order.of, order.descending), after, limit, where, among
            )
        if order.kind == "config":
            return self._by_config(after, limit)
        walk = self._by_duration() if order.name == "duration" else self._by_key
        return keyset.sift(walk, self._keep, after, limit, self._passing if where else None)

    def _without_value(self, after: Place | None, limit: int) -> list[Place]:
        order, where = self.order, self.wanted.where
        if order.name == "created":
            return keyset.sift(
                self._by_id(order.descending), self._keep, after, limit, self._passing if where else None
            )
        if order.kind == "metric":
            return self._without_metric(after, limit)
        if order.kind == "config":
            without = self._passing().difference(self._config_values())
            newest = sorted((run for run in without if after is None or run < after.run), reverse=True)
            return [Place(None, run) for run in newest[:limit]]
        if order.name == "tags":
            walk = self._by_id(True, Run.tags_key.is_(None))
            return keyset.sift(walk, self._keep, after, limit, self._passing if where else None)
        return []

    # Conditions on metrics

    def _keep(self, runs: Collection[int]) -> Collection[int]:
        where = self.wanted.where
        return metric_store.fulfilling(self.project, where, runs) if where else runs

    def _passing(self) -> set[int]:
        """All runs that pass the filter."""
        where, words = self.wanted.where, self.wanted.words
        if not where:
            return set(self._ids())
        return metric_store.fulfilling(self.project, where, self._ids() if words else None)

    def _ids(self) -> Sequence[int]:
        """The runs that pass the words."""
        return db.session.scalars(sa.select(Run.id).where(*self._mine)).all()

    # Walks

    def _by_id(self, descending: bool, *conditions: sa.ColumnElement[bool]) -> keyset.Walk:
        query = sa.select(sa.null(), Run.id).where(*self._mine, *conditions)

        def walk(after: Place | None, limit: int) -> list[Place]:
            some = query if after is None else query.where(Run.id < after.run if descending else Run.id > after.run)
            rows = db.session.execute(some.order_by(Run.id.desc() if descending else Run.id).limit(limit))
            return list(starmap(Place, rows))

        return walk

    def _by_key(self, after: Place | None, limit: int) -> list[Place]:
        key = _KEYS[self.order.name]
        query = sa.select(key, _runs.id).where(*self._mine)
        return keyset.page(db.session.connection(), query, key, _runs.id, self.order.descending, after, limit)

    def _by_duration(self) -> keyset.Walk:
        """Of runs that still run until now, or until the moment when the first page was asked for."""
        descending = self.order.descending
        started = db.session.execute(sa.select(Run.started_at, Run.id).where(*self._mine, Run.lasted.is_(None)))
        running = [Place(self.moment - _microseconds(start), run) for start, run in started]
        query = sa.select(_runs.lasted, _runs.id).where(*self._mine)

        def walk(after: Place | None, limit: int) -> list[Place]:
            ended = keyset.page(db.session.connection(), query, _runs.lasted, _runs.id, descending, after, limit)
            return keyset.in_order([*ended, *running], descending, after)[:limit]

        return walk

    def _without_metric(self, after: Place | None, limit: int) -> list[Place]:
        any_value = [Condition(self.order.name, self.order.of, ">=", -inf)]

        def keep(runs: Collection[int]) -> set[int]:
            return set(self._keep(runs)) - metric_store.fulfilling(self.project, any_value, runs)

        def gather() -> set[int]:
            return self._passing() - metric_store.fulfilling(self.project, any_value)

        return keyset.sift(self._by_id(True), keep, after, limit, gather)

    # The config

    def _by_config(self, after: Place | None, limit: int) -> list[Place]:
        values, descending = self._config_values(), self.order.descending
        places = [Place(values[run], run) for run in sorted(values, reverse=True)]
        places.sort(key=itemgetter(0), reverse=descending)  # Equal ones stay newest first.
        if after is not None:
            value, run = tuple(after.value), after.run
            beyond = operator.lt if descending else operator.gt
            places = [one for one in places if beyond(one.value, value) or (one.value == value and one.run < run)]
        return places[:limit]

    def _config_values(self) -> dict[int, configs.Comparable]:
        """What the runs have under the key. It reads the config of every run that passes, but keeps only this of it."""
        passing = self._passing() if self.wanted.where else None
        query = sa.select(Run.id, sa.type_coerce(Run.config, sa.Text)).where(*self._mine)
        rows = db.session.execute(query, execution_options={"yield_per": 1000})
        found = ((run, configs.find(text, self.order.name)) for run, text in rows if passing is None or run in passing)
        return {run: configs.comparable(value) for run, value in found if value is not None}


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
