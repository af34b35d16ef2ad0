"""The checksum that a blob of the store carries with it, and its check at each read.

    u8 0xC3 | body | u32 CRC32C of all before it, little endian

Blobs of servers before schema 0005 are a body alone and are read as they are: none of them begins with that byte, except
edges, which their length tells apart. The checksum lies in the blob and not in a column of its own, because SQLite finds
what follows a large blob only through all of its pages.

The CRC of a blob with its own CRC at the end is always the same number. And a CRC is linear: of many blobs of one length
it is enough to check the exclusive or, which costs next to nothing for each. What that cannot see, the same bits turned
in two blobs of one chart, `aimanager doctor` finds: it checks each by itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from math import nan

import google_crc32c
import numpy as np
from numpy.typing import NDArray

MARK = 0xC3
SIZE = 5  # Bytes that the mark and the checksum add to a body.
_HEAD = bytes((MARK,))
_RESIDUE = google_crc32c.value(bytes(4))  # What the CRC of anything and its own CRC comes to.
_crc = google_crc32c.value


class Damaged(ValueError):
    """Bytes that are not what was written."""


def add(body: bytes) -> bytes:
    """A body as a blob with a checksum."""
    marked = _HEAD + body
    return marked + _crc(marked).to_bytes(4, "little")


def is_present(blob: bytes) -> bool:
    """Whether a blob, not of edges, carries a checksum."""
    return blob[:1] == _HEAD


def span(blob: bytes) -> tuple[int, int]:
    """Where the body of a blob begins and ends, the blob once checked. Raises Damaged."""
    if blob[:1] != _HEAD:
        return 0, len(blob)
    if _crc(blob) != _RESIDUE:
        raise Damaged("its checksum does not match")
    return 1, len(blob) - 4


def body(blob: bytes) -> bytes:
    """What a blob says, checked. Raises Damaged."""
    start, end = span(blob)
    return blob[start:end]


def bodies(blobs: Sequence[bytes], size: int) -> NDArray[np.uint8]:
    """The bodies of blobs that are all of one length and have so many bytes, one a row, checked. Raises Damaged."""
    length = len(blobs[0])
    rows = np.frombuffer(b"".join(blobs), np.uint8).reshape(len(blobs), length)
    if length == size:
        return rows
    if length != size + SIZE:
        raise Damaged(f"{length} bytes, expected {size}")
    expected = _RESIDUE if len(blobs) % 2 else _crc(bytes(length))
    if _crc(np.bitwise_xor.reduce(rows, axis=0).tobytes()) != expected:
        raise Damaged("its checksum does not match")
    return rows[:, 1:-4]


def of_numbers(form: struct.Struct, numbers: Iterable[float | None]) -> int:
    """The CRC of a row's numbers, the same from every database: -0.0, which SQLite keeps as 0, counts as 0, NULL as NaN."""
    return int(_crc(form.pack(*[nan if number is None else number + 0 for number in numbers])))
