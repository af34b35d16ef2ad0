"""Looks for the runs of a list: in its order, by several keys, of those that pass its filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

import sqlalchemy as sa

from ...db.keyset import Place
from ...db.matching import AllOf, Condition, Given, Remembered, Selected, matched
from ...extensions import database, db
from ...models import Run
from ...wire.times import to_datetime
from .conditions import Conditions, hidden, trashed
from .keys import Key
from .order import Order, RunList

COUNTED = 5000  # In a larger project the runs that pass a filter are not counted: it costs more than the page.
BEFORE_ALL = -1  # Equal rows are newest first: a place with this number is behind them all.
_runs = Run.__table__.c
_COUNT = sa.select(sa.func.count()).select_from(Run).where(Run.project_id == sa.bindparam("project"))


def count(project_id: int) -> int:
    """How many runs a project has."""
    (number,) = database.lookups.recall(_COUNT, project=project_id) or (0,)
    return number


@dataclass
class Search:
    """Looks for pages of one list; `time` is the end of what still runs, in microseconds.

    A place has the values of all keys as a tuple. The first key gives the order by its index. Runs with equal values of it are
    a list of their own, in the order of the other keys: where they are many, by an index too, of those runs alone.
    """

    run_list: RunList
    time: int
    connection: sa.Connection = field(default_factory=lambda: db.session.connection())

    def runs(self, after: Place | None, limit: int) -> list[int]:
        """The numbers of the first runs after a place."""
        return self._first(self.run_list.order.keys, self.conditions, after, limit)

    def place_of(self, run: int) -> Place:
        """Where a run of the list is."""
        values = []
        for key in self.run_list.order.keys:
            ((value, _),) = self._key(key).first([Given([run])], None, 1)
            values.append(value)
        return Place(tuple(values), run)

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
        if where.trashed:
            conditions = [trashed(self.connection, project)]
        else:
            conditions = hidden(self.connection, project, archived=not where.says_archived)
        if where.tree:
            conditions.append(Conditions(project, to_datetime(self.time), self.connection).of(where.tree))
        if not conditions:
            return []
        # Asked once for the runs that have what the order is by, and once for the others.
        everything = Selected(self.connection, [self._of_project()], self._of_project())
        return [Remembered(AllOf(conditions), everything, count(project))]

    def _first(
        self, keys: Sequence[Order], conditions: Sequence[Condition], after: Place | None, limit: int
    ) -> list[int]:
        key, others = self._key(keys[0]), keys[1:]
        if not others:
            start = None if after is None else Place(after.value[0], after.run)
            return [place.run for place in key.first(conditions, start, limit)]
        runs: list[int] = []
        start = None
        if after is not None:
            value, *further = after.value
            tied = [*conditions, key.equal(value)]
            runs = self._first(others, tied, Place(tuple(further), after.run), limit)
            start = Place(value, BEFORE_ALL)
        room = limit - len(runs)
        if not room:
            return runs
        places = key.first(conditions, start, room + 1)
        ties = [(value, [place.run for place in group]) for value, group in groupby(places, lambda place: place.value)]
        # There may be more of the last value than were read.
        cut = ties.pop() if len(places) > room else None
        rank = self._ranks(others, [run for _, tied_runs in ties if len(tied_runs) > 1 for run in tied_runs])
        for _, tied_runs in ties:
            runs += sorted(tied_runs, key=lambda run: rank.get(run, ()))
        if cut and len(runs) < limit:
            runs += self._first(others, [*conditions, key.equal(cut[0])], None, limit - len(runs))
        return runs

    def _ranks(self, keys: Sequence[Order], runs: Sequence[int]) -> dict[int, tuple[float, ...]]:
        """What some runs are sorted by, among themselves: the ranks of their values of some keys, then the newest first."""
        ranks: dict[int, tuple[float, ...]] = dict.fromkeys(runs, ())
        for key in keys if runs else ():
            values = self._key(key).first([Given(runs)], None, len(runs))
            if key.is_created:  # No two runs are created as one, though that order has no values.
                values = [Place(place.run, place.run) for place in values]
            for rank, (_, group) in enumerate(groupby(values, lambda place: place.value)):
                for place in group:
                    ranks[place.run] += (rank,)
        return {run: (*rank, -run) for run, rank in ranks.items()}

    def _key(self, order: Order) -> Key:
        return Key(self.connection, self.run_list.project_id, order, self.time)

    def _of_project(self, *columns: sa.ColumnElement) -> sa.Select:
        return sa.select(*columns, _runs.id).where(_runs.project_id == self.run_list.project_id)
