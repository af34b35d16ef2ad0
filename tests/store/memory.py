"""The reference: points in plain lists, everything worked out anew for each question. Slow, and easily checked."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby
from math import isfinite, isnan
from typing import Any, NamedTuple

import numpy as np

from aimanager.db.keyset import Place, in_order
from aimanager.db.matching import Given, Matched
from aimanager.store.base import MetricStore, OutOfTurn, RunDeleted
from aimanager.store.chunks.frame import Line
from aimanager.store.shapes import (
    COMPARE,
    MOST_OF_GROUP,
    PIECE,
    Axis,
    Batch,
    Bound,
    Cell,
    Chart,
    Clock,
    Column,
    Condition,
    Floats,
    GroupChart,
    Head,
    History,
    Ints,
    Points,
    Rank,
    Receipt,
    Series,
    Size,
    Summary,
    Tail,
    now,
)
from tests.store import envelope, spread

_LARGEST = 2**63 - 1


class Point(NamedTuple):
    id: int
    name: str
    step: int
    value: np.float64
    time: int


@dataclass(slots=True)
class Run:
    project: int = 0
    points: list[Point] = field(default_factory=list)
    writers: dict[str, tuple[int, bytes | None, Receipt]] = field(default_factory=dict)
    heard_at: int = 0
    deleted: bool = False
    next_id: int = 1
    rewound_id: int = 0

    def by_time(self, name: str | None = None) -> list[Point]:
        matching = (point for point in self.points if name in (None, point.name))
        return sorted(matching, key=lambda point: (point.time, point.id))


class Upto(NamedTuple):
    run: int
    step: int | None
    removed: int


@dataclass(frozen=True)
class SortedList:
    """An order of runs, as simple as it can be."""

    rows: Sequence[Place]
    descending: bool

    def walk(self, after: Place | None, limit: int) -> list[Place]:
        return in_order(self.rows, self.descending, after)[:limit]

    def walk_within(self, runs: Matched, after: Place | None, limit: int) -> list[Place]:
        return self.places(runs, after)[:limit]

    def places(self, runs: Collection[int] | Matched, after: Place | None) -> list[Place]:
        return in_order([row for row in self.rows if row.run in runs], self.descending, after)


class MemoryStore(MetricStore):
    """For tests and trials: nothing outlives the process."""

    def __init__(self, clock: Clock = now) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._runs: dict[int, Run] = {}
        self.closed = False

    def append(self, run: int, project: int, batch: Batch) -> Receipt:
        if self.closed:
            raise RuntimeError("the store is closed")
        with self._lock:
            stored = self._runs.setdefault(run, Run(project))
            if stored.deleted:
                raise RunDeleted(f"run {run} is deleted")
            repeat = self._repeat(stored, batch)
            if repeat:
                return self.as_first_time(run, batch, repeat)
            receipt = self._store(stored, batch)
            if batch.writer is not None and batch.seq is not None:
                stored.writers[batch.writer] = (batch.seq, batch.fingerprint, receipt)
            return receipt

    def _repeat(self, kept: Run, batch: Batch) -> Receipt | None:
        """The receipt of a request that was stored before."""
        if batch.writer is None or batch.seq is None:
            return None
        nothing = (0, None, Receipt(0, 0, 0))
        last, fingerprint, receipt = kept.writers.get(batch.writer, nothing)
        if batch.seq > last + 1:
            raise OutOfTurn("gap", last + 1)
        if batch.seq == last and batch.fingerprint and fingerprint and batch.fingerprint != fingerprint:
            raise OutOfTurn("changed", last + 1)
        if batch.seq == last:
            return Receipt(receipt.count, receipt.first_id, receipt.last_id, repeated=True)
        if batch.seq < last:
            return Receipt(batch.count, 0, receipt.last_id, repeated=True)
        return None

    def _store(self, stored: Run, batch: Batch) -> Receipt:
        clock = self._clock()
        stored.heard_at = max(stored.heard_at, clock)
        latest = max([clock, *(point.time for point in stored.points)])
        first = stored.next_id
        for block in _blocks(batch.columns):
            starts = [self._following(stored, column) for column in block]
            for _, group in groupby(zip(starts, block, strict=True), key=lambda pair: pair[0]):
                columns = list(group)
                for row in range(len(block[0].values)):
                    for start, column in columns:
                        step = column.steps[row] if column.steps is not None else min(start + row, _LARGEST)
                        when = latest if column.times is None else column.times[row]
                        point = Point(stored.next_id, column.name, int(step), column.values[row], int(when))
                        stored.points.append(point)
                        stored.next_id += 1
        rows = max((len(column.values) for column in batch.columns[:1]), default=0)
        added = [point for point in stored.points if point.id >= first]
        first_column = [point for point in added if point.name == batch.columns[0].name][:rows]
        return Receipt(
            count=len(added),
            first_id=first,
            last_id=stored.next_id - 1,
            steps=np.array([point.step for point in first_column], np.int64) if first_column else None,
            times=np.array([point.time for point in first_column], np.int64) if first_column else None,
        )

    def _following(self, kept: Run, column: Column) -> int:
        """The step after the metric's last; the same for all columns where steps are given."""
        if column.steps is not None:
            return 0
        steps = [point.step for point in kept.points if point.name == column.name]
        return min(max(steps) + 1, _LARGEST) if steps else 0

    def _read(self, run: int) -> Run:
        stored = self._runs.get(run, Run())
        return Run() if stored.deleted else stored

    def points(self, run: int, name: str | None = None, skip: int = 0, limit: int = 1000) -> Points:
        with self._lock:
            points = self._read(run).by_time(name)
        shown = points[skip : skip + limit]
        names = sorted({point.name for point in shown})
        index = np.array([names.index(point.name) for point in shown], np.int32)
        line = _line(shown)
        return Points(names, index, line.ids, line.steps, line.values, line.times, len(points))

    def series(self, run: int, name: str) -> Series | None:
        with self._lock:
            points = self._read(run).by_time(name)
        return _series(name, points) if points else None

    def history(self, run: int, name: str, rows: int = PIECE) -> History | None:
        with self._lock:
            points = self._read(run).by_time(name)
        if not points:
            return None
        pieces = [_series(name, points[start : start + rows]) for start in range(0, len(points), rows)]
        return History(name, len(points), lambda: iter(pieces))

    def since(self, run: int, last_id: int, limit: int = 20_000) -> Tail:
        with self._lock:
            stored = self._read(run)
            points = list(stored.points)
        head, first = stored.next_id - 1, max(last_id, 0) + 1
        if head < first:
            return Tail(min(last_id, head), [], True)
        if not any(first <= point.id < first + limit for point in points):
            # Ids that have gone are passed over.
            first = min((point.id for point in points if point.id >= first), default=head)
        end = min(first + limit - 1, head)
        later = [point for point in points if first <= point.id <= end]
        series = [
            _series(name, [point for point in later if point.name == name])
            for name in dict.fromkeys(point.name for point in later)
        ]
        return Tail(end, series, end == head, 0 < last_id < stored.rewound_id)

    def summaries(self, runs: Sequence[int], names: Sequence[str] | None = None) -> dict[int, list[Summary]]:
        summaries = {}
        with self._lock:
            for run in runs:
                stored = self._read(run)
                names_of_run = sorted({point.name for point in stored.points})
                summaries[run] = [
                    _summary(name, stored.by_time(name)) for name in names_of_run if names is None or name in names
                ]
        return summaries

    def cells(self, runs: Sequence[int], names: Sequence[str] | None = None) -> dict[int, dict[str, Cell]]:
        summaries = self.summaries(runs, names)
        return {
            run: {one.name: Cell(one.last, one.min, one.max, one.mean) for one in each}
            for run, each in summaries.items()
        }

    def order(self, connection: Any, project: int, rank: Rank) -> SortedList:
        with self._lock:
            values = {run: self._value(run, rank.name, rank.of) for run in self._of(project)}
        places = [Place(value, run) for run, value in values.items() if value is not None]
        return SortedList(places, rank.descending)

    def condition(self, connection: Any, project: int, condition: Condition) -> Given:
        with self._lock:
            values = {run: self._value(run, condition.name, condition.of) for run in self._of(project)}
        compare = COMPARE[condition.op]
        return Given([run for run, value in values.items() if value is not None and compare(value, condition.value)])

    def _of(self, project: int) -> list[int]:
        return [run for run, stored in self._runs.items() if stored.project == project]

    def _value(self, run: int, name: str, of: str) -> float | None:
        points = self._read(run).by_time(name)
        value = getattr(_summary(name, points), of) if points else None
        return None if value is None or isnan(value) else value

    def names(self, runs: Sequence[int]) -> list[str]:
        with self._lock:
            return sorted({point.name for run in runs for point in self._read(run).points})

    def names_of(self, project: int) -> list[str]:
        return self.names(self._runs_of(project))

    def values_of(self, project: int, name: str, of: str) -> tuple[Ints, Floats]:
        found = {
            run: getattr(cells[name], of)
            for run, cells in self.cells(self._runs_of(project)).items() if name in cells
        }  # fmt: skip
        values = {run: value for run, value in found.items() if value is not None and not isnan(value)}
        return np.array(list(values), np.int64), np.array(list(values.values()), np.float64)

    def size_of(self, project: int) -> Size:
        points = sum(len(self._read(run).points) for run in self._runs_of(project))
        return Size(points, 16 * points)

    def runs_having(self, project: int, names: Sequence[str], most: int) -> dict[str, int]:
        have = [self.names([run]) for run in self._runs_of(project)]
        return {name: min(most, sum(name in of_run for of_run in have)) for name in names}

    def _runs_of(self, project: int) -> list[int]:
        with self._lock:
            return [run for run, stored in self._runs.items() if stored.project == project]

    def heads(self, runs: Sequence[int]) -> dict[int, Head]:
        with self._lock:
            stored = {run: self._read(run) for run in runs}
            return {
                run: Head(one.next_id - 1, len(one.points), one.heard_at) for run, one in stored.items() if one.heard_at
            }

    def chart(
        self,
        run: int,
        names: Sequence[str],
        points: int = 1000,
        x: Axis = "step",
        lo: Bound = None,
        hi: Bound = None,
    ) -> list[Chart]:
        with self._lock:
            stored = self._read(run)
            origin = min((point.time for point in stored.points), default=0)
            lines = {name: stored.by_time(name) for name in names}
            last_id = stored.next_id - 1
        charts = [envelope.chart(name, _line(line), x, points, lo, hi, origin) for name, line in lines.items() if line]
        return [replace(chart, last_id=last_id) for chart in charts]

    def chart_against(
        self,
        run: int,
        names: Sequence[str],
        x_name: str,
        points: int = 1000,
        lo: Bound = None,
        hi: Bound = None,
    ) -> dict[str, Chart | None]:
        """Of each point one bucket: what is thinned is compared with it."""
        with self._lock:
            stored = self._read(run)
        by_step = sorted(stored.points, key=lambda point: (point.step, point.time, point.id))
        x_at = {point.step: point.value for point in by_step if point.name == x_name}
        charts: dict[str, Chart | None] = {}
        for name in names:
            if not (own := [point for point in by_step if point.name == name]):
                continue
            common = [point for point in own if point.step in x_at]
            low, high = (-np.inf if lo is None else lo), (np.inf if hi is None else hi)
            drawn = [point for point in common if isfinite(x_at[point.step]) and low <= x_at[point.step] <= high]
            x = np.array([x_at[point.step] for point in drawn], np.float64)
            line = _line(drawn)
            finite = np.isfinite(line.values)
            clean = np.where(finite, line.values, np.nan)
            bad = np.flatnonzero(~finite)[np.argsort(x[~finite], kind="stable")]
            chart = Chart(
                name, f"metric:{x_name}", len(x), True, x, x, clean, clean, clean, line.steps, line.times,
                np.ones(len(x), np.int64), x[bad], line.values[bad], stored.next_id - 1,
            )  # fmt: skip
            charts[name] = chart if common else None
        return charts

    def group_chart(
        self,
        runs: Sequence[int],
        name: str,
        points: int = 1000,
        x: Axis = "step",
        lo: Bound = None,
        hi: Bound = None,
        most: int = MOST_OF_GROUP,
    ) -> GroupChart | None:
        with self._lock:
            stored = {run: self._read(run) for run in runs}
        lines = {}
        for run, one in stored.items():
            origin = min((point.time for point in one.points), default=0) if x == "relative" else 0
            along = [(point.step if x == "step" else point.time - origin, point) for point in one.by_time(name)]
            if along:
                along.sort(key=lambda each: each[0])  # Points of one x stay in the order of time.
                lines[run] = [(place, float(point.value)) for place, point in along]
        if not lines:
            return None
        drawn = spread.chart(name, lines, x, points, lo, hi)
        return replace(drawn, last_ids={run: one.next_id - 1 for run, one in stored.items() if one.heard_at})

    def sparks(self, metrics: Mapping[int, str], points: int = 60) -> dict[int, Floats]:
        with self._lock:
            lines = {
                run: [point.value for point in self._read(run).points if point.name == name]
                for run, name in metrics.items()
            }
        places = {run: np.linspace(0, len(line) - 1, min(points, len(line))) for run, line in lines.items() if line}
        return {run: np.array(lines[run])[each.astype(int)] for run, each in places.items()}

    def finish(self, run: int) -> None:
        """Nothing to do: there are no indexes here."""

    def resume(self, run: int) -> None:
        """Nothing to do: there are no indexes here."""

    def delete(self, runs: Sequence[int], connection: object = None) -> None:
        with self._lock:
            for run in runs:
                self._runs[run] = Run(deleted=True)

    def branch(self, run: int, step: int | None) -> Upto | None:
        with self._lock:
            if self._runs.get(run, Run()).deleted:
                raise RunDeleted(f"run {run} is deleted")
            if run not in self._runs:
                return None
            points = self._runs[run].points
            return Upto(run, step, len(points) - len(_up_to(points, step)))

    def fork(self, source: Any, run: int, connection: object = None, finished: bool = False) -> None:
        with self._lock:
            if source is not None:
                parent = self._runs[source.run]
                self._runs[run] = replace(parent, points=_up_to(parent.points, source.step), writers={}, rewound_id=0)

    def rewind(self, source: Any, connection: object = None) -> None:
        with self._lock:
            if source is not None:
                stored = self._runs[source.run]
                kept = _up_to(stored.points, source.step)
                if len(kept) < len(stored.points):
                    stored.points, stored.rewound_id = kept, stored.next_id
                    stored.next_id += 1

    def sweep(self) -> None:
        """Nothing to do: a deleted run leaves nothing here."""

    def wake(self) -> None:
        """Nothing to do: nobody waits."""

    def tidy(self, wait: float = 0.0) -> None:
        """Nothing to do: what is here is as small as it gets."""

    def close(self) -> None:
        self.closed = True


def _up_to(points: Sequence[Point], step: int | None) -> list[Point]:
    return [point for point in points if step is None or point.step <= step]


def _blocks(columns: Sequence[Column]) -> list[list[Column]]:
    """Columns that follow each other with one axis and different names."""
    blocks: list[list[Column]] = []
    for column in columns:
        if len(column.values):
            last = blocks[-1] if blocks else []
            if not last or _axis(last[0]) != _axis(column) or column.name in [one.name for one in last]:
                blocks.append(last := [])
            last.append(column)
    return blocks


def _axis(column: Column) -> tuple[object, ...]:
    steps = None if column.steps is None else column.steps.tolist()
    return len(column.values), steps, None if column.times is None else column.times.tolist()


def _line(points: Sequence[Point]) -> Line:
    ids, steps, times = ([getattr(point, name) for point in points] for name in ("id", "step", "time"))
    values = np.array([point.value for point in points], np.float64)
    return Line(np.array(ids, np.int64), np.array(steps, np.int64), np.array(times, np.int64), values)


def _series(name: str, points: Sequence[Point]) -> Series:
    line = _line(points)
    return Series(name, line.ids, line.steps, line.values, line.times)


def _summary(name: str, points: Sequence[Point]) -> Summary:
    last = max(points, key=lambda point: (point.step, point.id))
    finite = [float(point.value) for point in points if isfinite(point.value)]
    return Summary(
        name=name,
        count=len(points),
        bad=len(points) - len(finite),
        last=float(last.value),
        last_step=last.step,
        last_time=last.time,
        last_id=last.id,
        min=min(finite) if finite else None,
        max=max(finite) if finite else None,
        mean=float(sum(map(Fraction, finite)) / len(finite)) if finite else None,
    )
