"""What a store of metrics promises.

**The promise**

- `append` returns once the points are as durable as the database makes a commit, and then every reader sees
  them. A request is kept whole or not at all.
- Values are any float64; what comes back has the same bits, NaN payloads and -0.0 included.
- Ids are 1, 2, 3, ... within a run, in order of arrival, without a gap but for points that were taken away by `rewind` or
  left out by `fork`: these keep their ids to themselves. Of a request's columns that share
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
- A fork begins with its parent's points up to a step, with their ids, and neither knows of the other from then on. A
  rewound run has the points that it would have if those of greater steps had never been logged; no id is given twice.
- Finishing a run refuses nothing; deleting hides it at once, and its number never takes points again. Its rows go
  later, in the background.

`run` is a run's number. Times are int64 microseconds since 1970 UTC. All methods may be called from any
thread, but `append`, `finish`, `resume` and `delete` not while the thread itself holds a transaction that
writes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from sqlalchemy.engine import Connection

from ..db import keyset, matching
from .shapes import (
    MOST_OF_GROUP,
    PIECE,
    Axis,
    Batch,
    Bound,
    Branch,
    Cell,
    Chart,
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
    Statistic,
    Summary,
    Tail,
)


class OutOfTurn(Exception):
    """A numbered request that cannot be the next one; `expected` is the number that can."""

    def __init__(self, reason: Literal["gap", "changed"], expected: int) -> None:
        super().__init__(f"{reason}: expected {expected}")
        self.reason = reason
        self.expected = expected


class RunDeleted(Exception):
    """The run is being deleted, or was; it takes no more points."""


class StoreUnavailable(Exception):
    """The database could not be written just now. Whether the points are stored is uncertain; send them again."""


class DamagedPoints(Exception):
    """Points cannot be read: what the disk gives back is not what was written. `aimanager doctor` says more.

    `metric` is its number, 0 where several share what is damaged, and `axis` 0 where it is in no chunk, or unclear
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


class DamagedConsole(Exception):
    """Lines of a run's console output cannot be read: what the disk gives back is not what was written."""

    def __init__(self, run: int, first: int, last: int, what: str) -> None:
        super().__init__(f"lines {first} to {last} of the console output of run {run}: {what}")
        self.run, self.first, self.last = run, first, last


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
        """The points of a metric in pieces of at most `rows` points; None if it has none. One that is a single piece is read
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
    def condition(self, connection: Connection, project: int, condition: Condition) -> matching.Condition:
        """Those of a project's runs that fulfil a condition, for `keyset.first` and `matching.matched`."""

    @abstractmethod
    def names(self, runs: Sequence[int]) -> list[str]:
        """The names of all metrics that any of these runs has, sorted."""

    @abstractmethod
    def names_of(self, project: int) -> list[str]:
        """The names of all metrics that any run of a project has, sorted; what it costs follows their number, not the runs'."""

    @abstractmethod
    def values_of(self, project: int, name: str, of: Statistic) -> tuple[Ints, Floats]:
        """The runs of a project that have a value of a metric, in no order, and the values; NaN is none."""

    @abstractmethod
    def size_of(self, project: int) -> Size:
        """How many points a project has, and about how many bytes they take up; follows the number of its chunks."""

    @abstractmethod
    def runs_having(self, project: int, names: Sequence[str], most: int) -> dict[str, int]:
        """How many of a project's runs have points of each metric, counted up to `most`."""

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

    def charts(
        self,
        runs: Sequence[int],
        names: Sequence[str],
        points: int = 1000,
        x: Axis = "step",
        lo: Bound = None,
        hi: Bound = None,
    ) -> dict[int, list[Chart]]:
        """The same of many runs. Raises DamagedPoints."""
        return {run: self.chart(run, names, points, x, lo, hi) for run in runs}

    @abstractmethod
    def chart_against(
        self,
        run: int,
        names: Sequence[str],
        x_name: str,
        points: int = 1000,
        lo: Bound = None,
        hi: Bound = None,
    ) -> dict[str, Chart | None]:
        """Charts of metrics against another one of the same run, joined at equal steps, drawn in the order of steps; None
        where the two have no step in common, and unknown names are left out. Raises DamagedPoints."""

    @abstractmethod
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
        """Mean, spread and range of a metric over runs, in at most `points` columns, of the points with lo <= x <= hi; None if
        none of them has the metric. Of more than `most` points together the lines are thinned. Raises DamagedPoints."""

    @abstractmethod
    def sparks(self, metrics: Mapping[int, str], points: int = 60) -> dict[int, Floats]:
        """Some values of one metric of each of many runs, in the order of arrival, at most so many, the last one among
        them; in a few statements however many runs there are. Runs whose metric has no points are left out."""

    @abstractmethod
    def finish(self, run: int) -> None:
        """The run has ended: its summaries enter the indexes by value."""

    @abstractmethod
    def resume(self, run: int) -> None:
        """A finished run gets points again."""

    @abstractmethod
    def delete(self, runs: Sequence[int], connection: Connection | None = None) -> None:
        """Hide runs, in a transaction of its own or in that of a connection; `sweep` then removes their rows.

        Who gives a connection calls `wake` after the commit.
        """

    @abstractmethod
    def branch(self, run: int, step: int | None) -> Branch | None:
        """What a run has up to a step, or all that it has, to be handed to `fork` or `rewind`; None if it never got a request.
        Raises RunDeleted, DamagedPoints."""

    @abstractmethod
    def fork(self, source: Branch | None, run: int, connection: Connection, finished: bool = False) -> None:
        """Give a new run the points of a branch, in the transaction of a connection. What came to the branch since it was read
        is in it. Raises what `branch` does."""

    @abstractmethod
    def rewind(self, source: Branch | None, connection: Connection) -> None:
        """Take away from a run what its branch does not have, in the transaction of a connection. Raises what `branch` does."""

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
