"""One key of an order: the runs in its order, and those that have one value of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import Any

import sqlalchemy as sa

from ...db import keyset
from ...db.keyset import ById, Chain, Place, Walk
from ...db.matching import Condition, Except, Selected
from ...extensions import metric_store
from ...models import Run, RunConfig
from ...store import Condition as MetricCondition
from ...store import Rank
from ...wire.times import to_datetime, to_microseconds
from .conditions import of_runs
from .order import Order

_runs, _config = Run.__table__.c, RunConfig.__table__.c
_FACTS = {"name": _runs.name_key, "tags": _runs.tags_key, "status": _runs.status, "duration": _runs.lasted}
_CONFIG_VALUES = (_config.number, _config.text)


@dataclass(frozen=True)
class Key:
    """A project's runs by one key; `time` is the end of what still runs, in microseconds."""

    connection: sa.Connection
    project_id: int
    order: Order
    time: int

    def first(self, conditions: Sequence[Condition], after: Place | None, limit: int) -> list[Place]:
        """The first runs after a place that fulfil all conditions: those that have what the order is by, then the others."""
        places: list[Place] = []
        for order, further, has_value in self._parts():
            if after is None or (after.value is not None) == has_value:
                if after is not None and not has_value:
                    after = Place(after.run, after.run)
                places_of_part = keyset.first(order, [*conditions, *further], after, limit - len(places))
                places += places_of_part if has_value else [Place(None, place.run) for place in places_of_part]
                after = None
            if len(places) == limit:
                break
        return places

    def equal(self, value: Any) -> Condition:
        """The runs that have this value, None for those that have none."""
        order = self.order
        if order.kind == "metric":
            return self._metric("=", value) if value is not None else Except(self._metric(">=", -inf))
        if order.kind == "config":
            if value is None:
                return Except(self._has_key())
            number, compared = value
            column = _CONFIG_VALUES[number]
            by_index = self._config_rows().where(column == compared)
            return Selected(
                self.connection, [by_index], sa.select(_config.run_id).where(self._has_this_key, column == compared)
            )
        column = _FACTS[order.name]
        if order.name == "duration":
            start = to_datetime(self.time) - timedelta(microseconds=value)
            running = sa.and_(_runs.lasted.is_(None), _runs.started_at == start)
            return of_runs(self.connection, self.project_id, column == value, running)
        return of_runs(self.connection, self.project_id, column.is_(None) if value is None else column == value)

    def _metric(self, op: str, value: float) -> Condition:
        condition = MetricCondition(self.order.name, self.order.of, op, value)
        return metric_store.condition(self.connection, self.project_id, condition)

    def _parts(self) -> Iterator[tuple[keyset.Order, list[Condition], bool]]:
        """The orders that make up the list, each with what its runs must fulfil besides and whether they have a value."""
        order = self.order
        if order.name == "created" and order.kind == "fact":
            yield self._by_id(order.descending), [], False
        elif order.kind == "metric":
            rank = Rank(order.name, order.of, order.descending)
            yield metric_store.order(self.connection, self.project_id, rank), [], True
            yield self._by_id(), [Except(self._metric(">=", -inf))], False
        elif order.kind == "config":
            yield self._by_config(), [], True
            yield self._by_id(), [Except(self._has_key())], False
        else:
            yield self._by_fact(), [], True
            if order.name == "tags":
                untagged = of_runs(self.connection, self.project_id, _runs.tags_key.is_(None))
                yield self._by_id(), [untagged], False

    def _of_project(self, *columns: sa.ColumnElement) -> sa.Select:
        return sa.select(*columns, _runs.id).where(_runs.project_id == self.project_id)

    def _by_id(self, descending: bool = True) -> ById:
        return ById(self.connection, self._of_project(_runs.id.label("value")), descending)

    def _by_fact(self) -> Walk:
        order = self.order
        query = self._of_project(_FACTS[order.name])
        return Walk(self.connection, query, order.descending, self._running() if order.name == "duration" else ())

    def _running(self) -> list[Place]:
        """Runs that still run last until now, or until the time when the first page was read."""
        rows = self.connection.execute(self._of_project(_runs.started_at).where(_runs.lasted.is_(None)))
        return [Place(self.time - to_microseconds(start), run) for start, run in rows]

    def _by_config(self) -> Chain:
        """Numbers before texts, or the other way round."""
        descending = self.order.descending
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
        return _config.key == self.order.name

    def _config_rows(self, *columns: sa.ColumnElement) -> sa.Select:
        return sa.select(*columns, _config.run_id).where(_config.project_id == self.project_id, self._has_this_key)
