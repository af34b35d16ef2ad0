"""Conditions that runs fulfil, and the sets of those that do: put together by `and`, `or` and `not` in any way.

A condition names the runs that fulfil it if they are few, tries single runs, and names all. Which of these is asked for is
decided by `keyset.first`. docs/decisions/0008 says why.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from math import inf
from typing import Any, NamedTuple, Protocol

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from .arrays import Ints, ascending, numbers

FEW = 2000  # If no more runs than these pass a condition, they are looked up instead of walked to.
TRIED = 500  # So many runs of one condition are tried with the others before all that pass are gathered.
MOST_TRIED = 2000  # And of runs that fulfil all conditions but those that cost more to gather than to try.
MOST_OF_REST = (
    20_000  # Runs that do not fulfil a condition: if they are no more, they are read instead of those that do.
)


class Matched(NamedTuple):
    """The runs that fulfil a condition, ascending, or with `others` all runs but these: what is there need not be read to
    leave little out."""

    runs: Ints
    others: bool = False

    @classmethod
    def of(cls, runs: Iterable[int]) -> Matched:
        return cls(np.array(sorted(runs), np.int64))

    def __invert__(self) -> Matched:
        return Matched(self.runs, not self.others)

    def __and__(self, other: Matched) -> Matched:
        if self.others and other.others:
            return Matched(ascending(np.concatenate([self.runs, other.runs])), True)
        if self.others:
            return Matched(self.among(other.runs))
        return Matched(other.among(self.runs))

    def __or__(self, other: Matched) -> Matched:
        return ~(~self & ~other)

    @property
    def are_few(self) -> bool:
        return not self.others and len(self.runs) <= FEW

    def among(self, runs: Ints) -> Ints:
        """Those of some runs that fulfil it, in their order."""
        return runs[np.isin(runs, self.runs, invert=self.others)]

    def first(self, descending: bool, after: int | None, limit: int) -> list[int]:
        """The first of them after a run by their number; not of `others`."""
        rows = self.runs[::-1] if descending else self.runs
        if after is not None:
            rows = rows[rows < after if descending else rows > after]
        return rows[:limit].tolist()

    def __contains__(self, run: Any) -> bool:
        return bool(np.isin(run, self.runs, invert=self.others))


class Condition(Protocol):
    """What runs must fulfil."""

    def few(self) -> set[int] | None:
        """All runs that fulfil it if they are few, which costs no more than to read so many; else None."""

    def among(self, runs: Collection[int]) -> set[int]:
        """Those of some runs that fulfil it."""

    def all(self) -> Matched:
        """All runs that fulfil it, however many."""

    def by_number(self, descending: bool, after: int | None, limit: int) -> list[int] | None:
        """The first runs that fulfil it, after a run, in the order of their numbers; None where no index has that order."""


def matched(conditions: Sequence[Condition]) -> Matched:
    """All runs that fulfil all conditions."""
    condition = AllOf(conditions)
    few = condition.few()
    return condition.all() if few is None else Matched.of(few)


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
        runs = ~Matched.of(())
        for one in self.conditions:
            is_tried = not runs.others and len(runs.runs) <= max(FEW, one.tried if isinstance(one, Selected) else 0)
            runs = Matched.of(one.among(runs.runs.tolist())) if is_tried else runs & one.all()
        return runs

    def by_number(self, descending: bool, after: int | None, limit: int) -> list[int] | None:
        """By the first condition that has that order: the others are tried with its runs, and gathered where few of these pass."""
        for at, lead in enumerate(self.conditions):
            others = AllOf([*self.conditions[:at], *self.conditions[at + 1 :]])
            passed: list[int] = []
            size, tried = 4 * limit if others.conditions else limit, 0
            while (runs := lead.by_number(descending, after, size)) is not None:
                passing = others.among(runs)
                passed += [run for run in runs if run in passing]
                tried += size
                if len(passed) >= limit or len(runs) < size:
                    return passed[:limit]
                after, size = runs[-1], 2 * size
                if tried > TRIED:
                    rest = self._gathered_by_number(descending, after, limit - len(passed))
                    return None if rest is None else passed + rest
        return None

    def _gathered_by_number(self, descending: bool, after: int | None, limit: int) -> list[int] | None:
        if (parts := self.parted()) is not None and not (runs := parts[0].all()).others:
            found: list[int] = []
            candidates, size = runs.first(descending, after, MOST_TRIED), 4 * limit
            while candidates:
                some, candidates, size = candidates[:size], candidates[size:], 2 * size
                passing = parts[1].among(some)
                found += [run for run in some if run in passing]
                if len(found) >= limit:
                    return found[:limit]
            if len(runs.runs) <= MOST_TRIED:
                return found
        every = self.all()
        return None if every.others else every.first(descending, after, limit)

    def parted(self) -> tuple[Condition, Condition] | None:
        """The conditions that are gathered, and those that are better tried with what the first leave; None without both."""
        gathered: list[Condition] = []
        late: list[Condition] = []
        for one in self._flat():
            (late if isinstance(one, Selected) and one.tried else gathered).append(one)
        return (AllOf(gathered), AllOf(late)) if late and gathered else None

    def _flat(self) -> list[Condition]:
        return [part for one in self.conditions for part in (one._flat() if isinstance(one, AllOf) else [one])]


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
        return reduce(Matched.__or__, (one.all() for one in self.conditions), Matched.of(()))

    def by_number(self, descending: bool, after: int | None, limit: int) -> list[int] | None:
        each = [one.by_number(descending, after, limit) for one in self.conditions]
        return None if None in each else _merged(each, descending, limit)  # type: ignore[arg-type]


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

    def by_number(self, descending: bool, after: int | None, limit: int) -> None:
        """Nor does one have it in any order."""


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

    def by_number(self, descending: bool, after: int | None, limit: int) -> list[int] | None:
        return self._condition.by_number(descending, after, limit)

    def parted(self) -> tuple[Condition, Condition] | None:
        return self._parts

    @cached_property
    def _parts(self) -> tuple[Condition, Condition] | None:
        parts = self._condition.parted() if isinstance(self._condition, AllOf) else None
        return parts and (Remembered(parts[0], self._everything, self._total), parts[1])

    @cached_property
    def _few(self) -> set[int] | None:
        return self._condition.few()

    @cached_property
    def _all(self) -> Matched:
        runs = self._condition.all()
        if runs.others and len(runs.runs) == self._total:
            runs = Matched.of(())
        elif runs.others and self._total - len(runs.runs) <= FEW:
            runs = self._everything.all() & runs
        if runs.are_few:
            self._few = set(runs.runs.tolist())
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
        return Matched.of(set(self.given))

    def by_number(self, descending: bool, after: int | None, limit: int) -> list[int]:
        return self.all().first(descending, after, limit)


@dataclass(frozen=True)
class Selected:
    """A condition in SQL: selects of runs that together give all of them, each by an index, and one that tries runs.

    With `in_order` each of these also gives its runs in the order of their numbers. `opposite` selects all other runs. At
    least `tried` runs are tried rather than gathering all, and where other conditions are gathered, these are tried last.
    """

    connection: Connection
    by_index: Sequence[sa.Select[Any]]
    by_run: sa.Select[Any]
    in_order: bool = False
    opposite: Sequence[sa.Select[Any]] = ()
    tried: int = 0

    def few(self) -> set[int] | None:
        runs = self._limited(self.by_index, FEW)
        return None if runs is None else set(runs.tolist())

    def among(self, runs: Collection[int]) -> set[int]:
        if not runs:
            return set()
        (run,) = self.by_run.selected_columns
        return set(numbers(self.connection, self.by_run.where(one_of(self.connection, run, runs))).tolist())

    def all(self) -> Matched:
        if self.opposite and (rest := self._limited(self.opposite, MOST_OF_REST)) is not None:
            return Matched(ascending(rest), others=True)
        return Matched(ascending(np.concatenate([numbers(self.connection, query) for query in self.by_index])))

    def _limited(self, queries: Sequence[sa.Select[Any]], most: int) -> Ints | None:
        """What the queries give, each at least once, None if that is more."""
        runs = np.array([], np.int64)
        for query in queries:
            runs = np.append(runs, numbers(self.connection, query, most + 1 - len(runs)))
            if len(runs) > most:
                return None
        return runs

    def by_number(self, descending: bool, after: int | None, limit: int) -> list[int] | None:
        if not self.in_order:
            return None
        each = []
        for query in self.by_index:
            (run,) = query.selected_columns
            if after is not None:
                query = query.where(run < after if descending else run > after)
            each.append(self.connection.scalars(query.order_by(run.desc() if descending else run).limit(limit)).all())
        return _merged(each, descending, limit)


def _merged(each: Sequence[Iterable[int]], descending: bool, limit: int) -> list[int]:
    return sorted(set().union(*each), reverse=descending)[:limit]


def one_of(connection: Connection, column: sa.ColumnElement[int], runs: Iterable[int]) -> sa.ColumnElement[bool]:
    """The runs as one parameter: a list of a thousand would be a statement of a thousand, compiled each time."""
    sorted_runs = sorted(runs)
    if connection.dialect.name == "sqlite":
        each = sa.func.json_each(json.dumps(sorted_runs)).table_valued("value")
        return column.in_(sa.select(each.c.value))
    return column == sa.any_(sa.literal(sorted_runs, ARRAY(sa.BigInteger)))
