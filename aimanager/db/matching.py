"""Conditions that runs fulfil, and the sets of those that do: put together by `and`, `or` and `not` in any way.

A condition names the runs that fulfil it if they are few, tries single runs, and names all. Which of these is asked for is
decided by `keyset.first`. docs/decisions/0008 says why.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import chain, filterfalse
from math import inf
from typing import Any, NamedTuple, Protocol

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

FEW = 2000  # If no more runs than these pass a condition, they are looked up instead of walked to.


class Matched(NamedTuple):
    """The runs that fulfil a condition, or with `others` all runs but these: what is there need not be read to leave little out."""

    runs: set[int]
    others: bool = False

    def __invert__(self) -> Matched:
        return Matched(self.runs, not self.others)

    def __and__(self, other: Matched) -> Matched:
        if self.others and other.others:
            return Matched(self.runs | other.runs, True)
        if self.others:
            return Matched(other.runs - self.runs)
        return Matched(self.runs - other.runs if other.others else self.runs & other.runs)

    def __or__(self, other: Matched) -> Matched:
        return ~(~self & ~other)

    @property
    def are_few(self) -> bool:
        return not self.others and len(self.runs) <= FEW

    def among(self, runs: Iterable[int]) -> Iterator[int]:
        """Those of some runs that fulfil it, in their order."""
        return filterfalse(self.runs.__contains__, runs) if self.others else filter(self.runs.__contains__, runs)

    def __contains__(self, run: object) -> bool:
        return (run in self.runs) != self.others


class Condition(Protocol):
    """What runs must fulfil."""

    def few(self) -> set[int] | None:
        """All runs that fulfil it if they are few, which costs no more than to read so many; else None."""

    def among(self, runs: Collection[int]) -> set[int]:
        """Those of some runs that fulfil it."""

    def all(self) -> Matched:
        """All runs that fulfil it, however many."""


def matched(conditions: Sequence[Condition]) -> Matched:
    """All runs that fulfil all conditions."""
    condition = AllOf(conditions)
    few = condition.few()
    return condition.all() if few is None else Matched(few)


@dataclass(frozen=True)
class AllOf:
    """Every one of some conditions; of none all runs."""

    conditions: Sequence[Condition]

    def few(self) -> set[int] | None:
        probes = [(one, one.few()) for one in self.conditions]
        fewest, runs = min(probes, key=lambda probe: inf if probe[1] is None else len(probe[1]), default=(None, None))
        if runs is None:
            return None
        return AllOf([one for one in self.conditions if one is not fewest]).among(runs)

    def among(self, runs: Collection[int]) -> set[int]:
        runs = set(runs)
        for one in self.conditions:
            runs = one.among(runs) if runs else runs
        return runs

    def all(self) -> Matched:
        runs = Matched(set(), others=True)
        for one in self.conditions:
            runs = Matched(one.among(runs.runs)) if runs.are_few else runs & one.all()
        return runs


@dataclass(frozen=True)
class AnyOf:
    """At least one of some conditions."""

    conditions: Sequence[Condition]

    def few(self) -> set[int] | None:
        runs: set[int] = set()
        for one in self.conditions:
            some = one.few()
            if some is None or len(runs := runs | some) > FEW:
                return None
        return runs

    def among(self, runs: Collection[int]) -> set[int]:
        left, found = set(runs), set[int]()
        for one in self.conditions:
            if left:
                found |= one.among(left)
                left -= found
        return found

    def all(self) -> Matched:
        return reduce(Matched.__or__, (one.all() for one in self.conditions), Matched(set()))


@dataclass(frozen=True)
class Except:
    """The opposite of a condition."""

    condition: Condition

    def few(self) -> None:
        """No index counts what is not there."""

    def among(self, runs: Collection[int]) -> set[int]:
        return set(runs) - self.condition.among(runs)

    def all(self) -> Matched:
        return ~self.condition.all()


class Remembered:
    """A condition that is asked several times; `everything` is what all runs fulfil, and `total` how many they are."""

    def __init__(self, condition: Condition, everything: Condition, total: int) -> None:
        self._condition = condition
        self._everything = everything
        self._total = total

    def few(self) -> set[int] | None:
        return self._few

    def among(self, runs: Collection[int]) -> set[int]:
        return self._condition.among(runs)

    def all(self) -> Matched:
        return self._all

    @cached_property
    def _few(self) -> set[int] | None:
        return self._condition.few()

    @cached_property
    def _all(self) -> Matched:
        runs = self._condition.all()
        if runs.others and self._total - len(runs.runs) <= FEW:
            runs = self._everything.all() & runs
        if runs.are_few:
            self._few = runs.runs
        return runs


@dataclass(frozen=True)
class Given:
    """A condition that exactly these runs fulfil."""

    given: Collection[int]

    def few(self) -> set[int] | None:
        return set(self.given) if len(self.given) <= FEW else None

    def among(self, runs: Collection[int]) -> set[int]:
        return set(runs).intersection(self.given)

    def all(self) -> Matched:
        return Matched(set(self.given))


@dataclass(frozen=True)
class Selected:
    """A condition in SQL: selects of runs that together give all of them, each by an index, and one that tries runs.

    `few_by_index` are to be taken to find out whether they are few, where other selects are quicker for that.
    """

    connection: Connection
    by_index: Sequence[sa.Select[Any]]
    by_run: sa.Select[Any]
    few_by_index: Sequence[sa.Select[Any]] = ()

    def few(self) -> set[int] | None:
        runs: set[int] = set()
        for query in self.few_by_index or self.by_index:
            runs.update(numbers(self.connection, query.limit(FEW + 1 - len(runs))))
            if len(runs) > FEW:
                return None
        return runs

    def among(self, runs: Collection[int]) -> set[int]:
        if not runs:
            return set()
        (run,) = self.by_run.selected_columns
        return set(self.connection.scalars(self.by_run.where(one_of(self.connection, run, runs))).all())

    def all(self) -> Matched:
        return Matched(set(chain.from_iterable(numbers(self.connection, query) for query in self.by_index)))


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
