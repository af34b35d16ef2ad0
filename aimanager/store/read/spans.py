"""Which ids a run has, where some have gone: from the rows of its axes and frames, without reading points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.engine import Connection

from ...db.prepared import Prepared, named
from ..base import DamagedPoints
from ..chunks import codec
from ..shapes import Ints
from ..tables import metric_axis, metric_log

(_RUN,) = named("run")
_axis, _log = metric_axis.c, metric_log.c
# Rows of several sets of metrics have their ids between each other: only these need the column.
_AXES = Prepared(
    select(_axis.axis_no, _axis.id_lo, _axis.id_hi, _axis.rows, _axis.metrics, _axis.base).where(_axis.run_no == _RUN)
)
_FRAMES = Prepared(select(_log.id0, _log.n).where(_log.run_no == _RUN))


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Ids that follow each other: the first ones in ascending order, and how many there are from each of them."""

    first: Ints
    count: Ints

    def ids(self, skip: int, limit: int) -> tuple[int, int]:
        """From which id to which the points are that a page shows; (1, 0) for none."""
        ends = np.cumsum(self.count)
        total = int(ends[-1]) if len(ends) else 0
        if skip >= total or limit < 1:
            return 1, 0
        return self._id(ends, skip), self._id(ends, min(skip + limit, total) - 1)

    def _id(self, ends: Ints, place: int) -> int:
        at = int(np.searchsorted(ends, place, "right"))
        return int(self.first[at] + place - (ends[at] - self.count[at]))

    def next(self, start: int, head: int) -> int:
        """The first id from `start` on, `head` if there is none."""
        at = int(np.searchsorted(self.first, start, "right"))
        if at and start < self.first[at - 1] + self.count[at - 1]:
            return start
        return int(self.first[at]) if at < len(self.first) else head


def of_run(connection: Connection, run: int) -> Spans:
    """Raises DamagedPoints."""
    first, count = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for number, id_lo, id_hi, rows, metrics, base in _AXES.rows(connection, run=run):
        width = len(metrics) // 4
        if id_hi - id_lo + 1 == rows * width:
            first.append(np.array([id_lo]))
            count.append(np.array([id_hi - id_lo + 1]))
            continue
        ids = np.empty(rows, np.int64)
        try:
            codec.decode(base, ids, id_lo)
        except codec.Damaged as damage:
            raise DamagedPoints(run, 0, number, str(damage)) from damage
        first.append(ids)
        count.append(np.full(rows, width))
    frames = _FRAMES.rows(connection, run=run)
    first.append(np.array([id0 for id0, _ in frames], np.int64))
    count.append(np.array([n for _, n in frames], np.int64))
    firsts, counts = np.concatenate(first), np.concatenate(count)
    order = np.argsort(firsts)
    return Spans(firsts[order], counts[order])
