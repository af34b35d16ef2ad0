"""Pages of an ordered list of runs that begin after a row, not at a number: the thousandth costs what the first does.

Rows are a value and a run. They are in the order of the values, up or down; runs with equal values are newest first,
which is by number from high to low. An index on (value, run) gives one such order by itself and the other in three looks.

`first` filters such a list. It looks up the runs that pass where they are few, tries rows of the order where many pass,
and where neither helps it walks the order against the set of all that pass. docs/decisions/0008 says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, starmap
from math import inf
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from .arrays import Ints, numbers
from .matching import MOST_TRIED, AllOf, Condition, Matched, Remembered, one_of

PROBED = 500  # So many rows of an order are tried before all runs that pass are gathered.
_WINDOW = 20_000  # Rows of an order that are read at once as bare numbers.


class Place(NamedTuple):
    """A row of the list, and where the next page begins."""

    value: Any
    run: int


class Order(Protocol):
    """Runs in the order of a value; those without the value are not in it."""

    def walk(self, after: Place | None, limit: int) -> list[Place]:
        """The first rows after a place."""

    def walk_within(self, runs: Matched, after: Place | None, limit: int) -> list[Place]:
        """The first rows after a place that are of these runs, which may be many."""

    def places(self, runs: Collection[int], after: Place | None) -> list[Place]:
        """All rows after a place that are of these runs, which are few."""


def first(order: Order, conditions: Sequence[Condition], after: Place | None, limit: int) -> list[Place]:
    """The first rows of an order, after a place, whose runs fulfil all conditions."""
    if not conditions:
        return order.walk(after, limit)
    condition = conditions[0] if len(conditions) == 1 else AllOf(conditions)
    few = condition.few()
    if few is not None:
        return order.places(few, after)[:limit]
    if isinstance(order, ById) and (led := order.led_by(condition, after, limit)) is not None:
        return led
    passed: list[Place] = []
    size, tried = 4 * limit, 0
    while tried < PROBED or _expected(limit - len(passed), tried, len(passed)) < 6 * PROBED:
        rows = order.walk(after, size)
        passing = condition.among({row.run for row in rows})
        passed += [row for row in rows if row.run in passing]
        if len(passed) >= limit or len(rows) < size:
            return passed[:limit]
        after, tried, size = rows[-1], tried + size, 2 * size
    if isinstance(condition, AllOf | Remembered) and (parts := condition.parted()) is not None:
        gathered, late = parts
        size, tried = 4 * limit, 0
        while tried < MOST_TRIED:
            rows = _within(order, gathered.all(), after, size)
            passing = late.among({row.run for row in rows})
            passed += [row for row in rows if row.run in passing]
            if len(passed) >= limit or len(rows) < size:
                return passed[:limit]
            after, tried, size = rows[-1], tried + size, 2 * size
    return passed + _within(order, condition.all(), after, limit - len(passed))


def _within(order: Order, runs: Matched, after: Place | None, limit: int) -> list[Place]:
    if runs.are_few:
        return order.places(runs.runs.tolist(), after)[:limit]
    return order.walk_within(runs, after, limit)


def _expected(rows: int, tried: int, passed: int) -> float:
    """How many more rows are to be tried for some that pass, if they go on to pass as often."""
    return rows * tried / passed if passed else inf


@dataclass(frozen=True)
class Walk:
    """The order of a select of (value, run) that an index serves, with the rows that are not in the index put between.

    `by_run` finds both kinds by their run; without it `query` does.
    """

    connection: Connection
    query: sa.Select[Any]
    descending: bool = False
    unindexed: Sequence[Place] = ()
    by_run: sa.Select[Any] | None = None

    def walk(self, after: Place | None, limit: int) -> list[Place]:
        def fetch(condition: sa.ColumnElement[bool], order: Iterable[Any], most: int) -> list[Place]:
            rows = self.connection.execute(self.query.where(condition).order_by(*order).limit(most))
            return list(starmap(Place, rows.all()))  # At once: a row at a time costs thrice as much.

        return self._page(fetch, self.unindexed, after, limit)

    def walk_within(self, runs: Matched, after: Place | None, limit: int) -> list[Place]:
        value, run = self.query.selected_columns

        def fetch(condition: sa.ColumnElement[bool], order: Iterable[Any], most: int) -> list[Place]:
            query = self.query.where(condition).order_by(*order).with_only_columns(run)
            chosen: list[int] = []
            for window in self._windows(query):
                chosen += runs.among(window)[: most - len(chosen)].tolist()
                if len(chosen) == most:
                    break
            place = {place.run: place for place in self._rows(chosen)}
            return [place[run] for run in chosen]

        return self._page(fetch, [place for place in self.unindexed if place.run in runs], after, limit)

    def places(self, runs: Collection[int], after: Place | None) -> list[Place]:
        unindexed = [place for place in self.unindexed if place.run in runs] if self.by_run is None else []
        return in_order([*self._rows(runs), *unindexed], self.descending, after)

    def _rows(self, runs: Collection[int]) -> list[Place]:
        """The rows of these runs, in no order."""
        if not runs:
            return []
        query = self.query if self.by_run is None else self.by_run
        value, run = query.selected_columns
        rows = self.connection.execute(query.where(value.is_not(None), one_of(self.connection, run, runs)))
        return list(starmap(Place, rows.all()))

    def _windows(self, query: sa.Select[Any]) -> Iterator[Ints]:
        offset, size = 0, _WINDOW
        while len(window := numbers(self.connection, query, size, offset)):
            yield window
            if len(window) < size:
                return
            offset, size = offset + size, 2 * size

    def _page(self, fetch: _Fetch, unindexed: Sequence[Place], after: Place | None, limit: int) -> list[Place]:
        value, run = self.query.selected_columns
        rows = page(fetch, value, run, self.descending, after, limit)
        return in_order([*rows, *unindexed], self.descending, after)[:limit] if unindexed else rows


@dataclass(frozen=True)
class ById(Walk):
    """The order of all runs of a select by their numbers, which are also their values: nothing is read to put runs in it."""

    def walk_within(self, runs: Matched, after: Place | None, limit: int) -> list[Place]:
        if runs.others:
            return super().walk_within(runs, after, limit)
        first = runs.first(self.descending, None if after is None else after.run, limit)
        return [Place(run, run) for run in first]

    def places(self, runs: Collection[int], after: Place | None) -> list[Place]:
        return self.walk_within(Matched.of(runs), after, len(runs))

    def led_by(self, condition: Condition, after: Place | None, limit: int) -> list[Place] | None:
        """The first rows whose runs fulfil a condition, by an index of it that has this order, if there is one."""
        runs = condition.by_number(self.descending, None if after is None else after.run, limit)
        return None if runs is None else [Place(run, run) for run in runs]


@dataclass(frozen=True)
class Chain:
    """Orders one after the other: values that cannot be compared with each other. A place's value is `[order, value]`."""

    orders: dict[int, Order]

    def walk(self, after: Place | None, limit: int) -> list[Place]:
        return self._each(after, limit, lambda order, after, limit: order.walk(after, limit))

    def walk_within(self, runs: Matched, after: Place | None, limit: int) -> list[Place]:
        return self._each(after, limit, lambda order, after, limit: order.walk_within(runs, after, limit))

    def places(self, runs: Collection[int], after: Place | None) -> list[Place]:
        return self._each(after, len(runs), lambda order, after, _: order.places(runs, after))

    def _each(
        self, after: Place | None, limit: int, rows_of: Callable[[Order, Place | None, int], list[Place]]
    ) -> list[Place]:
        rows: list[Place] = []
        for number, order in self.orders.items():
            if after is not None and after.value[0] != number:
                continue
            inner_place = None if after is None else Place(after.value[1], after.run)
            after = None  # Of the next order all rows come.
            if len(rows) < limit:
                places = rows_of(order, inner_place, limit - len(rows))
                rows += [Place([number, place.value], place.run) for place in places]
        return rows


_Fetch = Callable[[sa.ColumnElement[bool], Iterable[Any], int], list[Place]]


def page(
    fetch: _Fetch,
    value: sa.ColumnElement[Any],
    run: sa.ColumnElement[int],
    descending: bool,
    after: Place | None,
    limit: int,
) -> list[Place]:
    """The first rows after a place of those that `fetch(condition, order, most)` gives; rows without a value are left out."""
    if descending:
        behind = value.is_not(None) if after is None else sa.tuple_(value, run) < sa.tuple_(*after)
        return fetch(behind, (value.desc(), run.desc()), limit)
    equal = [] if after is None else fetch((value == after.value) & (run < after.run), (run.desc(),), limit)
    room = limit - len(equal)
    if not room:
        return equal
    higher = fetch(value.is_not(None) if after is None else value > after.value, (value, run), room + 1)
    if len(higher) <= room:
        return equal + _newest_first(higher)
    last = higher.pop().value
    complete = [place for place in higher if place.value != last]
    if cut := len(higher) - len(complete):  # The index has the oldest of them.
        return equal + _newest_first(complete) + fetch(value == last, (run.desc(),), cut)
    return equal + _newest_first(complete)


def _newest_first(places: list[Place]) -> list[Place]:
    """Turn round those with equal values."""
    if len({place.value for place in places}) == len(places):
        return places
    return [place for _, group in groupby(places, key=lambda place: place.value) for place in reversed(list(group))]


def in_order(places: Iterable[Place], descending: bool, after: Place | None = None) -> list[Place]:
    """The same of rows at hand."""
    rows = sorted(places, key=lambda place: place.run, reverse=True)
    rows.sort(key=lambda place: place.value, reverse=descending)  # Keeps the order of equal ones.
    if after is None:
        return rows
    value, run = after
    return [
        place for place in rows if (place.run < run if place.value == value else (place.value < value) == descending)
    ]
