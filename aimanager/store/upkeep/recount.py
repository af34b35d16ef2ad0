"""What stored points come to when they are counted again, a piece at a time and in any order, and where what is kept
of them differs from that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..chunks import checksum, codec, layout, rollup
from ..chunks.frame import Line
from ..chunks.pack import Tree, pack_edges, trees_of
from ..shapes import Ints
from ..summary import SCALE, RunningSummary, tally
from ..tables import STEPS_ASCEND, TIMES_ASCEND

_PENDING = 1 << 18  # Spans of ids that are kept before they are joined: a few MB.


def add_points(standing: RunningSummary, line: Line) -> None:
    """Add points to what a series has come to; its last point is the last by (step, id), whatever came first here."""
    last = int(np.lexsort((line.ids, line.steps))[-1])
    step, point_id = int(line.steps[last]), int(line.ids[last])
    if not standing.n or (step, point_id) > (standing.last_step, standing.last_id):
        point = float(line.values[last]), step, int(line.times[last]), point_id
    else:
        point = standing.last, standing.last_step, standing.last_time, standing.last_id
    standing.add(tally(line.values), *point)


def differences(kept: RunningSummary, found: RunningSummary) -> Iterator[str]:
    """The fields in which a summary is not what it should be; sums may differ in the last of their hundred bits."""
    for name in ("n", "n_bad", "last_step", "last_time", "last_id", "vmin", "vmax"):
        if getattr(kept, name) != getattr(found, name):
            yield name
    if kept.last != found.last and not (math.isnan(kept.last) and math.isnan(found.last)):
        yield "last"
    scale = SCALE if kept.scaled or found.scaled else 1.0
    kept_sum, found_sum = (
        [part if standing.scaled else part * scale for part in (standing.high, standing.low)]
        for standing in (kept, found)
    )
    largest = max(abs(found.vmin or 0.0), abs(found.vmax or 0.0)) * scale
    room = largest * found.n * 1e-25 + 1e-322
    if not abs((kept_sum[0] - found_sum[0]) + (kept_sum[1] - found_sum[1])) <= room:
        yield "sum"


class Ids:
    """The ids that were met, as spans: some bytes for a chunk, not for a point."""

    def __init__(self) -> None:
        self._spans: list[tuple[Ints, Ints]] = []
        self._pending = 0

    def add(self, first: Ints, width: int) -> None:
        """Rows of so many ids each, in ascending order."""
        begins = np.ones(len(first), bool)
        begins[1:] = first[1:] != first[:-1] + width
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], len(first)) - 1
        self._spans.append((first[starts], first[ends] + width - 1))
        self._pending += len(starts)
        if self._pending > _PENDING:
            self._pending = len(self._join()[0])

    def _join(self) -> tuple[Ints, Ints]:
        """All spans as few, by their first id; those that overlap are not joined."""
        lows, highs = (np.concatenate([span[end] for span in self._spans]) for end in (0, 1))
        order = np.lexsort((highs, lows))
        lows, highs = lows[order], highs[order]
        apart = np.ones(len(lows), bool)
        apart[1:] = lows[1:] != highs[:-1] + 1
        starts = np.flatnonzero(apart)
        joined = lows[starts], highs[np.append(starts[1:], len(lows)) - 1]
        self._spans = [joined]
        return joined

    def faults(self, head: int) -> Iterator[str]:
        """In what these are not the ids from 1 to `head`, each once."""
        lows, highs = self._join() if self._spans else (np.empty(0, np.int64), np.empty(0, np.int64))
        next_id = 1
        for low, high in zip(lows.tolist(), highs.tolist(), strict=True):
            if low > next_id:
                yield f"{next_id} to {low - 1} are missing"
            elif low < next_id:
                yield f"{low} to {min(high, next_id - 1)} are there twice"
            next_id = max(next_id, high + 1)
        if next_id <= head:
            yield f"{next_id} to {head} are missing"
        elif next_id > head + 1:
            yield f"{head + 1} to {next_id - 1} were never given"


def axis_statistics(axis: Any, columns: tuple[Ints, Ints, Ints]) -> dict[str, Any]:
    """What is kept of steps and times, as it must be."""
    found: dict[str, Any] = {"flags": 0}
    for name, column, flag in (("step", columns[1], STEPS_ASCEND), ("ts", columns[2], TIMES_ASCEND)):
        lo, hi = int(column.min()), int(column.max())
        found["flags"] |= flag * bool((column[1:] >= column[:-1]).all())
        edges = None
        if not codec.is_affine(getattr(axis, name)):
            edges = pack_edges(column, lo, hi)
            if len(getattr(axis, f"{name}_edges") or b"") == len(edges) + checksum.SIZE:
                edges = checksum.add(edges)
        found |= {f"{name}_lo": lo, f"{name}_hi": hi, f"{name}_edges": edges}
    return found


def describe_tree_fault(sub: bytes, true: Tree, ids: Ints) -> str:
    """Where a tree is not that of the points."""
    what = "the tree is not that of the points"
    try:
        found = trees_of([sub], len(ids))
    except codec.Damaged as damage:
        return f"the tree: {damage}"
    pairs = [(found.low[0], true.low), (found.high[0], true.high), (found.last[0], true.last)]
    other = np.flatnonzero(np.any([~((one == two) | (np.isnan(one) & np.isnan(two))) for one, two in pairs], axis=0))
    if not len(other):
        return what
    first = int(other[0]) * layout.NODE
    return f"{what} from id {ids[first]} to {ids[min(first + layout.NODE, len(ids)) - 1]}"


def first_wrong_chunk(blob: bytes, chunks: Any) -> str:
    """Which of its chunks a rollup is wrong about first."""
    try:
        found = rollup.unpacked(blob)
    except codec.Damaged:
        return ""
    if len(found) != len(chunks) or found.dtype != chunks.dtype:
        return ""
    other = [i for i in range(len(chunks)) if found[i].tobytes() != chunks[i].tobytes()]
    return f", first that of axis {chunks['axis_no'][other[0]]}" if other else ""
