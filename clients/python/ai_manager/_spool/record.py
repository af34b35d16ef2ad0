"""The bytes of a segment: a head, then records of length, CRC-32 and payload."""

from __future__ import annotations

import json
import struct
import uuid
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

MAGIC = b"AIMSPL\x00\x01"  # The last byte is the version; a reader refuses one that it does not know.
_HEAD = struct.Struct("<8s16sQ")
FRAME = struct.Struct("<II")  # The length of the payload and its CRC-32.
LONGEST = 16 << 20  # No payload is longer; a length beyond it is damage.

# The first byte of a payload.
NAMES = 1  # u16 number, then names with line breaks between: the set of that number, until the next cut.
POINTS = 2  # u16 number of a set, i64 step, f64 seconds since 1970, one f64 for each name.
FACT = 3  # A JSON object; its "kind" says what it is.
CUT = 4  # Nothing: what came since the last one is one window.

ROW = struct.Struct("<BHqd")
_NUMBER = struct.Struct("<BH")


class Head(NamedTuple):
    """Who numbered the windows of a segment, and how many windows with points it had numbered before."""

    client: str
    before: int

    def pack(self) -> bytes:
        return _HEAD.pack(MAGIC, uuid.UUID(self.client).bytes, self.before)


HEAD_BYTES = _HEAD.size


class NewerFormat(Exception):
    """The segment was written by a version of this package that is newer than this one."""


def read_head(data: bytes) -> Head | None:
    """The head of a segment, None when it is torn or damaged. Raises NewerFormat."""
    if len(data) < HEAD_BYTES:
        return None
    magic, client, before = _HEAD.unpack_from(data)
    if magic[:7] == MAGIC[:7] and magic[7] > MAGIC[7]:
        raise NewerFormat("written by a newer version of the client; use that version")
    return Head(str(uuid.UUID(bytes=client)), before) if magic == MAGIC else None


def framed(payload: bytes) -> bytes:
    """A payload as a record."""
    return FRAME.pack(len(payload), zlib.crc32(payload)) + payload


CUT_RECORD = framed(bytes([CUT]))


def pack_names(number: int, names: tuple[str, ...]) -> bytes:
    return framed(_NUMBER.pack(NAMES, number) + "\n".join(names).encode())


def pack_fact(fact: dict[str, Any]) -> bytes:
    return framed(bytes([FACT]) + json.dumps(fact, separators=(",", ":")).encode())


def row_packer(count: int) -> struct.Struct:
    """Packs kind, number, step, time and `count` values."""
    return struct.Struct(f"<BHqd{count}d")


def unpack_names(payload: bytes) -> tuple[int, tuple[str, ...]]:
    return _NUMBER.unpack_from(payload)[1], tuple(payload[_NUMBER.size :].decode().split("\n"))


class Torn(NamedTuple):
    """No whole record begins here or behind."""

    at: int


class Damaged(NamedTuple):
    """Bytes that are no record, before one that is."""

    at: int
    end: int


def records(data: bytes, at: int = 0) -> Iterator[tuple[int, bytes] | Torn | Damaged]:
    """Each whole record from an offset on, as where it ends and its payload; at last a Torn.

    A cut anywhere costs what is behind the cut. Damage costs the records that it hits: the next whole one is looked for.
    """
    while at + FRAME.size <= len(data):
        end = _end_of(data, at)
        if end:
            yield end, data[at + FRAME.size : end]
            at = end
            continue
        found = next((place for place in range(at + 1, len(data) - FRAME.size) if _end_of(data, place)), 0)
        if not found:
            break
        yield Damaged(at, found)
        at = found
    yield Torn(at)


def _end_of(data: bytes, at: int) -> int:
    """Where the whole record that begins at an offset ends; 0 when none begins there."""
    length, crc = FRAME.unpack_from(data, at)
    end = at + FRAME.size + int(length)
    if not 0 < length <= LONGEST or end > len(data):
        return 0
    return end if zlib.crc32(data[at + FRAME.size : end]) == crc else 0
