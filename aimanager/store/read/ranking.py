"""Runs by the values of their metrics: a table's order, its conditions and its cells.

The indexes by value hold finished runs only. Those that are live are few: they are read as they are and put between.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence, Set
from itertools import starmap
from math import nan
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from ...db import keyset
from ...db.engine import Database
from ...db.keyset import Place
from ...db.prepared import Prepared, one_of
from ..base import COMPARE, Cell, Condition, Rank
from ..names import Names
from ..tables import BEING_DELETED, LAST_IS_NEGATIVE_ZERO, metric_series, metric_stream

_s = metric_series.c
_VALUE: dict[str, sa.ColumnElement[Any]] = {"last": _s.last, "min": _s.vmin, "max": _s.vmax}
FEW = 2000  # If no more runs than these can be on a page, they are looked up instead of walked to.
# Written out, for a database must see from the statement alone that the partial indexes serve it.
_FINISHED = _s.live == sa.literal_column("0")
_LIVE = _s.live == sa.literal_column("1")
_CELLS = Prepared(select(_s.run_no, _s.metric_id, _s.last, _s.vmin, _s.vmax, _s.flags).where(one_of(_s.run_no, "runs")))
_CELLS_OF = Prepared(
    select(_s.run_no, _s.metric_id, _s.last, _s.vmin, _s.vmax, _s.flags).where(
        one_of(_s.run_no, "runs"), one_of(_s.metric_id, "metrics")
    )
)


class Ranking:
    """Reads of one snapshot each; the promise is MetricStore's."""

    def __init__(self, database: Database, names: Names) -> None:
        self._database = database
        self._names = names

    def ranked(
        self,
        project: int,
        rank: Rank,
        after: Place | None,
        limit: int,
        where: Sequence[Condition],
        among: Collection[int] | None,
    ) -> list[Place]:
        with self._database.reading() as connection:
            look = _Look(connection, project, self._names.find(connection, {rank.name, *(one.name for one in where)}))
            return look.ranked(rank, after, limit, where, None if among is None else frozenset(among))

    def fulfilling(self, project: int, where: Sequence[Condition], among: Collection[int] | None) -> set[int]:
        with self._database.reading() as connection:
            look = _Look(connection, project, self._names.find(connection, {one.name for one in where}))
            return look.fulfilling(where, among)

    def cells(self, runs: Sequence[int], names: Sequence[str] | None) -> dict[int, dict[str, Cell]]:
        found: dict[int, dict[str, Cell]] = {run: {} for run in runs}
        with self._database.reading() as connection:
            if names is None:
                some = _CELLS.rows(connection, runs=list(found))
            else:
                metrics = self._names.find(connection, names)
                some = _CELLS_OF.rows(connection, runs=list(found), metrics=list(metrics.values()))
            hidden = _hidden(connection)
            name = self._names.of(connection, {row[1] for row in some})
        for run, metric, last, low, high, flags in some:
            if last is None:
                last = nan
            elif flags & LAST_IS_NEGATIVE_ZERO:
                last = -0.0
            found[run][name[metric]] = Cell(last, low, high)
        for run in hidden.intersection(found):
            found[run] = {}
        return found


class _Look:
    """One project at one moment."""

    def __init__(self, connection: Connection, project: int, metrics: dict[str, int]) -> None:
        self._connection = connection
        self._project = project
        self._metrics = metrics
        self._hidden = _hidden(connection)

    def ranked(
        self, rank: Rank, after: Place | None, limit: int, where: Sequence[Condition], among: frozenset[int] | None
    ) -> list[Place]:
        value, descending = _VALUE[rank.of], rank.descending
        if rank.name not in self._metrics:
            return []
        mine = select(value, _s.run_no).where(*self._series(rank.name, value.is_not(None)))
        few: Set[int] | None = self._few(where) if among is None or len(among) > FEW else among
        if few is not None:
            rows = self._of_runs(mine, self.fulfilling(where, few if among is None else few & among))
            return keyset.in_order(starmap(Place, rows), descending, after)[:limit]
        live = keyset.in_order(starmap(Place, self._connection.execute(mine.where(_LIVE)).all()), descending, after)
        finished = mine.where(_FINISHED)

        def walk(after: Place | None, size: int) -> list[Place]:
            some = keyset.page(self._connection, finished, value, _s.run_no, descending, after, size)
            return keyset.in_order([*some, *live], descending, after)[:size] if live else some

        def keep(runs: Collection[int]) -> set[int]:
            return self.fulfilling(where, runs if among is None else among.intersection(runs))

        return keyset.sift(walk, keep, after, limit, (lambda: self.fulfilling(where, among)) if where else None)

    def fulfilling(self, where: Sequence[Condition], among: Collection[int] | None) -> set[int]:
        """Of these runs, or of all that have points, those that fulfil all conditions."""
        found = None if among is None else set(among) - self._hidden
        for one in where:
            if found is None:
                found = self._all(one) - self._hidden
            elif len(found) > FEW:
                found &= self._all(one)
            elif found:
                found = {run for (run,) in self._of_runs(self._fulfils(one), found)}
        return found or set()

    def _few(self, where: Sequence[Condition]) -> set[int] | None:
        """The runs that fulfil the condition which the fewest do, None if there are many of them."""
        some = [self._all(one, FEW + 1) for one in where]
        return min((runs for runs in some if len(runs) <= FEW), key=len, default=None)

    def _all(self, one: Condition, most: int | None = None) -> set[int]:
        query = self._fulfils(one).limit(most)
        return {run for part in (_FINISHED, _LIVE) for run in self._connection.scalars(query.where(part)).all()}

    def _fulfils(self, one: Condition) -> sa.Select[Any]:
        return select(_s.run_no).where(*self._series(one.name, COMPARE[one.op](_VALUE[one.of], one.value)))

    def _series(self, name: str, *more: sa.ColumnElement[bool]) -> list[sa.ColumnElement[bool]]:
        return [_s.project_id == self._project, _s.metric_id == self._metrics.get(name, 0), *more]

    def _of_runs(self, query: sa.Select[Any], runs: Iterable[int]) -> Sequence[sa.Row[Any]]:
        return self._connection.execute(query.where(_one_of(self._connection, runs))).all()


def _one_of(connection: Connection, runs: Iterable[int]) -> sa.ColumnElement[bool]:
    """The runs as one parameter: a list of a thousand would be a statement of a thousand, compiled each time anew."""
    numbers = sorted(runs)
    if connection.dialect.name == "sqlite":
        each = sa.func.json_each(json.dumps(numbers)).table_valued("value")
        return _s.run_no.in_(select(each.c.value))
    return _s.run_no == sa.any_(sa.literal(numbers, ARRAY(sa.BigInteger)))


def _hidden(connection: Connection) -> set[int]:
    """Runs that are being deleted: their rows may still be there."""
    return set(connection.scalars(select(metric_stream.c.run_no).where(BEING_DELETED)))
