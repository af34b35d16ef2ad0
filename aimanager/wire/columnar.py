"""Columns of numbers with a head of JSON, as they travel in and out: no parsing, no copy.

    8 bytes  b"AIMCOLS" and the version, 1
    u32      length n of the head, a multiple of 8
    u32      0
    n bytes  the head: UTF-8 JSON, padded with spaces
    the rest the data: columns, each at a multiple of 8 bytes, padded with zeros

All numbers are little endian. Where the head means a column it has a reference, `[kind, offset, count]`: the kind
is `f8`, `f4` or `i8`, the offset counts bytes of the data. Columns that are the same may have the same reference; otherwise
they do not overlap.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect
from collections.abc import Collection
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

MAGIC = b"AIMCOLS\x01"
PREFIX = struct.Struct("<8sII")
KINDS: dict[str, np.dtype[Any]] = {"f8": np.dtype("<f8"), "f4": np.dtype("<f4"), "i8": np.dtype("<i8")}
# Room for the names of ten thousand columns. JSON takes many times its size when parsed, so its size is bounded.
LONGEST_HEAD = 4 * 1024 * 1024

Column = NDArray[Any]


def pack(head: Any) -> bytes:
    """Write a head with arrays of float64, float32 or int64 anywhere in it. Arrays that are equal are written once: the steps
    of many runs often are."""
    writer = _Writer()
    return b"".join([opening(writer.referenced(head)), *writer.parts])


def opening(head: Any) -> bytes:
    """What comes before the data, for a head that has references already."""
    text = orjson.dumps(head)
    text += b" " * (-len(text) % 8)
    return PREFIX.pack(MAGIC, len(text), 0) + text


class _Writer:
    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._size = 0
        self._references: dict[tuple[str, bytes], list[Any]] = {}

    def referenced(self, part: Any) -> Any:
        if isinstance(part, np.ndarray):
            return self._write(part)
        if isinstance(part, dict):
            return {name: self.referenced(item) for name, item in part.items()}
        if isinstance(part, list | tuple):
            return [self.referenced(item) for item in part]
        return part

    def _write(self, column: Column) -> list[Any]:
        kind = f"{column.dtype.kind}{column.dtype.itemsize}"
        if kind not in KINDS or column.ndim != 1:
            raise ValueError(f"a column has one dimension of f8, f4 or i8, not {column.ndim} of {column.dtype}")
        data = column.astype(KINDS[kind], copy=False).tobytes()
        if (reference := self._references.get((kind, data))) is None:
            reference = self._references[kind, data] = [kind, self._size, len(column)]
            self.parts += [data, bytes(-len(data) % 8)]
            self._size += len(data) + -len(data) % 8
        return reference


def unpack(frame: bytes | memoryview) -> tuple[Any, Columns]:
    """The head, and the columns that its references lead to. Raises ValueError."""
    if len(frame) < PREFIX.size:
        raise ValueError(f"frame is cut short: {len(frame)} bytes instead of {PREFIX.size} or more")
    magic, length, zero = PREFIX.unpack_from(frame)
    if magic != MAGIC:
        raise ValueError(f"frame must begin with {MAGIC!r}")
    if zero:
        raise ValueError("frame must have 0 in bytes 12 to 15")
    if length % 8:
        raise ValueError(f"head must have a length that is a multiple of 8, not {length}")
    if length > LONGEST_HEAD:
        raise ValueError(f"head must have at most {LONGEST_HEAD} bytes, not {length}")
    start = PREFIX.size + length
    if len(frame) < start:
        raise ValueError(f"head is cut short: {len(frame) - PREFIX.size} bytes instead of {length}")
    return _parsed(bytes(frame[PREFIX.size : start])), Columns(frame, start)


def _parsed(text: bytes) -> Any:
    """JSON by orjson, which is strict about numbers and letters, and by json, which sees a name that comes twice."""
    try:
        head = orjson.loads(text)
        json.loads(text, object_pairs_hook=_unique)
    except _Twice:
        raise
    except (ValueError, RecursionError):
        raise ValueError("head is not valid JSON") from None
    return head


class _Twice(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> None:
    names = set()
    for name, _ in pairs:
        if name in names:
            raise _Twice(f"head has the name {name[:80]!r} twice")
        names.add(name)


class Columns:
    """The data of a frame: gives columns for references, as read-only views, the same reference the same array."""

    def __init__(self, frame: bytes | memoryview, start: int) -> None:
        self._frame = frame
        self._start = start
        self._size = len(frame) - start
        self._given: dict[tuple[str, int, int], Column] = {}
        # Where columns begin and end, in order: they do not overlap.
        self._starts: list[int] = []
        self._ends: list[int] = []

    def column(self, reference: Any, where: str, kinds: Collection[str] = tuple(KINDS)) -> Column:
        """The column of one of these kinds that a reference leads to. Raises ValueError, whose words begin with
        `where`; with an empty one they go on a sentence that names it."""
        try:
            return self._column(reference, kinds)
        except ValueError as error:
            raise ValueError(f"{where} {error}".lstrip()) from None

    def _column(self, reference: Any, kinds: Collection[str]) -> Column:
        if not isinstance(reference, list) or len(reference) != 3:
            raise ValueError("must be a reference: [kind, offset, count]")
        kind, offset, count = reference
        if not isinstance(kind, str) or kind not in kinds:
            raise ValueError(f"must be of kind {' or '.join(kinds)}, not {str(kind)[:20]!r}")
        if type(offset) is not int or type(count) is not int or offset < 0 or count < 0:
            raise ValueError("must have an offset and a count of 0 or more")
        given = self._given.get((kind, offset, count))
        if given is not None:
            return given
        if offset % 8:
            raise ValueError(f"must begin at a multiple of 8 bytes, not at {offset}")
        end = offset + count * KINDS[kind].itemsize
        if end > self._size:
            raise ValueError(f"goes to byte {end} of the data, which has {self._size}")
        self._take(offset, end)
        column = np.frombuffer(self._frame, KINDS[kind], count, self._start + offset)
        # A view may begin anywhere if the frame itself does; what reads columns needs them aligned.
        column = column if column.flags.aligned else column.copy()
        column.flags.writeable = False
        self._given[kind, offset, count] = column
        return column

    def _take(self, offset: int, end: int) -> None:
        if offset == end:
            return
        place = bisect(self._starts, offset)
        before = place and self._ends[place - 1] > offset
        if before or (place < len(self._starts) and self._starts[place] < end):
            raise ValueError("overlaps another column")
        self._starts.insert(place, offset)
        self._ends.insert(place, end)

    def close(self) -> None:
        """All columns were read: the data must end with the last one. Raises ValueError."""
        end = self._ends[-1] if self._ends else 0
        end += -end % 8
        if self._size != end:
            raise ValueError(f"data must end with its last column, at {end}, and has {self._size} bytes")
