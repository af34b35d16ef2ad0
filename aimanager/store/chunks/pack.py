"""Rows of metrics that share an axis, as the rows of metric_axis, metric_chunk and metric_cdata.

Values are packed apart from their axis, because those of a large request are packed while steps and times that
the server fills in are still missing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..shapes import Floats, Ints
from ..tables import STEPS_ASCEND, TIMES_ASCEND
from . import checksum, codec, layout
from .frame import Rows

NO_ROW = 0xFFFF
KINDS = (np.nan, np.inf, -np.inf)  # What a value that is not finite may be, in the order of marks.


@dataclass(frozen=True, slots=True)
class Piece:
    """The values of one chunk, and their statistics."""

    rows: int
    n_bad: int
    vmin: float | None
    vmax: float | None
    vlast: float | None
    marks: bytes | None
    sub: bytes
    v: bytes

    @classmethod
    def of(cls, values: Floats, level: int | None) -> Piece:
        """Values packed with so much effort, or with None not at all."""
        nodes = tree(values)
        marks = bad_rows(values, np.array([0])) if nodes.bad is not None else None
        finite = np.flatnonzero(~np.isnan(nodes.last))
        return cls(
            rows=len(values),
            n_bad=int(len(values) - np.isfinite(values).sum()),
            vmin=float(nodes.low[finite].min()) if len(finite) else None,
            vmax=float(nodes.high[finite].max()) if len(finite) else None,
            vlast=float(nodes.last[finite[-1]]) if len(finite) else None,
            marks=None if marks is None else marks.astype("<u2").tobytes(),
            sub=checksum.add(nodes.packed()),
            v=b"" if level is None else checksum.add(codec.encode(values, level)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Of each node of a chunk: min, max and last of its finite values, NaN where there is none, and the last row of
    each kind that is not finite, node by node, NO_ROW where there is none; None where there are none at all."""

    low: Floats
    high: Floats
    last: Floats
    bad: NDArray[np.int64] | None

    def packed(self) -> bytes:
        """As `metric_cdata.sub`."""
        floats = np.concatenate([self.low, self.high, self.last])
        with np.errstate(over="ignore", invalid="ignore"):
            narrow = floats.astype("<f4")
            exact = ((narrow == floats) | np.isnan(floats)).all()
        body = (narrow if exact else floats.astype("<f8")).tobytes()
        marks = b"" if self.bad is None else self.bad.astype("<u2").tobytes()
        return bytes((4 if exact else 8, self.bad is not None)) + body + marks


def trees_of(blobs: Sequence[bytes], rows: int) -> Tree:
    """The trees of chunks of `rows` rows each out of blobs of one length; each array is chunk by chunk. Raises Damaged."""
    nodes = -(-rows // layout.NODE)
    lengths = {2 + nodes * (3 * size + 6 * marked): (size, marked) for size in (4, 8) for marked in (0, 1)}
    length = next((each for each in lengths if len(blobs[0]) in (each, each + checksum.SIZE)), None)
    if length is None:
        raise codec.Damaged("a tree of another size")
    words, (size, marked) = checksum.bodies(blobs, length), lengths[length]
    if (words[:, :2] != (size, marked)).any():
        raise codec.Damaged("a tree of another form")
    floats_end = 2 + 3 * nodes * size
    floats = words[:, 2:floats_end].copy().view(f"<f{size}").astype(np.float64).reshape(len(blobs), 3, nodes)
    bad = words[:, floats_end:].copy().view("<u2").astype(np.int64).reshape(len(blobs), nodes, 3) if marked else None
    return Tree(floats[:, 0], floats[:, 1], floats[:, 2], bad)


def tree(values: Floats) -> Tree:
    """The nodes over a chunk's values."""
    starts = np.arange(0, len(values), layout.NODE)
    finite = np.isfinite(values)
    if finite.all():
        ends = np.append(starts[1:], len(values)) - 1
        return Tree(np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts), values[ends], None)
    clean = np.where(finite, values, np.nan)
    last = np.maximum.reduceat(np.where(finite, np.arange(len(values)), -1), starts)
    return Tree(
        low=np.fmin.reduceat(clean, starts),
        high=np.fmax.reduceat(clean, starts),
        last=np.where(last < 0, np.nan, clean[last]),
        bad=bad_rows(values, starts),
    )


def bad_rows(values: Floats, starts: Ints) -> Ints:
    """The last row of each kind that is not finite, in each part; NO_ROW where there is none."""
    rows = np.arange(len(values))
    kinds = [np.isnan(values), np.isposinf(values), np.isneginf(values)]
    last = [np.maximum.reduceat(np.where(of_kind, rows, -1), starts) for of_kind in kinds]
    return np.where(np.stack(last, 1) < 0, NO_ROW, np.stack(last, 1))


@dataclass(frozen=True, slots=True)
class AxisColumn:
    """Steps or times of an axis. `edges` are those of its nodes; None where they can be worked out."""

    lo: int
    hi: int
    ascend: bool
    blob: bytes
    edges: bytes | None

    @classmethod
    def counted(cls, first: int, delta: int, rows: int) -> AxisColumn:
        """first, first + delta, ..., where delta is not negative."""
        return cls(first, first + delta * (rows - 1), True, checksum.add(codec.affine(first, delta)), None)

    @classmethod
    def of(cls, column: Ints, level: int) -> AxisColumn:
        lo, hi = int(column.min()), int(column.max())
        ascend = bool((column[1:] >= column[:-1]).all())
        blob = codec.encode(column, level)
        edges = None if codec.is_affine(blob) else checksum.add(pack_edges(column, lo, hi))
        return cls(lo, hi, ascend, checksum.add(blob), edges)


def pack_edges(column: Ints, lo: int, hi: int) -> bytes:
    """The first and the last of each node; as what they are above the lowest, if that fits."""
    starts = np.arange(0, len(column), layout.NODE)
    ends = np.append(starts[1:], len(column)) - 1
    edges = np.stack([column[starts], column[ends]], 1)
    return (edges - lo).astype("<u4").tobytes() if hi - lo < 2**32 else edges.astype("<i8").tobytes()


def edges_of(blobs: Sequence[bytes], lowest: Ints, rows: int) -> Ints:
    """The first and last step or time of the nodes of axes of one length, out of blobs of one length: the edges, or
    the whole column where it is affine. By axis, node and end. Raises Damaged."""
    starts, length = np.arange(0, rows, layout.NODE), len(blobs[0])
    if length in (codec.AFFINE_SIZE, codec.AFFINE_LONGEST):
        words = checksum.bodies(blobs, codec.AFFINE_SIZE).copy().view(codec.AFFINE)["words"]
        first, delta = words.reshape(-1, 2).T[:, :, None, None]
        ends = np.append(starts[1:], rows) - 1
        return first + delta * np.stack([starts, ends], 1)
    for kind, size in (("<u4", 8 * len(starts)), ("<i8", 16 * len(starts))):
        if length in (size, size + checksum.SIZE):
            edges = checksum.bodies(blobs, size).copy().view(kind).reshape(len(blobs), -1, 2)
            return edges + lowest[:, None, None] if kind == "<u4" else edges
    raise codec.Damaged("edges of another size")


@dataclass(frozen=True, slots=True)
class Packed:
    """An axis and its chunks, ready for the tables."""

    metrics: Sequence[int]
    rows: int
    id_lo: int
    id_hi: int
    base: bytes
    steps: AxisColumn
    times: AxisColumn
    pieces: Sequence[Piece]

    @property
    def _span(self) -> dict[str, int]:
        return {
            "rows": self.rows,
            "flags": STEPS_ASCEND * self.steps.ascend | TIMES_ASCEND * self.times.ascend,
            "step_lo": self.steps.lo,
            "step_hi": self.steps.hi,
            "ts_lo": self.times.lo,
            "ts_hi": self.times.hi,
        }

    def axis_row(self, run: int, number: int) -> dict[str, Any]:
        return self._span | {
            "run_no": run,
            "axis_no": number,
            "id_lo": self.id_lo,
            "id_hi": self.id_hi,
            "metrics": struct.pack(f"<{len(self.metrics)}i", *self.metrics),
            "step_edges": self.steps.edges,
            "ts_edges": self.times.edges,
            "base": self.base,
            "step": self.steps.blob,
            "ts": self.times.blob,
        }

    def chunk_rows(self, run: int, number: int) -> Iterator[dict[str, Any]]:
        last_of_row = len(self.metrics) - 1
        for pos, (metric, piece) in enumerate(zip(self.metrics, self.pieces, strict=True)):
            yield self._span | {
                "run_no": run,
                "metric_id": metric,
                "axis_no": number,
                "pos": pos,
                "id_lo": self.id_lo + pos,
                "id_hi": self.id_hi - last_of_row + pos,
                "n_bad": piece.n_bad,
                "vmin": piece.vmin,
                "vmax": piece.vmax,
                "vlast": piece.vlast,
                "marks": piece.marks,
            }

    def data_rows(self, run: int, number: int) -> Iterator[dict[str, Any]]:
        for metric, piece in zip(self.metrics, self.pieces, strict=True):
            yield {"run_no": run, "metric_id": metric, "axis_no": number, "sub": piece.sub, "v": piece.v}


def slices(rows: int) -> list[slice]:
    """The chunks that rows fall into."""
    return [slice(start, min(start + layout.CHUNK, rows)) for start in range(0, rows, layout.CHUNK)]


def pack(rows: Rows, level: int = layout.LEVEL) -> list[Packed]:
    """Rows as axes of at most a chunk's length."""
    packed = []
    for part in slices(len(rows.ids)):
        ids = rows.ids[part]
        packed.append(
            Packed(
                metrics=rows.metrics,
                rows=len(ids),
                id_lo=int(ids[0]),
                id_hi=int(ids[-1]) + len(rows.metrics) - 1,
                base=checksum.add(codec.encode(ids - ids[0], level)),
                steps=AxisColumn.of(rows.steps[part], level),
                times=AxisColumn.of(rows.times[part], level),
                pieces=[Piece.of(values[part], level) for values in rows.values],
            )
        )
    return packed
