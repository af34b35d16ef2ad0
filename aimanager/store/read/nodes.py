"""Nodes: neighbouring points of which only what a chart draws is kept. A point is the smallest node.

A chart is made of nodes that follow each other along x. Each bucket takes whole nodes, so it is exact although
what lies between the nodes' edges is never read.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chunks.frame import Line
from ..chunks.pack import KINDS
from ..shapes import Axis, Chart, Floats, Ints

_INT64 = np.iinfo(np.int64)


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
    clean, bad = line.values, np.zeros((len(x), len(KINDS)), bool)
    finite = np.isfinite(clean)
    if not finite.all():
        odd = np.flatnonzero(~finite)
        bad[odd, kind_of(clean[odd])] = True
        clean = np.where(finite, clean, np.nan)
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
        bad_x=np.broadcast_to(x[:, None], bad.shape),
    )


def in_order(pieces: list[Nodes]) -> Nodes:
    """Nodes as one, in the order of (x, time, id)."""
    filled = [one for one in pieces if len(one.first_x)] or pieces[:1]
    nodes = filled[0]
    if len(filled) > 1:
        nodes = Nodes(*(np.concatenate([getattr(one, field.name) for one in filled]) for field in fields(Nodes)))
    order = order_of(nodes.first_x, nodes.first_time, nodes.first_id)
    return nodes if order is None else nodes.take(order)


def order_of(x: Ints, times: Ints, ids: Ints) -> Ints | None:
    """What sorts by (x, time, id); None if they ascend already."""
    ascends = x[1:] > x[:-1]
    if not ascends.all():
        later = (times[1:] > times[:-1]) | ((times[1:] == times[:-1]) & (ids[1:] > ids[:-1]))
        ascends |= (x[1:] == x[:-1]) & later
    return None if ascends.all() else np.lexsort((ids, times, x))


def draw(name: str, axis: Axis, nodes: Nodes, points: int, origin: int) -> Chart:
    """A chart of at most `points` buckets, out of nodes of more points than that, which are in order and do not overlap.
    `origin` is where relative time begins, 0 on other axes."""
    starts = bucket_starts(nodes.first_x, nodes.last_x, points)
    ends = np.append(starts[1:], len(nodes.first_x)) - 1
    low, high, last = envelope(nodes.low, nodes.high, nodes.last, np.flatnonzero(np.isnan(nodes.last)), starts, ends)
    node, kind = np.divmod(np.flatnonzero(nodes.bad), len(KINDS))  # Ten times as fast as nonzero in two dimensions.
    bad_x, bad_values = marks_of(node, kind, nodes.bad_x[node, kind], starts)
    return Chart(
        name=name,
        axis=axis,
        total=int(nodes.counts.sum()),
        exact=False,
        start=since(nodes.first_x[starts], origin),
        x=since(nodes.last_x[ends], origin),
        min=low,
        max=high,
        last=last,
        steps=nodes.last_step[ends],
        times=nodes.last_time[ends],
        counts=np.add.reduceat(nodes.counts, starts),
        bad_x=since(bad_x, origin),
        bad_values=bad_values,
    )


def draw_points(name: str, axis: Axis, line: Line, x: Ints, points: int, origin: int) -> Chart:
    """The same chart out of points alone, in any order; exact if there are no more than `points`. Nodes of one point each
    would make it too, for half as much again."""
    order = order_of(x, line.times, line.ids)
    if order is not None:
        line, x = line.take(order), x[order]
    exact = len(x) <= points
    starts = np.arange(len(x)) if exact else bucket_starts(x, x, points)
    ends = starts if exact else np.append(starts[1:], len(x)) - 1
    clean, odd = line.values, np.flatnonzero(~np.isfinite(line.values))
    if len(odd):
        clean = clean.copy()
        clean[odd] = np.nan
    low, high, last = (clean, clean, clean) if exact else envelope(clean, clean, clean, odd, starts, ends)
    bad_x, bad_values = marks_of(odd, kind_of(line.values[odd]), x[odd], starts)
    return Chart(
        name=name,
        axis=axis,
        total=len(x),
        exact=exact,
        start=since(x[starts], origin),
        x=since(x[ends], origin),
        min=low,
        max=high,
        last=last,
        steps=line.steps[ends],
        times=line.times[ends],
        counts=ends - starts + 1,
        bad_x=since(bad_x, origin),
        bad_values=bad_values,
    )


def bucket_starts(first_x: Ints, last_x: Ints, points: int) -> Ints:
    """The nodes that buckets begin with: equal shares of the width, but no two buckets have points of one x."""
    edges = shares(int(first_x[0]), int(last_x[-1]), points)
    places = np.searchsorted(first_x, edges, "left")  # They ascend: what differs from the one before is a start.
    starts = places[1:][places[1:] > places[:-1]]
    starts = starts[starts < len(first_x)]
    return np.append(0, starts[first_x[starts] > last_x[starts - 1]])


def envelope(
    low: Floats, high: Floats, last: Floats, odd: Ints, starts: Ints, ends: Ints
) -> tuple[Floats, Floats, Floats]:
    """Min, max and last finite value of each bucket, NaN where it has none; `odd` are the nodes that have none."""
    if not len(odd):
        return np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts), last[ends]
    begins = np.append(0, np.flatnonzero(np.diff(odd) > 1) + 1)  # Where in `odd` runs of neighbours begin.
    first, final = odd[begins], odd[np.append(begins[1:], len(odd)) - 1]
    run = np.maximum(np.searchsorted(first, ends, "right") - 1, 0)
    latest = np.where((first[run] <= ends) & (ends <= final[run]), first[run] - 1, ends)
    return (
        np.fmin.reduceat(low, starts),
        np.fmax.reduceat(high, starts),
        np.where(latest < starts, np.nan, last[latest]),
    )


def shares(low: int, high: int, points: int) -> Ints:
    """Where equal shares of a width begin; by Python's integers if x spans more than an int64 holds."""
    span = high - low + 1
    if span * points <= _INT64.max:
        return low + span * np.arange(points) // points
    return np.array([low + span * i // points for i in range(points)], np.int64)


def since(times: Ints, origin: int) -> Ints:
    """Times from an origin on; one too far away for an int64 is the farthest."""
    return np.minimum(times, _INT64.max + min(origin, 0)) - origin if origin else times


def kind_of(odd: Floats) -> Ints:
    """Which of KINDS values are that are not finite."""
    return np.isposinf(odd) + 2 * np.isneginf(odd)


def marks_of(node: Ints, kind: Ints, x: NDArray[Any], starts: Ints) -> tuple[NDArray[Any], Floats]:
    """Where each bucket has the last of its values of each kind that is not finite, and the value, out of all of them: the
    node that has it, its kind, and its x."""
    bucket = np.searchsorted(starts, node, "right")
    _, from_end = np.unique((bucket * len(KINDS) + kind)[::-1], return_index=True)
    chosen = len(node) - 1 - from_end
    x, kind = x[chosen], kind[chosen]
    order = np.argsort(x, kind="stable")
    return x[order], np.array(KINDS)[kind[order]]
