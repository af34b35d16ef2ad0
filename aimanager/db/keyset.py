"""Pages of an ordered list of runs that begin after a row, not at a number: the thousandth costs what the first does.

Rows are a value and a run. They are in the order of the values, up or down; runs with equal values are newest first,
which is by number from high to low. An index on (value, run) gives one such order by itself and the other in three looks.

`first` filters such a list. It looks up the runs that pass where they are few, tries rows of the order where many pass,
and where neither helps it walks the order against the set of all that pass. docs/decisions/0008 says why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain, groupby, islice, starmap
from typing import Any, ClassVar, NamedTuple, Protocol

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

FEW = 2000  # If no more runs than these pass a condition, they are looked up instead of walked to.
PROBED = 500  # So many rows of an order are tried before all runs that pass are gathered.
_WINDOW = 20_000  # Rows of an order that are read at once as bare numbers.


class Place(NamedTuple):
    """A row of the list, and where the next page begins."""

    value: Any
    run: int


class Condition(Protocol):
    """What runs must fulfil. `can_be_rare` says whether it is worth asking if only a few runs do."""

    @property
    def can_be_rare(self) -> bool: ...

    def runs(self, limit: int | None = None) -> set[int]:
        """All runs that fulfil it, or at most `limit` of them."""

    def among(self, runs: Collection[int]) -> set[int]:
        """Those of some runs that fulfil it."""


class Order(Protocol):
    """Runs in the order of a value; those without the value are not in it."""

    def walk(self, after: Place | None, limit: int) -> list[Place]:
        """The first rows after a place."""

    def walk_within(self, runs: set[int], after: Place | None, limit: int) -> list[Place]:
        """The first rows after a place that are of these runs, which may be many."""

    def places(self, runs: Collection[int], after: Place | None) -> list[Place]:
        """All rows after a place that are of these runs, which are few."""


def first(order: Order, conditions: Sequence[Condition], after: Place | None, limit: int) -> list[Place]:
    """The first rows of an order, after a place, whose runs fulfil all conditions."""
    if not conditions:
        return order.walk(after, limit)
    few = _few(conditions)
    if few is not None:
        return order.places(few, after)[:limit]
    passed: list[Place] = []
    size, tried = 4 * limit, 0
    while tried < PROBED:
        rows = order.walk(after, size)
        passing = _among(conditions, {row.run for row in rows})
        passed += [row for row in rows if row.run in passing]
        if len(passed) >= limit or len(rows) < size:
            return passed[:limit]
        after, tried, size = rows[-1], tried + size, 2 * size
    return passed + order.walk_within(_all(conditions), after, limit - len(passed))


def matching(conditions: Sequence[Condition]) -> set[int]:
    """All runs that fulfil all conditions, of which there is at least one."""
    few = _few(conditions)
    return few if few is not None else _all(conditions)


def _all(conditions: Sequence[Condition]) -> set[int]:
    return reduce(set.intersection, (one.runs() for one in conditions))


def _few(conditions: Sequence[Condition]) -> set[int] | None:
    """The runs that fulfil all conditions, None if each condition is fulfilled by many."""
    probes = [(one, one.runs(FEW + 1)) for one in conditions if one.can_be_rare]
    fewest, runs = min(probes, key=lambda probe: len(probe[1]), default=(None, set()))
    if fewest is None or len(runs) > FEW:
        return None
    return _among([one for one in conditions if one is not fewest], runs)


def _among(conditions: Iterable[Condition], runs: set[int]) -> set[int]:
    for one in conditions:
        runs = one.among(runs) if runs else runs
    return runs


@dataclass(frozen=True)
class Given:
    """A condition that exactly these runs fulfil."""

    given: Collection[int]
    can_be_rare: ClassVar[bool] = True

    def runs(self, limit: int | None = None) -> set[int]:
        return set(self.given if limit is None else islice(self.given, limit))

    def among(self, runs: Collection[int]) -> set[int]:
        return set(runs).intersection(self.given)


@dataclass(frozen=True)
class Except:
    """The opposite of a condition, of all the runs that a select has."""

    connection: Connection
    everything: sa.Select[Any]
    condition: Condition
    can_be_rare: ClassVar[bool] = False  # No index counts what is not there.

    def runs(self, limit: int | None = None) -> set[int]:
        return set(numbers(self.connection, self.everything)) - self.condition.runs()

    def among(self, runs: Collection[int]) -> set[int]:
        return set(runs) - self.condition.among(runs)


@dataclass(frozen=True)
class Selected:
    """A condition in SQL: selects of runs that together give all of them, each by an index, and one that tries runs."""

    connection: Connection
    by_index: Sequence[sa.Select[Any]]
    by_run: sa.Select[Any]
    can_be_rare: ClassVar[bool] = True

    def runs(self, limit: int | None = None) -> set[int]:
        runs: set[int] = set()
        for query in self.by_index:
            if limit is None or len(runs) < limit:
                runs.update(numbers(self.connection, query.limit(None if limit is None else limit - len(runs))))
        return runs

    def among(self, runs: Collection[int]) -> set[int]:
        if not runs:
            return set()
        (run,) = self.by_run.selected_columns
        return set(self.connection.scalars(self.by_run.where(one_of(self.connection, run, runs))).all())


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

    def walk_within(self, runs: set[int], after: Place | None, limit: int) -> list[Place]:
        value, run = self.query.selected_columns

        def fetch(condition: sa.ColumnElement[bool], order: Iterable[Any], most: int) -> list[Place]:
            query = self.query.where(condition).order_by(*order).with_only_columns(run)
            # All in C: there may be a hundred thousand.
            each_run = chain.from_iterable(self._windows(query))
            chosen = list(islice(filter(runs.__contains__, each_run), most))
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

    def _windows(self, query: sa.Select[Any]) -> Iterator[list[int]]:
        offset, size = 0, _WINDOW
        while window := numbers(self.connection, query.offset(offset).limit(size)):
            yield window
            if len(window) < size:
                return
            offset, size = offset + size, 2 * size

    def _page(self, fetch: _Fetch, unindexed: Sequence[Place], after: Place | None, limit: int) -> list[Place]:
        value, run = self.query.selected_columns
        rows = page(fetch, value, run, self.descending, after, limit)
        return in_order([*rows, *unindexed], self.descending, after)[:limit] if unindexed else rows


@dataclass(frozen=True)
class Chain:
    """Orders one after the other: values that cannot be compared with each other. A place's value is `[order, value]`."""

    orders: dict[int, Order]

    def walk(self, after: Place | None, limit: int) -> list[Place]:
        return self._each(after, limit, lambda order, after, limit: order.walk(after, limit))

    def walk_within(self, runs: set[int], after: Place | None, limit: int) -> list[Place]:
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


def numbers(connection: Connection, query: sa.Select[Any]) -> list[int]:
    """What a select of integers gives, as one text: a hundred thousand rows cost several times as much."""
    (number,) = query.subquery().c
    if connection.dialect.name == "sqlite":
        joined = sa.func.group_concat(number)
    else:
        joined = sa.func.string_agg(sa.cast(number, sa.Text), ",")
    return orjson.loads(f"[{connection.scalar(sa.select(joined)) or ''}]")


def one_of(connection: Connection, column: sa.ColumnElement[int], runs: Iterable[int]) -> sa.ColumnElement[bool]:
    """The runs as one parameter: a list of a thousand would be a statement of a thousand, compiled each time."""
    sorted_runs = sorted(runs)
    if connection.dialect.name == "sqlite":
        each = sa.func.json_each(json.dumps(sorted_runs)).table_valued("value")
        return column.in_(sa.select(each.c.value))
    return column == sa.any_(sa.literal(sorted_runs, ARRAY(sa.BigInteger)))
