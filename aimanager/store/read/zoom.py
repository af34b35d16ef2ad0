"""Charts out of the tree over the chunks: what they cost follows the points drawn, not the points stored.

Which of a metric's chunks have to be read point by point, which by the nodes within them, and of which their own row
is enough.
"""

from __future__ import annotations

from collections import defaultdict
from math import ceil, floor, inf

import numpy as np
from numpy.typing import NDArray

from ...db.prepared import LEAST, MOST
from ..base import DamagedPoints
from ..chunks import layout, rollup
from ..chunks.codec import Damaged
from ..chunks.frame import Line, join
from ..chunks.pack import NO_ROW, Tree, edges_of, trees_of
from ..chunks.rollup import Chunks
from ..shapes import Axis, Bound, Chart, Ints
from ..tables import STEPS_ASCEND, TIMES_ASCEND
from . import chunk_index
from .nodes import Nodes, draw, draw_points, in_order, of_points
from .reader import Reader

READ = layout.NODE // 2  # For so many points a bucket and fewer, points are read: nodes would be too coarse.
ENOUGH = 2 / 3  # So many chunks a bucket are drawn as they are: the nodes within cost a page of the database for each.


def chart(
    reader: Reader, name: str, metric: int, tail: Line, x: Axis, points: int, lo: Bound, hi: Bound, origin: int
) -> Chart:
    """The chart of a metric; `tail` are its points that are in no chunk. Raises DamagedPoints."""
    column = "step" if x == "step" else "ts"
    origin = origin if x == "relative" else 0
    low, high = bounds(lo, hi, origin)
    try:
        chunks = chunk_index.within(reader.connection, reader.run, metric, column, low, high)
        lowest = chunks[f"{column}_lo"]
        if not (lowest[1:] > lowest[:-1]).all():
            chunks = chunks[np.lexsort((chunks["id_lo"], chunks["ts_lo"], lowest))]
        nodes = None
        if int(chunks["rows"].sum()) + len(tail.ids) > max(READ, 1) * points:
            nodes = _nodes(reader, metric, chunks, tail, column, low, high, points)
        if nodes is None or int(nodes.counts.sum()) <= points:
            line = join([reader.decoded(metric, chunk_index.places(chunks)), tail])
            return draw_points(name, x, *within(line, column, low, high), points, origin)
    except Damaged as error:
        raise DamagedPoints(reader.run, metric, 0, str(error)) from error
    return draw(name, x, nodes, points, origin)


def of_line(name: str, x: Axis, line: Line, points: int, lo: Bound, hi: Bound, origin: int) -> Chart:
    """The chart of a metric all of whose points were read; `origin` is where its x begins, 0 for none."""
    column = "step" if x == "step" else "ts"
    return draw_points(name, x, *within(line, column, *bounds(lo, hi, origin)), points, origin)


def bounds(lo: Bound, hi: Bound, origin: int) -> tuple[int, int]:
    """Bounds as whole steps or times, inwards; the first above the second where no int64 lies between them."""
    low = LEAST if lo is None or lo == -inf else MOST + 1 if lo == inf else ceil(lo) + origin
    high = MOST if hi is None or hi == inf else LEAST - 1 if hi == -inf else floor(hi) + origin
    if low > MOST or high < LEAST:
        return MOST, LEAST
    return max(low, LEAST), min(high, MOST)


def within(line: Line, column: str, low: int, high: int) -> tuple[Line, Ints]:
    """The points with low <= x <= high, and their x."""
    x = line.steps if column == "step" else line.times
    if (low, high) == (LEAST, MOST):
        return line, x
    inside = (x >= low) & (x <= high)
    return line.take(inside), x[inside]


def _nodes(
    reader: Reader, metric: int, chunks: Chunks, tail: Line, column: str, low: int, high: int, points: int
) -> Nodes | None:
    """Nodes as small as the drawing needs them, of the points with low <= x <= high; None where all have to be read."""
    clean = _usable_as_nodes(chunks, tail, column) & (chunks[f"{column}_lo"] >= low) & (chunks[f"{column}_hi"] <= high)
    if not clean.any():
        return None
    line = join([reader.decoded(metric, chunk_index.places(chunks[~clean])), tail])
    nodes = [of_points(*within(line, column, low, high))]
    clean_chunks = chunks if clean.all() else chunks[clean]
    # The step of a chunk's last point is in its row only where no step goes back.
    enough = len(clean_chunks) >= ENOUGH * points
    by_row = clean_chunks["flags"] & STEPS_ASCEND != 0 if enough else np.zeros(len(clean_chunks), bool)
    if by_row.any():
        nodes.append(_of_chunks(reader, clean_chunks if by_row.all() else clean_chunks[by_row], column))
    if not by_row.all():
        nodes += _nodes_within(reader, metric, clean_chunks[~by_row], column)
    return in_order(nodes)


def _usable_as_nodes(chunks: Chunks, tail: Line, column: str) -> NDArray[np.bool_]:
    """Which chunks are in order themselves, and have nothing of the others between their first x and their last.

    Two may meet in one x if the points of one come before those of the other by time and id.
    """
    x = tail.steps if column == "step" else tail.times
    lo, hi = (np.ascontiguousarray(chunks[f"{column}_{end}"]) for end in ("lo", "hi"))
    apart = np.ones(len(chunks), bool)
    if not (lo[1:] > hi[:-1]).all() or (len(x) and len(hi) and x.min() <= hi[-1]):
        apart = _do_not_overlap(chunks, tail, lo, hi, x)
    needed = TIMES_ASCEND | (STEPS_ASCEND if column == "step" else 0)
    return apart & (chunks["flags"] & needed == needed)


def _do_not_overlap(chunks: Chunks, tail: Line, lo: Ints, hi: Ints, x: Ints) -> NDArray[np.bool_]:
    """Which chunks have nothing of the others between their first (x, time, id) and their last."""
    first = [np.append(lo, x), np.append(chunks["ts_lo"], tail.times), np.append(chunks["id_lo"], tail.ids)]
    last = [np.append(hi, x), np.append(chunks["ts_hi"], tail.times), np.append(chunks["id_hi"], tail.ids)]
    order = np.lexsort(first[::-1])
    first, last = [each[order] for each in first], [each[order] for each in last]
    apart = np.ones(len(order), bool)
    apart[1:] &= _after([each[1:] for each in first], [np.maximum.accumulate(each)[:-1] for each in last])
    least = [np.minimum.accumulate(each[::-1])[::-1] for each in first]
    apart[:-1] &= _after([each[1:] for each in least], [each[:-1] for each in last])
    in_place = np.empty(len(order), bool)
    in_place[order] = apart
    return in_place[: len(chunks)]


def _after(ones: list[Ints], others: list[Ints]) -> NDArray[np.bool_]:
    """Whether (x, time, id) of ones comes after that of others, place by place."""
    (x, time, ids), (other_x, other_time, other_ids) = ones, others
    return (x > other_x) | ((x == other_x) & ((time > other_time) | ((time == other_time) & (ids > other_ids))))


def _of_chunks(reader: Reader, chunks: Chunks, column: str) -> Nodes:
    """Each chunk as a node."""
    chunk_index.place_marks(chunks, reader)
    marked = chunks.dtype == rollup.MARKED
    return Nodes(
        first_x=chunks[f"{column}_lo"],
        first_time=chunks["ts_lo"],
        first_id=chunks["id_lo"],
        last_x=chunks[f"{column}_hi"],
        last_step=chunks["step_hi"],
        last_time=chunks["ts_hi"],
        counts=chunks["rows"].astype(np.int64),
        low=chunks["vmin"],
        high=chunks["vmax"],
        last=chunks["vlast"],
        bad=chunks["bad_row"] != NO_ROW if marked else np.zeros((len(chunks), 3), bool),
        bad_x=chunks[f"bad_{column}"] if marked else np.zeros((len(chunks), 3), np.int64),
    )


def _nodes_within(reader: Reader, metric: int, chunks: Chunks, column: str) -> list[Nodes]:
    """The nodes within chunks; chunks of one form are treated together."""
    numbers = chunks["axis_no"].tolist()
    trees_by_axis = reader.trees(metric, numbers)
    edges = reader.edges(numbers)
    if missing := [number for number in numbers if number not in trees_by_axis or number not in edges]:
        raise Damaged(f"the chunk of axis {missing[0]} is not there")
    alike: dict[tuple[int, int, int, int], list[int]] = defaultdict(list)
    for i, (number, rows) in enumerate(zip(numbers, chunks["rows"].tolist(), strict=True)):
        step, ts = edges[number]
        alike[rows, len(trees_by_axis[number]), len(step), len(ts)].append(i)
    nodes = []
    for (rows, _, _, _), indexes in alike.items():
        group = [numbers[i] for i in indexes]
        trees = trees_of([trees_by_axis[number] for number in group], rows)
        steps = edges_of([edges[number][0] for number in group], chunks["step_lo"][indexes], rows)
        times = edges_of([edges[number][1] for number in group], chunks["ts_lo"][indexes], rows)
        nodes.append(_nodes_of_form(reader, chunks[indexes], trees, (steps, times), rows, column))
    return nodes


def _nodes_of_form(
    reader: Reader, chunks: Chunks, tree: Tree, columns: tuple[Ints, Ints], rows: int, column: str
) -> Nodes:
    """The nodes of chunks of one length, each column chunk by chunk."""
    starts = np.arange(0, rows, layout.NODE)
    x = columns[0] if column == "step" else columns[1]
    bad = np.zeros((len(chunks), len(starts), 3), bool) if tree.bad is None else tree.bad != NO_ROW
    bad_x = np.zeros(bad.shape, np.int64)
    if tree.bad is not None:
        numbers = chunks["axis_no"].tolist()
        reader.load_axes(numbers)
        for i in np.flatnonzero(bad.any((1, 2))):
            column_x = reader.along(numbers[i])[column != "step"]
            bad_x[i] = column_x[np.minimum(tree.bad[i], rows - 1)]
    return Nodes(
        first_x=x[..., 0].ravel(),
        first_time=columns[1][..., 0].ravel(),
        first_id=(chunks["id_lo"][:, None] + starts).ravel(),
        last_x=x[..., 1].ravel(),
        last_step=columns[0][..., 1].ravel(),
        last_time=columns[1][..., 1].ravel(),
        counts=np.tile(np.diff(np.append(starts, rows)), len(chunks)),
        low=tree.low.ravel(),
        high=tree.high.ravel(),
        last=tree.last.ravel(),
        bad=bad.reshape(-1, 3),
        bad_x=bad_x.reshape(-1, 3),
    )
