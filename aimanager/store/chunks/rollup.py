"""The form of a rollup: what charts know of many chunks of a metric, as one array in one row of metric_rollup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tables import metric_chunk
from . import checksum
from .codec import Damaged
from .pack import NO_ROW

_FIELDS = [
    *((name, "<i8") for name in ("axis_no", "id_lo", "id_hi", "step_lo", "step_hi", "ts_lo", "ts_hi")),
    *((name, "<f8") for name in ("vmin", "vmax", "vlast")),
    *((name, "<i4") for name in ("rows", "pos", "flags", "n_bad")),
]
# With marks: the row of the last value of each kind that is not finite, NO_ROW for none, and its step and time.
# `fresh`: the step and the time are still to be looked up.
_MARKS = [("fresh", "<i8"), ("bad_row", "<i8", (3,)), ("bad_step", "<i8", (3,)), ("bad_ts", "<i8", (3,))]
PLAIN = np.dtype(_FIELDS)
MARKED = np.dtype([*_FIELDS, *_MARKS])
_NAMES = [name for name, _ in _FIELDS]

Chunks = NDArray[Any]  # Of dtype PLAIN, or MARKED where any has marks: `place_marks` fills in their steps and times.

COLUMNS = [metric_chunk.c[name] for name in (*_NAMES, "marks")]  # What `of_rows` takes.


def of_rows(rows: Sequence[Any]) -> Chunks:
    """Rows of COLUMNS as an array. Raises Damaged."""
    columns = list(zip(*rows, strict=True))
    marked = any(columns[-1]) or any(columns[-2]) if rows else False
    chunks = np.zeros(len(rows), MARKED if marked else PLAIN)
    for name, column in zip(_NAMES, columns, strict=False):
        chunks[name] = column  # A float that is NULL is NaN here.
    if marked:
        chunks["bad_row"] = NO_ROW
        for i, marks in enumerate(columns[-1]):
            if marks is not None:
                if len(marks) != 6:
                    raise Damaged(f"marks of {len(marks)} bytes, expected 6")
                chunks["bad_row"][i] = np.frombuffer(marks, "<u2", 3)
                chunks["fresh"][i] = 1
    return chunks


def packed(chunks: Chunks) -> bytes:
    """Chunks as the blob of a rollup, less its checksum."""
    marked = bool(chunks["n_bad"].any())
    return bytes((marked, *[0] * 7)) + _of_kind(chunks, MARKED if marked else PLAIN).tobytes()


def unpacked(*blobs: bytes) -> Chunks:
    """The chunks of rollups."""
    return join(blobs, np.empty(0, PLAIN))


def join(blobs: Sequence[bytes], unrolled: Chunks) -> Chunks:
    """The chunks of rollups and those in none yet; all of one form as if they were one, as numpy's calls cost more than their work."""
    arrays = []
    checked = [memoryview(blob)[slice(*checksum.span(blob))] for blob in blobs]
    if any(body[:1] not in (b"\0", b"\1") for body in checked):
        raise Damaged("a rollup of another form")
    for marked, kind in enumerate((PLAIN, MARKED)):
        bodies: list[Any] = [body[8:] for body in checked if body[0] == marked]
        if any(len(body) % kind.itemsize for body in bodies):
            raise Damaged("a rollup of another size")
        bodies += [unrolled] if unrolled.dtype == kind else []
        arrays.append(np.frombuffer(b"".join(bodies), kind))
    plain, with_marks = arrays
    return np.concatenate([_of_kind(plain, MARKED), with_marks]) if len(with_marks) else plain


def _of_kind(chunks: Chunks, kind: np.dtype[Any]) -> Chunks:
    if chunks.dtype == kind:
        return chunks
    converted = np.zeros(len(chunks), kind)
    for name in _NAMES:
        converted[name] = chunks[name]
    if kind == MARKED:
        converted["bad_row"] = NO_ROW
    return converted
