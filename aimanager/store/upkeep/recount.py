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


def add_points(summary: RunningSummary, line: Line) -> None:
    """Add points to what a series has come to; its last point is the last by (step, id), whatever came first here."""
    last = int(np.lexsort((line.ids, line.steps))[-1])
    step, point_id = int(line.steps[last]), int(line.ids[last])
    if not summary.n or (step, point_id) > (summary.last_step, summary.last_id):
        point = float(line.values[last]), step, int(line.times[last]), point_id
    else:
        point = summary.last, summary.last_step, summary.last_time, summary.last_id
    summary.add(tally(line.values), *point)


def differences(stored: RunningSummary, recounted: RunningSummary) -> Iterator[str]:
    """The fields in which a summary is not what it should be; sums may differ in the last of their hundred bits."""
    for name in ("n", "n_bad", "last_step", "last_time", "last_id", "vmin", "vmax"):
        if getattr(stored, name) != getattr(recounted, name):
            yield name
    if stored.last != recounted.last and not (math.isnan(stored.last) and math.isnan(recounted.last)):
        yield "last"
    scale = SCALE if stored.scaled or recounted.scaled else 1.0
    stored_sum, recounted_sum = (
        [part if summary.scaled else part * scale for part in (summary.high, summary.low)]
        for summary in (stored, recounted)
    )
    largest = max(abs(recounted.vmin or 0.0), abs(recounted.vmax or 0.0)) * scale
    room = largest * recounted.n * 1e-25 + 1e-322
    if not abs((stored_sum[0] - recounted_sum[0]) + (stored_sum[1] - recounted_sum[1])) <= room:
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

    def faults(self, head: int, gone: int) -> Iterator[str]:
        """In what these are not the ids from 1 to `head`, each once, but for so many that a fork or a rewind has left out."""
        lows, highs = self._join() if self._spans else (np.empty(0, np.int64), np.empty(0, np.int64))
        next_id, missing = 1, []
        for low, high in zip(lows.tolist(), highs.tolist(), strict=True):
            if low > next_id:
                missing.append((next_id, low - 1))
            elif low < next_id:
                yield f"{low} to {min(high, next_id - 1)} are there twice"
            next_id = max(next_id, high + 1)
        if next_id <= head:
            missing.append((next_id, head))
        elif next_id > head + 1:
            yield f"{head + 1} to {next_id - 1} were never given"
        if sum(high - low + 1 for low, high in missing) != gone:
            yield from (f"{low} to {high} are missing" for low, high in missing)
            if gone:
                yield f"{gone} ids should be missing"


def axis_statistics(axis: Any, columns: tuple[Ints, Ints, Ints]) -> dict[str, Any]:
    """What is kept of steps and times, as it must be."""
    statistics: dict[str, Any] = {"flags": 0}
    for name, column, flag in (("step", columns[1], STEPS_ASCEND), ("ts", columns[2], TIMES_ASCEND)):
        lo, hi = int(column.min()), int(column.max())
        statistics["flags"] |= flag * bool((column[1:] >= column[:-1]).all())
        edges = None
        if not codec.is_affine(getattr(axis, name)):
            edges = pack_edges(column, lo, hi)
            if len(getattr(axis, f"{name}_edges") or b"") == len(edges) + checksum.SIZE:
                edges = checksum.add(edges)
        statistics |= {f"{name}_lo": lo, f"{name}_hi": hi, f"{name}_edges": edges}
    return statistics


def describe_tree_fault(sub: bytes, true: Tree, ids: Ints) -> str:
    """Where a tree is not that of the points."""
    what = "the tree is not that of the points"
    try:
        stored = trees_of([sub], len(ids))
    except codec.Damaged as damage:
        return f"the tree: {damage}"
    pairs = [(stored.low[0], true.low), (stored.high[0], true.high), (stored.last[0], true.last)]
    wrong = np.flatnonzero(np.any([~((one == two) | (np.isnan(one) & np.isnan(two))) for one, two in pairs], axis=0))
    if not len(wrong):
        return what
    first = int(wrong[0]) * layout.NODE
    return f"{what} from id {ids[first]} to {ids[min(first + layout.NODE, len(ids)) - 1]}"


def first_wrong_chunk(blob: bytes, chunks: Any) -> str:
    """Which of its chunks a rollup is wrong about first."""
    try:
        stored = rollup.unpacked(blob)
    except codec.Damaged:
        return ""
    if len(stored) != len(chunks) or stored.dtype != chunks.dtype:
        return ""
    wrong = [i for i in range(len(chunks)) if stored[i].tobytes() != chunks[i].tobytes()]
    return f", first that of axis {chunks['axis_no'][wrong[0]]}" if wrong else ""
