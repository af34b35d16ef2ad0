"""Nodes: neighbouring points of which only what a chart draws is known. A point is the smallest node.

A chart is made of nodes that follow each other along x. Each bucket takes whole nodes, so it is exact although
what lies between the nodes' edges is never read.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ..base import Axis, Chart, Floats, Ints
from ..chunks.frame import Line
from ..chunks.pack import KINDS
from .envelope import shares, since


@dataclass(slots=True, eq=False)
class Nodes:
    """Node by node: x, time and id of the first point, x, step and time of the last, how many there are, and the
    envelope of the finite ones. `bad_x` has the x of the last value of each kind that is not finite; `bad` says
    which there are."""

    first_x: Ints
    first_time: Ints
    first_id: Ints
    last_x: Ints
    last_step: Ints
    last_time: Ints
    counts: Ints
    low: Floats
    high: Floats
    last: Floats
    bad: np.ndarray
    bad_x: Ints

    def take(self, index: np.ndarray) -> Nodes:
        return Nodes(*(getattr(self, field.name)[index] for field in fields(self)))


def of_points(line: Line, x: Ints) -> Nodes:
    """Each point as a node."""
    finite = np.isfinite(line.values)
    clean = np.where(finite, line.values, np.nan)
    bad = np.stack([np.isnan(line.values), np.isposinf(line.values), np.isneginf(line.values)], 1)
    return Nodes(
        first_x=x,
        first_time=line.times,
        first_id=line.ids,
        last_x=x,
        last_step=line.steps,
        last_time=line.times,
        counts=np.ones(len(x), np.int64),
        low=clean,
        high=clean,
        last=clean,
        bad=bad,
        bad_x=np.repeat(x[:, None], 3, axis=1),
    )


def in_order(several: list[Nodes]) -> Nodes:
    """Nodes as one, in the order of (x, time, id)."""
    some = [one for one in several if len(one.first_x)] or several[:1]
    every = some[0]
    if len(some) > 1:
        every = Nodes(*(np.concatenate([getattr(one, field.name) for one in some]) for field in fields(Nodes)))
    if (every.first_x[1:] > every.first_x[:-1]).all():
        return every
    return every.take(np.lexsort((every.first_id, every.first_time, every.first_x)))


def draw(name: str, axis: Axis, nodes: Nodes, points: int, origin: int) -> Chart:
    """A chart of at most `points` buckets out of nodes that are in order and do not overlap."""
    starts = _starts(nodes, points)
    ends = np.append(starts[1:], len(nodes.first_x)) - 1
    has_last = np.maximum.reduceat(np.where(np.isnan(nodes.last), -1, np.arange(len(nodes.last))), starts)
    bad_x, kinds = _marks(nodes, starts)
    return Chart(
        name=name,
        axis=axis,
        total=int(nodes.counts.sum()),
        exact=False,
        start=since(nodes.first_x[starts], origin),
        x=since(nodes.last_x[ends], origin),
        min=np.fmin.reduceat(nodes.low, starts),
        max=np.fmax.reduceat(nodes.high, starts),
        last=np.where(has_last < 0, np.nan, nodes.last[has_last]),
        steps=nodes.last_step[ends],
        times=nodes.last_time[ends],
        counts=np.add.reduceat(nodes.counts, starts),
        bad_x=since(bad_x, origin),
        bad_values=np.array(KINDS)[kinds],
    )


def _starts(nodes: Nodes, points: int) -> Ints:
    """The nodes that buckets begin with: equal shares of the width, but no two buckets have points of one x."""
    edges = shares(int(nodes.first_x[0]), int(nodes.last_x[-1]), points)
    share = np.searchsorted(edges, nodes.first_x, "right")
    begins = (share[1:] != share[:-1]) & (nodes.first_x[1:] > nodes.last_x[:-1])
    return np.append(0, np.flatnonzero(begins) + 1)


def _marks(nodes: Nodes, starts: Ints) -> tuple[Ints, Ints]:
    """Of each bucket the last value of each kind that is not finite: where it is, and its kind."""
    node, kind = np.nonzero(nodes.bad)
    bucket = np.searchsorted(starts, node, "right")
    _, from_end = np.unique((bucket * 3 + kind)[::-1], return_index=True)
    chosen = len(node) - 1 - from_end
    x, kind = nodes.bad_x[node, kind][chosen], kind[chosen]
    order = np.argsort(x, kind="stable")
    return x[order], kind[order]
