"""Pages of an ordered list that begin after a row, not at a number: the thousandth costs what the first does.

Rows are a value and a run. They are in the order of the values, up or down; runs with equal values are newest first,
which is by number from high to low. An index on (value, run) gives one such order by itself and the other in three looks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import groupby, starmap
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

PROBED = 500  # So many rows are tried before all that pass are gathered.
_LONGEST = 20_000  # Rows of one look.


class Place(NamedTuple):
    """A row of the list, and where the next page begins."""

    value: Any
    run: int


Walk = Callable[[Place | None, int], list[Place]]
Keep = Callable[[Collection[int]], Collection[int]]


def page(
    connection: Connection,
    query: sa.Select[Any],
    value: sa.ColumnElement[Any],
    run: sa.ColumnElement[int],
    descending: bool,
    after: Place | None,
    limit: int,
) -> list[Place]:
    """The first rows after a place of those that a query selects as (value, run); rows without a value are left out."""

    def look(condition: sa.ColumnElement[bool], order: Iterable[Any], most: int) -> list[Place]:
        rows = connection.execute(query.where(condition).order_by(*order).limit(most))
        return list(starmap(Place, rows.all()))  # At once: a row at a time costs thrice as much.

    if descending:
        behind = value.is_not(None) if after is None else sa.tuple_(value, run) < sa.tuple_(*after)
        return look(behind, (value.desc(), run.desc()), limit)
    found = [] if after is None else look((value == after.value) & (run < after.run), (run.desc(),), limit)
    wanted = limit - len(found)
    higher = (
        look(value.is_not(None) if after is None else value > after.value, (value, run), wanted + 1) if wanted else []
    )
    if len(higher) <= wanted:
        return found + _newest_first(higher)
    last = higher.pop().value
    whole = [place for place in higher if place.value != last]
    if cut := len(higher) - len(whole):  # The index has the oldest of them.
        return found + _newest_first(whole) + look(value == last, (run.desc(),), cut)
    return found + _newest_first(whole)


def _newest_first(places: list[Place]) -> list[Place]:
    """Turn round those with equal values."""
    if len({place.value for place in places}) == len(places):
        return places
    return [place for _, group in groupby(places, key=lambda place: place.value) for place in reversed(list(group))]


def in_order(places: Iterable[Place], descending: bool, after: Place | None = None) -> list[Place]:
    """The same of rows at hand whose values are numbers."""

    def key(place: Place) -> tuple[float, int]:
        return (-place.value if descending else place.value), -place.run

    return sorted((place for place in places if after is None or key(place) > key(after)), key=key)


def sift(
    walk: Walk, keep: Keep, after: Place | None, limit: int, gather: Callable[[], Collection[int]] | None = None
) -> list[Place]:
    """The first rows of a walk that pass. `keep` tries some; when too many fail, `gather` finds all that pass at once."""
    found: list[Place] = []
    size, tried = 4 * limit if gather else limit, 0
    while True:
        rows = walk(after, size)
        passed = keep([row.run for row in rows])
        found += [row for row in rows if row.run in passed]
        if len(found) >= limit or len(rows) < size:
            return found[:limit]
        after, tried, size = rows[-1], tried + size, min(2 * size, _LONGEST)
        if gather and tried >= PROBED:
            keep, gather = frozenset(gather()).intersection, None
