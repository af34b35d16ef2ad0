"""The runs of a list in groups: by keys of the config, tags, names or states, with what each group has come to.

A run with several tags is in the group of each of them. All is of whole arrays, so that a hundred thousand runs in ten groups
cost little more than reading their values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from ...db.arrays import Floats, Ints, ascending, by_label, pairs
from ...extensions import db, metric_store
from ...models import Run, RunConfig
from ...models.run_config import text_of_key
from .. import run_state
from .columns import Column
from .order import Order

MOST_KEYS = 4
DRAWN = 100  # Runs of a group that a chart has.
_TAGS = Column("fact", "tags")
_runs, _config = Run.__table__.c, RunConfig.__table__.c


@dataclass(frozen=True)
class Spread:
    """A number of the runs of a group: of those `runs` in which it is finite. `deviation` is the standard deviation of a sample
    (n - 1), 0 of a single run."""

    runs: int
    mean: float
    deviation: float
    min: float
    max: float


@dataclass(frozen=True)
class Common:
    """What the runs of a group have: their one value, or how many different ones."""

    value: Any
    different: int


Summary = Spread | Common | None


@dataclass(frozen=True)
class Group:
    """`labels` are its values of the keys by which runs are grouped, None where a run has none; `summaries` what it has in each
    column; `newest` the ids of its newest runs, at most DRAWN of them."""

    labels: Sequence[Any]
    runs: int
    summaries: Sequence[Summary]
    newest: Sequence[int]

    @property
    def key(self) -> str:
        """The labels as a word for an address, see `read_key`."""
        return orjson.dumps(list(self.labels)).decode()


@dataclass(frozen=True)
class Groups:
    """The first groups of a list, how many there are in all, and how many runs are in them, each counted once."""

    groups: Sequence[Group]
    total: int
    runs: int


def read_keys(texts: Sequence[str]) -> list[Column]:
    """By what runs are grouped, `config.lr`, `tags`, `name` or `status`; what is none of it is left out."""
    keys = []
    for text in dict.fromkeys(texts):
        if text in ("tags", "name", "status"):
            keys.append(Column("fact", text))
        elif text.startswith("config.") and text != "config.":
            keys.append(Column("config", text.removeprefix("config.")))
    return keys[:MOST_KEYS]


def grouped(
    project_id: int, passing: Ints, keys: Sequence[Column], shown: Sequence[Column], order: Order, limit: int
) -> Groups:
    """The runs with these ids, sorted ascending, by the values under the keys."""
    if not len(passing):
        return Groups([], 0, 0)
    lists = _Lists(project_id, passing)
    members = _members(lists, keys)
    summaries = {column: members.summary(lists, column) for column in dict.fromkeys([*shown, *_of(order)])}
    first = members.in_order(order, keys, summaries)[:limit]
    groups = [
        Group(members.labels(place), int(members.sizes[place]), [summaries[column][place] for column in shown],
              members.newest(place, passing))
        for place in first
    ]  # fmt: skip
    return Groups(groups, len(members.sizes), len(passing))


def _of(order: Order) -> list[Column]:
    """The columns by which the groups are sorted."""
    return [Column(key.kind, key.name, key.of) for key in order.keys]


@dataclass(frozen=True)
class _Labelled:
    """Which runs, by their places among those that pass, have which of some labels; a run may have several."""

    labels: Sequence[Any]
    places: Ints
    codes: Ints


@dataclass(frozen=True)
class _Lists:
    """Reads what the runs of a project have, for those that pass: one statement for each column, or two."""

    project_id: int
    passing: Ints

    def labelled(self, column: Column) -> _Labelled:
        """The values of a column that are compared as they are."""
        code_of: dict[Any, int] = {}
        places, codes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for label, ids in self._labels(column):
            found = self._places(ids)
            if len(found):
                places.append(found)
                codes.append(np.full(len(found), code_of.setdefault(label, len(code_of))))
        return _Labelled(list(code_of), np.concatenate(places), np.concatenate(codes))

    def numbers(self, column: Column) -> Floats:
        """The number of each run, NaN where it has none."""
        if column.kind == "metric":
            ids, values = metric_store.values_of(self.project_id, column.name, column.stored)
        else:
            ids, values = pairs(db.session.connection(), self._of_project(_runs.id, sa.cast(_runs.lasted, sa.Double)))
        numbers = np.full(len(self.passing), np.nan)
        place = np.minimum(np.searchsorted(self.passing, ids), len(self.passing) - 1)
        has = self.passing[place] == ids
        numbers[place[has]] = values[has]
        return numbers

    def _labels(self, column: Column) -> Iterator[tuple[Any, Ints]]:
        connection = db.session.connection()
        if column.kind == "config":
            query = sa.select(_config.run_id).where(_config.project_id == self.project_id, _config.key == column.name)
            yield from by_label(connection, _config.number, query.where(_config.number.is_not(None)))
            for text, ids in by_label(connection, _config.text, query.where(_config.text.is_not(None))):
                yield text_of_key(text), ids
        elif column.name == "status":
            yield from self._states(connection)
        elif column.name == "tags":
            for tags, ids in by_label(connection, _runs.tags, self._of_project(_runs.id)):
                for tag in orjson.loads(tags) if isinstance(tags, str) else tags:
                    yield tag, ids
        else:
            yield from by_label(connection, _runs.name, self._of_project(_runs.id))

    def _states(self, connection: sa.Connection) -> Iterator[tuple[str, Ints]]:
        """A stale run's status is `running` in what is stored."""
        stale = connection.scalars(self._of_project(_runs.id).where(run_state.is_stale())).all()
        for status, ids in by_label(connection, _runs.status, self._of_project(_runs.id)):
            yield status, ids[~np.isin(ids, stale)] if status == "running" else ids
        yield "stale", np.array(stale, np.int64)

    def _of_project(self, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
        return sa.select(*columns).where(_runs.project_id == self.project_id)

    def _places(self, ids: Ints) -> Ints:
        """The places of those runs that pass."""
        place = np.minimum(np.searchsorted(self.passing, ids), len(self.passing) - 1)
        return place[self.passing[place] == ids]


@dataclass(frozen=True)
class _Members:
    """`places` are the runs of all groups, group by group and within each from the oldest to the newest; `starts` where each
    group begins and `sizes` how many it has. `codes` say for each group and key which of the key's labels it has, -1 for none."""

    places: Ints
    starts: Ints
    sizes: Ints
    group_of: Ints
    codes: NDArray[np.int64]
    key_labels: Sequence[Sequence[Any]]

    def labels(self, group: int) -> list[Any]:
        return [
            None if code < 0 else labels[code] for code, labels in zip(self.codes[group], self.key_labels, strict=True)
        ]

    def newest(self, group: int, passing: Ints) -> list[int]:
        end = self.starts[group] + self.sizes[group]
        return passing[self.places[max(self.starts[group], end - DRAWN) : end]][::-1].tolist()

    def summary(self, lists: _Lists, column: Column) -> Sequence[Summary]:
        """What each group has in a column."""
        if column.kind == "metric":
            return self._spreads(lists.numbers(column)[self.places])
        if column.name == "duration" and column.kind == "fact":
            return self._spreads(lists.numbers(column)[self.places])
        if column.kind == "config" or column.name in ("name", "status"):
            return self._common(lists.labelled(column), len(lists.passing))
        return [None] * len(self.sizes)

    def _spreads(self, values: Floats) -> list[Summary]:
        finite = np.isfinite(values)
        count = np.add.reduceat(finite, self.starts, dtype=np.int64)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.add.reduceat(np.where(finite, values, 0.0), self.starts) / np.maximum(count, 1)
            off = np.where(finite, values - mean[self.group_of], 0.0)
            deviation = np.sqrt(np.add.reduceat(off * off, self.starts) / np.maximum(count - 1, 1))
        low = np.minimum.reduceat(np.where(finite, values, np.inf), self.starts)
        high = np.maximum.reduceat(np.where(finite, values, -np.inf), self.starts)
        columns = (array.tolist() for array in (count, mean, deviation, low, high))
        return [Spread(*spread) if spread[0] else None for spread in zip(*columns, strict=True)]

    def _common(self, labelled: _Labelled, runs: int) -> list[Summary]:
        """The runs of a group that have none count as another value."""
        code = np.full(runs, -1, np.int64)
        code[labelled.places] = labelled.codes
        width = len(labelled.labels) + 1
        each = ascending(self.group_of * width + code[self.places] + 1)
        group, first = np.unique(each // width, return_index=True)
        different = np.diff(np.append(first, len(each)))
        has_none = each[first] % width == 0
        summaries: list[Summary] = [None] * len(self.sizes)
        for place, start, count, none in zip(
            group.tolist(), first.tolist(), different.tolist(), has_none.tolist(), strict=True
        ):
            if count == 1:
                summaries[place] = None if none else Common(labelled.labels[each[start] % width - 1], 1)
            else:
                summaries[place] = Common(None, count)
        return summaries

    def in_order(self, order: Order, keys: Sequence[Column], summaries: dict[Column, Sequence[Summary]]) -> list[int]:
        """The groups as their list is sorted: by one key of the order after the other, those without a value last, and equal ones
        by their newest runs."""
        newest = self.places[self.starts + self.sizes - 1]
        groups = np.argsort(-newest, kind="stable").tolist()
        for key in reversed(order.keys):
            values = newest.tolist() if key.is_created else self._sort_values(_of(key)[0], keys, summaries)
            having = [place for place in groups if values[place] is not None]
            having.sort(key=values.__getitem__, reverse=key.descending)
            groups = [*having, *(place for place in groups if values[place] is None)]
        return groups

    def _sort_values(
        self, column: Column, keys: Sequence[Column], summaries: dict[Column, Sequence[Summary]]
    ) -> list[tuple[int, float, str] | None]:
        """What each group is sorted by. Tags are those by which runs are grouped: in any other group there are many."""
        if column == _TAGS and column in keys:
            at = keys.index(column)
            return [_comparable(Common(self.labels(place)[at], 1)) for place in range(len(self.sizes))]
        return [_comparable(one) for one in summaries[column]]


def _comparable(summary: Summary) -> tuple[int, float, str] | None:
    """Numbers before texts; None for what has no one value."""
    value = summary.mean if isinstance(summary, Spread) else summary.value if summary else None
    if value is None:
        return None
    return (1, 0.0, value) if isinstance(value, str) else (0, value, "")


def _members(lists: _Lists, keys: Sequence[Column]) -> _Members:
    """Split the runs by one key after the other."""
    places = np.arange(len(lists.passing))
    group_of, codes, labels = np.zeros(len(places), np.int64), np.empty((len(places), 0), np.int64), []
    for key in keys:
        labelled = lists.labelled(key)
        old, places, code = _split(places, labelled, len(lists.passing))
        codes = np.column_stack([codes[old], code])
        _, group_of = np.unique(group_of[old] * (len(labelled.labels) + 1) + code + 1, return_inverse=True)
        labels.append(labelled.labels)
    in_groups = np.lexsort((places, group_of))
    sizes = np.bincount(group_of)
    starts = np.cumsum(sizes) - sizes
    return _Members(places[in_groups], starts, sizes, group_of[in_groups], codes[in_groups][starts], labels)


def _split(places: Ints, labelled: _Labelled, runs: int) -> tuple[Ints, Ints, Ints]:
    """For each label that a run has one row: which row it was, its place and its label's code; one with -1 if it has none."""
    in_runs = np.argsort(labelled.places, kind="stable")
    codes = np.append(labelled.codes[in_runs], -1)
    counts = np.bincount(labelled.places, minlength=runs)
    first = np.where(counts > 0, np.cumsum(counts) - counts, len(codes) - 1)
    repeats = np.maximum(counts, 1)[places]
    old = np.repeat(np.arange(len(places)), repeats)
    nth = np.arange(len(old)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    return old, places[old], codes[first[places[old]] + nth]
