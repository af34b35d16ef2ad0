"""The runs beside a run in a list: found from its place, in a number of statements that does not depend on the list's length.

A page of a list goes on from a place, so the run after one is the first of the next page. The run before is the last of those
that come before: the steps below turn the keys round one by one. Runs without a value are last in either direction, and equal
ones are newest first, so turning round the whole order would not do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ...db.keyset import Place
from ...db.matching import Condition
from ...models import Run
from ...models.base import now
from ...wire.times import to_microseconds
from .filters import Filter
from .keys import Key
from .order import Order, RunList
from .pages import load
from .search import BEFORE_ALL, Search


class Neighbours(NamedTuple):
    """The runs before and after one; None where the list begins or ends."""

    previous: Run | None
    next: Run | None


def neighbours(run: Run, order: Order, where: Filter) -> Neighbours:
    """The runs beside a run in the list of its project, whether the run itself passes the filter or not."""
    search = Search(RunList(run.project_id, order, where), to_microseconds(now()))
    place = search.place_of(run.id)
    previous = _Backwards(search).before(order.keys, search.conditions, place)
    following = next(iter(search.runs(place, 1)), None)
    runs: dict[int | None, Run] = {
        one.id: one for one in load([run_id for run_id in (previous, following) if run_id is not None])
    }
    return Neighbours(runs.get(previous), runs.get(following))


@dataclass(frozen=True)
class _Backwards:
    search: Search

    def before(self, keys: Sequence[Order], conditions: Sequence[Condition], place: Place) -> int | None:
        """The last run before a place."""
        key, others = keys[0] if keys else Order(), keys[1:]
        if key.is_created:
            return self._first(_turned(key), conditions, Place(None, place.run))
        value, *further = place.value
        tied = [*conditions, self._key(key).equal(value)]
        found = self.before(others, tied, Place(tuple(further), place.run))
        if found is not None:
            return found
        ahead = None if value is None else Place(value, BEFORE_ALL)
        return self._last_with_a_value(key, others, conditions, ahead)

    def _last(self, keys: Sequence[Order], conditions: Sequence[Condition]) -> int | None:
        key, others = keys[0] if keys else Order(), keys[1:]
        if key.is_created:
            return self._first(_turned(key), conditions)
        without = None if key.name == "duration" else self._last(others, [*conditions, self._key(key).equal(None)])
        return without if without is not None else self._last_with_a_value(key, others, conditions)

    def _last_with_a_value(
        self, key: Order, others: Sequence[Order], conditions: Sequence[Condition], ahead: Place | None = None
    ) -> int | None:
        places = self._key(_turned(key)).first(conditions, ahead, 1)
        if not places or places[0].value is None:
            return None
        return self._last(others, [*conditions, self._key(key).equal(places[0].value)])

    def _first(self, key: Order, conditions: Sequence[Condition], after: Place | None = None) -> int | None:
        return next((place.run for place in self._key(key).first(conditions, after, 1)), None)

    def _key(self, key: Order) -> Key:
        return Key(self.search.connection, self.search.run_list.project_id, key, self.search.time)


def _turned(key: Order) -> Order:
    return replace(key, descending=not key.descending)
