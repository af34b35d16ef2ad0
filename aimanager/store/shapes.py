"""The shapes that go into a store of metrics and come out of it; what it promises of them is in base.py.

Times are int64 microseconds since 1970 UTC.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Axis = Literal["step", "time", "relative"]
Bound = int | float | None
Statistic = Literal["last", "min", "max", "mean"]
Clock = Callable[[], int]
MOST_OF_GROUP = 16_000_000  # Points of a group's runs that are all read for its chart.
PIECE = 1 << 20  # Points of a history that are in memory at a time.


COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


def now() -> int:
    """The server's clock, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


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

    `pieces` begins at the first point each time that it is called. A piece is read when its turn has come; it raises DamagedPoints,
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


class Size(NamedTuple):
    """How much is stored. `bytes` are those of packed points, without what a database adds to its rows."""

    points: int
    bytes: int


class Cell(NamedTuple):
    """What a table shows of a metric of a run."""

    last: float
    min: float | None
    max: float | None
    mean: float | None


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
    """The points after an id, by id; `complete` says that there are no more. Go on from `last_id`. `rewound`: some of the
    points up to that id may have gone since."""

    last_id: int
    series: list[Series]
    complete: bool
    rewound: bool = False


class Branch(Protocol):
    """A run up to a step, as it was when it was read; None is all of it. `removed` counts the points of greater steps."""

    @property
    def run(self) -> int: ...
    @property
    def step(self) -> int | None: ...
    @property
    def removed(self) -> int: ...


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A series for drawing: the points in range fall into buckets along x, and no bucket hides a spike.

    `start` and `x` are the x of a bucket's first and last point; buckets do not overlap. `min`, `max` and
    `last` are over the finite values of a bucket, NaN where it has none. `steps` and `times` are those of
    the bucket's last point, `counts` how many points it has. `exact`: each point is a bucket of its own.
    `total` counts the points in range. Not finite values are marks: `bad_x` and `bad_values` (NaN, inf or
    -inf), at most one of a kind for a bucket. The unit of x is the step, or microseconds: since 1970 for
    "time", since the run's first point for "relative". With another metric along x (`metric:<name>`) it is that metric's
    value, a float, and the points are in the order of their steps. Of the run's points those up to `last_id` are in it, and no
    later one.
    """

    name: str
    axis: str
    total: int
    exact: bool
    start: NDArray[Any]
    x: NDArray[Any]
    min: Floats
    max: Floats
    last: Floats
    steps: Ints
    times: Ints
    counts: Ints
    bad_x: NDArray[Any]
    bad_values: Floats
    last_id: int = 0


Method = Literal["exact", "interpolated", "thinned"]


@dataclass(frozen=True, slots=True, eq=False)
class GroupChart:
    """A metric of several runs as one line with its spread, column by column along x.

    The statistics are made place by place first. `exact`: where two runs have points their steps are the same, so the places
    are these steps, and each run counts with its point there (the last one, where it has several). Else the places are the
    points of all runs, or evenly spaced ones where these are very many, and each run counts with its value interpolated
    between its own points, from its first to its last: `interpolated`, or `thinned` where the runs together have so many
    points that of each only some are taken, at most one in 4,096th of the width. Of a window only the points in it count, and those
    next to it, to which lines are interpolated.

    A column is one place, or with more places than columns an equal share of the width. Then `mean` is the mean of the means
    of its places, and `deviation` the root of the mean of their variances: the standard deviation between runs (of a
    sample: n - 1) at one place, not one that gets less as more places share a column; 0 where only one run counts. `x` is
    the mean of its places, `start` the first of them. `min` and `max` are over all points of all runs in the column, so no
    spike is lost, and `count` is of the runs that count at a place, at most. Values that are not finite are left out
    of all of this; `bad_x` and `bad_values` are as a Chart's, and so are the units of x. NaN stands where no run has a value.
    """

    name: str
    axis: Axis
    method: Method
    runs: int
    total: int
    start: Ints
    x: Floats
    mean: Floats
    deviation: Floats
    min: Floats
    max: Floats
    count: Ints
    bad_x: Ints
    bad_values: Floats
    every_place: bool
    last_ids: Mapping[int, int] = field(default_factory=dict)
