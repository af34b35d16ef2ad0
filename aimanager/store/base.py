"""What a store of metrics promises, and the shapes that go in and out.

**The promise**

- `append` returns once the points are as durable as the database makes a commit, and then every reader sees
  them. A request is kept whole or not at all.
- Values are any float64; what comes back has the same bits, NaN payloads and -0.0 included.
- Ids are 1, 2, 3, ... within a run, without a gap, in order of arrival. Of a request's columns that share
  an axis the rows come one after the other, and within a row the columns in the order in which they were
  given.
- An absent step is the metric's greatest step plus one, 0 for the first, and stays at the largest int64 once
  there. An absent time is the server's clock, never before the latest time of the run. Both are settled at
  the commit.
- A writer numbers its requests from 1. The next number is stored; an earlier one is a repeat, acknowledged
  and not stored again; a later one is `OutOfTurn("gap")`; the last one with another fingerprint is
  `OutOfTurn("changed")`. A request that was refused has used up no number.
- "By time" is by (time, id). Summaries are exact: the last value is that of the point with the greatest step, the latest
  to arrive among equals, whatever the clocks say; min, max and mean are over finite values and None where there is none.
- Each read is of one moment: what it sees is a prefix of the order of arrival.
- Finishing a run refuses nothing; deleting hides it at once, and its number never takes points again. Its rows go
  later, in the background.

`run` is a run's number. Times are int64 microseconds since 1970 UTC. All methods may be called from any
thread, but `append`, `finish`, `resume` and `delete` not while the thread itself holds a transaction that
writes.
"""

from __future__ import annotations

import operator
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from ..db import keyset

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Axis = Literal["step", "time", "relative"]
Bound = int | float | None
Statistic = Literal["last", "min", "max"]
Clock = Callable[[], int]
PIECE = 1 << 20  # Points of a history that are in memory at a time.


COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


def now() -> int:
    """The server's clock, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class OutOfTurn(Exception):
    """A numbered request that cannot be the next one; `expected` is the number that can."""

    def __init__(self, reason: Literal["gap", "changed"], expected: int) -> None:
        super().__init__(f"{reason}: expected {expected}")
        self.reason = reason
        self.expected = expected


class RunDeleted(Exception):
    """The run is being deleted, or was; it takes no more points."""


class StoreUnavailable(Exception):
    """The database could not be written just now. Nothing is known to be stored; sending again is right."""


class DamagedPoints(Exception):
    """Points cannot be read: what the disk gives back is not what was written. `aimanager doctor` says more.

    `metric` is its number, 0 where several share what is damaged, and `axis` 0 where it is no chunk's or not known
    which; `name` is the metric's, once somebody looked it up.
    """

    def __init__(self, run: int, metric: int, axis: int, what: str) -> None:
        super().__init__(run, metric, axis, what)
        self.run = run
        self.metric = metric
        self.axis = axis
        self.what = what
        self.name: str | None = None

    def __str__(self) -> str:
        metric = f"{self.name!r}" if self.name is not None else f"number {self.metric}"
        places = [f"run {self.run}", f"metric {metric}" * bool(self.metric), f"axis {self.axis}" * bool(self.axis)]
        return f"{', '.join(filter(None, places))}: {self.what}"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Values of one metric, one a row; `steps` and `times` None leave it to the store to fill them in.

    Metrics logged together are columns that follow each other with the same steps and the same times.
    """

    name: str
    values: Floats
    steps: Ints | None = None
    times: Ints | None = None

    def __post_init__(self) -> None:
        for array in (self.values, self.steps, self.times):
            if array is not None and array.shape != (len(self.values),):
                raise ValueError("steps, values and times of a column are of one length")


@dataclass(frozen=True, slots=True)
class Batch:
    """One request. `fingerprint` is 16 bytes that tell two bodies apart."""

    columns: tuple[Column, ...]
    writer: str | None = None
    seq: int | None = None
    fingerprint: bytes | None = None

    def __post_init__(self) -> None:
        if (self.writer is None) != (self.seq is None):
            raise ValueError("a writer and its number come together")
        if self.seq is not None and self.seq < 1:
            raise ValueError("a writer counts from 1")

    @property
    def count(self) -> int:
        return sum(len(column.values) for column in self.columns)


@dataclass(frozen=True, slots=True, eq=False)
class Receipt:
    """What became of a request. A repeat is answered as the first time as long as it is the writer's last
    one.

    A repeat of an older one has `last_id` of the writer's last request, `first_id` 0, and neither steps nor
    times. `steps` and `times` are those of the first column as they were stored; None also for a request
    without points.
    """

    count: int
    first_id: int
    last_id: int
    repeated: bool = False
    steps: Ints | None = None
    times: Ints | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Points of one metric as parallel arrays."""

    name: str
    ids: Ints
    steps: Ints
    values: Floats
    times: Ints


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """All points of a metric by time, as many as there were when it was asked for, in pieces that bound the memory.

    `pieces` begins anew each time that it is called. A piece is read when its turn has come; it raises DamagedPoints,
    and RunDeleted if the run has gone meanwhile.
    """

    name: str
    total: int
    pieces: Callable[[], Iterator[Series]]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of several metrics by time; point i is of `names[name_index[i]]`. `total` counts all there are."""

    names: list[str]
    name_index: NDArray[np.int32]
    ids: Ints
    steps: Ints
    values: Floats
    times: Ints
    total: int


@dataclass(frozen=True, slots=True)
class Summary:
    """One metric of one run. `count` is of all points, `bad` of those that are NaN or infinite."""

    name: str
    count: int
    bad: int
    last: float
    last_step: int
    last_time: int
    last_id: int
    min: float | None
    max: float | None
    mean: float | None


class Cell(NamedTuple):
    """What a table shows of a metric of a run."""

    last: float
    min: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class Rank:
    """An order of runs: by a value of a metric."""

    name: str
    of: Statistic = "last"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What a value of a metric must be; a run that has no such value, or NaN, never fulfils one. `op` is of COMPARE."""

    name: str
    of: Statistic
    op: str
    value: float


@dataclass(frozen=True, slots=True)
class Head:
    """How far a run is. `heard_at` is the server's time of the last request, in microseconds."""

    last_id: int
    points: int
    heard_at: int


@dataclass(frozen=True, slots=True)
class Tail:
    """The points after an id, by id; `complete` says that there are no more. Go on from `last_id`."""

    last_id: int
    series: list[Series]
    complete: bool


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A series for drawing: the points in range fall into buckets along x, and no bucket hides a spike.

    `start` and `x` are the x of a bucket's first and last point; buckets do not overlap. `min`, `max` and
    `last` are over the finite values of a bucket, NaN where it has none. `steps` and `times` are those of
    the bucket's last point, `counts` how many points it has. `exact`: each point is a bucket of its own.
    `total` counts the points in range. Not finite values are marks: `bad_x` and `bad_values` (NaN, inf or
    -inf), at most one of a kind for a bucket. The unit of x is the step, or microseconds: since 1970 for
    "time", since the run's first point for "relative". Of the run's points those up to `last_id` are in it, and no
    later one.
    """

    name: str
    axis: Axis
    total: int
    exact: bool
    start: Ints
    x: Ints
    min: Floats
    max: Floats
    last: Floats
    steps: Ints
    times: Ints
    counts: Ints
    bad_x: Ints
    bad_values: Floats
    last_id: int = 0


class MetricStore(ABC):
    """The points of all runs. The promise is in this module's docstring."""

    closed = False

    @abstractmethod
    def append(self, run: int, project: int, batch: Batch) -> Receipt:
        """Keep a request. Raises OutOfTurn, RunDeleted, StoreUnavailable."""

    @abstractmethod
    def points(self, run: int, name: str | None = None, skip: int = 0, limit: int = 1000) -> Points:
        """A page of a run's points by time, of all metrics or of one."""

    @abstractmethod
    def series(self, run: int, name: str) -> Series | None:
        """All points of a metric by time; None if it has none."""

    @abstractmethod
    def history(self, run: int, name: str, rows: int = PIECE) -> History | None:
        """The points of a metric in pieces of at most so many; None if it has none. One that is a single piece is read
        at once, and so is one whose times are out of order."""

    @abstractmethod
    def since(self, run: int, last_id: int, limit: int = 20_000) -> Tail:
        """The points that came after an id, at most `limit` of them. Cheap when there are none."""

    @abstractmethod
    def summaries(self, runs: Sequence[int], names: Sequence[str] | None = None) -> dict[int, list[Summary]]:
        """The summaries of many runs, each run's by name; runs without points have an empty list."""

    @abstractmethod
    def cells(self, runs: Sequence[int], names: Sequence[str] | None = None) -> dict[int, dict[str, Cell]]:
        """What a table of many runs shows, by name; cheaper than summaries."""

    @abstractmethod
    def order(self, connection: Connection, project: int, rank: Rank) -> keyset.Order:
        """A project's runs that have the value, in the order of it, for `keyset.first`; infinities are numbers, and NaN
        is no value. It is read through the given connection."""

    @abstractmethod
    def condition(self, connection: Connection, project: int, condition: Condition) -> keyset.Condition:
        """Those of a project's runs that fulfil a condition, for `keyset.first` and `keyset.matching`."""

    @abstractmethod
    def names(self, runs: Sequence[int]) -> list[str]:
        """The names of all metrics that any of these runs has, sorted."""

    @abstractmethod
    def heads(self, runs: Sequence[int]) -> dict[int, Head]:
        """How far many runs are; runs that never got a request are left out."""

    @abstractmethod
    def chart(
        self,
        run: int,
        names: Sequence[str],
        points: int = 1000,
        x: Axis = "step",
        lo: Bound = None,
        hi: Bound = None,
    ) -> list[Chart]:
        """Charts of at most `points` buckets each, of the points with lo <= x <= hi; unknown names are left out."""

    @abstractmethod
    def sparks(self, metrics: Mapping[int, str], points: int = 60) -> dict[int, Floats]:
        """Some values of one metric of each of many runs, in the order of arrival, at most so many, the last one among
        them; in a few statements however many runs there are. Runs whose metric has no points are left out."""

    @abstractmethod
    def finish(self, run: int) -> None:
        """The run has ended: its summaries enter the indexes by value."""

    @abstractmethod
    def resume(self, run: int) -> None:
        """The run goes on after all."""

    @abstractmethod
    def delete(self, runs: Sequence[int], connection: Connection | None = None) -> None:
        """Hide runs, in a transaction of its own or in that of a connection; `sweep` then removes their rows.

        Who gives a connection calls `wake` after the commit.
        """

    @abstractmethod
    def sweep(self) -> None:
        """Remove the rows of deleted runs in bounded steps, whichever process deleted them. `tidy` does it too."""

    @abstractmethod
    def wake(self) -> None:
        """A `tidy` that waits goes to work at once."""

    @abstractmethod
    def tidy(self, wait: float = 0.0) -> None:
        """Make what was written smaller and quicker to read, and sweep; first wait so many seconds, or until there is
        enough to do. What is read does not change by it."""

    @abstractmethod
    def close(self) -> None:
        """Take no more requests."""

    def as_first_time(self, run: int, batch: Batch, receipt: Receipt) -> Receipt:
        """The receipt of a repeat with the steps and times that the request was given when it was stored."""
        rows = next((len(column.values) for column in batch.columns if len(column.values)), 0)
        if receipt.first_id and rows:
            tail = self.since(run, receipt.first_id - 1, receipt.count)
            for series in tail.series:
                if series.ids[0] == receipt.first_id:
                    return replace(receipt, steps=series.steps[:rows], times=series.times[:rows])
        return receipt
