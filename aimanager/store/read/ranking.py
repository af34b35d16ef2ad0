"""Runs by the values of their metrics: a table's order, its conditions and its cells.

The indexes by value hold finished runs only. Those that are live are few: they are read as they are and put between.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from math import nan
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.engine import Connection

from ...db import keyset
from ...db.arrays import pairs
from ...db.distinct import distinct
from ...db.engine import Database
from ...db.keyset import Place
from ...db.matching import Selected
from ...db.prepared import Prepared, one_of
from ..names import Names
from ..shapes import COMPARE, Cell, Condition, Floats, Ints, Rank, Statistic
from ..summary import mean_of
from ..tables import BEING_DELETED, LAST_IS_NEGATIVE_ZERO, SUM_IS_SCALED, metric_series, metric_stream

_s = metric_series.c
_VALUE: dict[str, sa.ColumnElement[Any]] = {"last": _s.last, "min": _s.vmin, "max": _s.vmax, "mean": _s.vmean}
# Written out, for a database must see from the statement alone that the partial indexes serve it.
_FINISHED = _s.live == sa.literal_column("0")
_LIVE = _s.live == sa.literal_column("1")
# Runs that are being deleted: their rows may still be there.
_HIDDEN = select(metric_stream.c.run_no).where(BEING_DELETED)
_ANY_HIDDEN = Prepared(_HIDDEN.limit(1))
_cells = select(_s.run_no, _s.metric_id, _s.last, _s.vmin, _s.vmax, _s.n - _s.n_bad, _s.vsum, _s.flags)
_CELLS = Prepared(_cells.where(one_of(_s.run_no, "runs")))
_CELLS_OF = Prepared(_cells.where(one_of(_s.run_no, "runs"), one_of(_s.metric_id, "metrics")))


class Ranking:
    """Orders and conditions for `keyset.first`, to be read through the caller's connection; the promise is MetricStore's."""

    def __init__(self, database: Database, names: Names) -> None:
        self._database = database
        self._names = names

    def order(self, connection: Connection, project: int, rank: Rank) -> keyset.Walk:
        value = _VALUE[rank.of]
        rows = self._series(connection, project, rank.name, value).where(value.is_not(None))
        live = list(starmap(Place, connection.execute(rows.where(_LIVE))))
        return keyset.Walk(connection, rows.where(_FINISHED), rank.descending, live, rows)

    def condition(self, connection: Connection, project: int, condition: Condition) -> Selected:
        value = _VALUE[condition.of]
        ops = ["<", ">"] if condition.op == "!=" else [condition.op]
        series = self._series(connection, project, condition.name)
        by_index = [
            series.where(COMPARE[op](value, condition.value), part) for op in ops for part in (_FINISHED, _LIVE)
        ]
        return Selected(connection, by_index, series.where(COMPARE[condition.op](value, condition.value)))

    def _series(
        self, connection: Connection, project: int, name: str, *columns: sa.ColumnElement[Any]
    ) -> sa.Select[Any]:
        metric = self._names.find(connection, [name]).get(name, 0)
        series = select(*columns, _s.run_no).where(_s.project_id == project, _s.metric_id == metric)
        # Mostly there are none, and then each row is cheaper without.
        return series.where(_s.run_no.not_in(_HIDDEN)) if _ANY_HIDDEN.first(connection) else series

    def names_of(self, project: int) -> list[str]:
        with self._database.reading() as connection:
            parts = (distinct(connection, _s.metric_id, _s.project_id == project, live) for live in (_FINISHED, _LIVE))
            return sorted(self._names.of(connection, {metric for part in parts for metric in part}).values())

    def values_of(self, project: int, name: str, of: Statistic) -> tuple[Ints, Floats]:
        value = _VALUE[of]
        with self._database.reading() as connection:
            series = self._series(connection, project, name)
            parts = (series.add_columns(value).where(part) for part in (_FINISHED, _LIVE))
            found = [pairs(connection, part) for part in parts]
        return np.concatenate([runs for runs, _ in found]), np.concatenate([values for _, values in found])

    def runs_having(self, project: int, names: Sequence[str], most: int) -> dict[str, int]:
        counts = dict.fromkeys(names, 0)
        with self._database.reading() as connection:
            name_of = {metric: name for name, metric in self._names.find(connection, names).items()}
            each = []
            for metric in name_of:
                for live in (_FINISHED, _LIVE):
                    rows = select(sa.literal(1)).where(_s.project_id == project, _s.metric_id == metric, live)
                    number: sa.ColumnElement[int] = sa.literal_column(str(metric))
                    each.append(select(number, sa.func.count()).select_from(rows.limit(most).subquery()))
            for metric, count in connection.execute(sa.union_all(*each)) if each else ():
                counts[name_of[metric]] = min(counts[name_of[metric]] + count, most)
        return counts

    def cells(self, runs: Sequence[int], names: Sequence[str] | None) -> dict[int, dict[str, Cell]]:
        cells: dict[int, dict[str, Cell]] = {run: {} for run in runs}
        with self._database.reading() as connection:
            if names is None:
                rows = _CELLS.rows(connection, runs=list(cells))
            else:
                metrics = self._names.find(connection, names)
                rows = _CELLS_OF.rows(connection, runs=list(cells), metrics=list(metrics.values()))
            hidden = set(connection.scalars(_HIDDEN))
            name_of = self._names.of(connection, {row[1] for row in rows})
        for run, metric, last, low, high, finite, total, flags in rows:
            if last is None:
                last = nan
            elif flags & LAST_IS_NEGATIVE_ZERO:
                last = -0.0
            mean = mean_of(finite, total, bool(flags & SUM_IS_SCALED), low, high)
            cells[run][name_of[metric]] = Cell(last, low, high, mean)
        for run in hidden.intersection(cells):
            cells[run] = {}
        return cells
