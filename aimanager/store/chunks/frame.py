"""The bytes of a frame: the points of one request, as they lie in `metric_log.frame`.

A frame carries a checksum, see checksum.py. All numbers are little endian and every part is a multiple of 8 bytes long.

    head     u8 version (1) | u8 kind (0: raw columns) | u16 blocks | u32 bytes of head and shapes together
    shapes   for each block   u32 rows | u32 width | u32 flags | u32 0 | i64 metric[width]
    data     for each block   i64 step[rows], or with flag 1 only the first: row i has it plus i
                              i64 time[rows], or with flag 2 one time for all rows
                              f64 value[width][rows]

A block is one axis and the metrics that were logged along it. Its points are numbered row by row: row r,
position p has the block's first id + r * width + p, and the next block goes on after it. The frame's own
first id is in the row beside it.

The shapes come first because the frames of a training loop differ only behind them: frames of one shape are
joined and read as one matrix, which is what makes reading a hundred thousand small frames cheap.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..shapes import Floats, Ints
from . import checksum
from .checksum import Damaged

VERSION, RAW = 1, 0
STEPS_RUN, ONE_TIME = 1, 2
_HEAD = struct.Struct("<BBHI")
_SHAPE = struct.Struct("<IIII")


@dataclass(slots=True)
class Block:
    """Metrics with one axis. `steps` as an int is row 0's and each row adds 1; `times` as an int is of all rows."""

    rows: int
    metrics: list[int]
    steps: int | Ints
    times: int | Ints
    values: list[bytes]

    @property
    def count(self) -> int:
        return self.rows * len(self.metrics)


@dataclass(slots=True, eq=False)
class Line:
    """Points of one metric, by id."""

    ids: Ints
    steps: Ints
    times: Ints
    values: Floats

    def take(self, index: slice | np.ndarray) -> Line:
        return Line(self.ids[index], self.steps[index], self.times[index], self.values[index])

    def by_time(self) -> Line:
        """The points in the order of (time, id)."""
        if (self.times[1:] >= self.times[:-1]).all():
            return self
        return self.take(np.argsort(self.times, kind="stable"))


def encode(blocks: Sequence[Block]) -> bytes:
    """A request's blocks as one frame."""
    shapes, data = bytearray(_HEAD.size), bytearray()
    for block in blocks:
        width = len(block.metrics)
        flags = STEPS_RUN * isinstance(block.steps, int) | ONE_TIME * isinstance(block.times, int)
        shapes += _SHAPE.pack(block.rows, width, flags, 0) + struct.pack(f"<{width}q", *block.metrics)
        for axis in (block.steps, block.times):
            data += struct.pack("<q", axis) if isinstance(axis, int) else axis.astype("<i8").tobytes()
        for column in block.values:
            data += column
    _HEAD.pack_into(shapes, 0, VERSION, RAW, len(blocks), len(shapes))
    return bytes(shapes + data)


@dataclass(slots=True, eq=False)
class Rows:
    """Rows of metrics that share an axis; `ids` are those of each row's first point, `values` by metric."""

    metrics: tuple[int, ...]
    ids: Ints
    steps: Ints
    times: Ints
    values: Sequence[Floats]

    def line(self, position: int) -> Line:
        return Line(self.ids + position, self.steps, self.times, self.values[position])


def blocks(frames: Iterable[tuple[int, bytes]]) -> Iterator[Rows]:
    """The blocks of frames (first id, bytes); those of frames of one shape are one. Raises Damaged."""
    alike: dict[bytes, tuple[list[int], list[bytes]]] = {}
    for first_id, frame in frames:
        start = checksum.is_present(frame)
        shape = frame[: start + int.from_bytes(frame[start + 4 : start + 8], "little")]
        ids, same_shape = alike.setdefault(shape, ([], []))
        ids.append(first_id)
        same_shape.append(frame)
    for shape, (ids, same_shape) in alike.items():
        try:
            yield from _blocks_alike(shape[checksum.is_present(shape) :], np.array(ids, np.int64), same_shape)
        except (ValueError, struct.error) as error:
            raise Damaged(f"a frame from id {ids[0]} on: {error}") from error


def decode(frames: Iterable[tuple[int, bytes]], metrics: Collection[int] | None = None) -> dict[int, Line]:
    """The points of frames (first id, bytes), of all metrics or of these. Raises Damaged."""
    pieces: dict[int, list[Line]] = {}
    for rows in blocks(frames):
        for position, metric in enumerate(rows.metrics):
            if metrics is None or metric in metrics:
                pieces.setdefault(metric, []).append(rows.line(position))
    return {metric: join(lines) for metric, lines in pieces.items()}


def concatenated(lines: Sequence[Line]) -> Line:
    """Lines one after the other."""
    ids = np.concatenate([_NO_INTS, *(line.ids for line in lines)])
    steps = np.concatenate([_NO_INTS, *(line.steps for line in lines)])
    times = np.concatenate([_NO_INTS, *(line.times for line in lines)])
    return Line(ids, steps, times, np.concatenate([_NO_FLOATS, *(line.values for line in lines)]))


def join(lines: Sequence[Line]) -> Line:
    """Pieces of one metric as one line, by id."""
    if len(lines) == 1:
        return lines[0]
    line = concatenated(lines)
    return line if (line.ids[1:] > line.ids[:-1]).all() else line.take(np.argsort(line.ids))


_NO_INTS, _NO_FLOATS = np.empty(0, np.int64), np.empty(0, np.float64)


def _blocks_alike(shape: bytes, first_ids: Ints, frames: list[bytes]) -> Iterator[Rows]:
    """The blocks of frames of one shape, each with its rows of all frames."""
    version, kind, count, size = _HEAD.unpack_from(shape)
    if (version, kind) != (VERSION, RAW):
        raise ValueError(f"a frame of version {version}, kind {kind} is from a newer server")
    length = len(frames[0]) - (checksum.SIZE if checksum.is_present(frames[0]) else 0)
    words = np.ascontiguousarray(checksum.bodies(frames, length)).view("<i8")
    at, offset, next_id = size // 8, _HEAD.size, first_ids
    for _ in range(count):
        rows, width, flags, _zero = _SHAPE.unpack_from(shape, offset)
        metrics = struct.unpack_from(f"<{width}q", shape, offset + _SHAPE.size)
        offset += _SHAPE.size + 8 * width
        if rows * max(width, 1) > words.shape[1]:
            raise ValueError(f"{rows} rows of {width} values in {words.shape[1]} words")
        row = np.arange(rows)
        if flags & STEPS_RUN:
            steps, at = words[:, at : at + 1] + row, at + 1
        else:
            steps, at = words[:, at : at + rows], at + rows
        if flags & ONE_TIME:
            times, at = words[:, at : at + 1].repeat(rows, axis=1), at + 1
        else:
            times, at = words[:, at : at + rows], at + rows
        ids = next_id[:, None] + row * width
        values = words[:, at : at + width * rows].reshape(len(frames), width, rows).swapaxes(0, 1).reshape(width, -1)
        yield Rows(metrics, ids.ravel(), steps.ravel(), times.ravel(), list(values.view("<f8")))
        at += width * rows
        next_id = next_id + rows * width
