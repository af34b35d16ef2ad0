"""Lines of a console as bytes: columns, packed together, with a checksum.

    0xC3 | zstd( u8 1 | u32 n | u8 stream[n] | i32 rank[n] | i64 time | i32 ms[n] | text ) | CRC32C

Little endian. A rank of -1 is none. `time` is microseconds since 1970 of the first line, `ms` how much later than the line before
each one is (the first one 0). The text is UTF-8, its lines parted by a line feed, which no line has. An interval that has
no room in `ms` is shortened to what has.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import zstandard
from numpy.typing import NDArray

from ..chunks import checksum

STDOUT, STDERR = 0, 1
STREAMS = ("stdout", "stderr")
NO_RANK = -1
# What a chunk has: lines of a stream, escape sequences.
HAS_STDOUT, HAS_STDERR, HAS_ESCAPES = 1, 2, 4

FULL = 128 * 1024  # Bytes of text: a chunk that has so many is not added to. Lines are found by unpacking one chunk.
MOST_LINES = 8192
_LEVEL, _LEVEL_WHEN_FULL = 1, 3
_HEAD = struct.Struct("<BI")
MS = 1000
LONGEST_PAUSE = 2**31 - 1
ESCAPES = re.compile(rb"\x1b\[[0-9;:]*m")


class Line(NamedTuple):
    """One line; `time` in microseconds since 1970, kept to the millisecond."""

    stream: int
    rank: int
    time: int
    text: str


class Batch(NamedTuple):
    """Lines as lists of what they have: many of them cost little that way."""

    streams: list[int]
    ranks: list[int]
    times: list[int]
    texts: list[str]

    @classmethod
    def of(cls, lines: Iterable[Line]) -> Batch:
        return cls(*map(list, zip(*lines, strict=True))) if (lines := list(lines)) else cls([], [], [], [])

    def line(self, at: int) -> Line:
        return Line(self.streams[at], self.ranks[at], self.times[at], self.texts[at])

    def replace(self, start: int, stop: int, other: Batch) -> None:
        """Put other lines in the place of some."""
        self.streams[start:stop] = other.streams
        self.ranks[start:stop] = other.ranks
        self.times[start:stop] = other.times
        self.texts[start:stop] = other.texts

    def part(self, start: int, stop: int) -> Batch:
        return Batch(self.streams[start:stop], self.ranks[start:stop], self.times[start:stop], self.texts[start:stop])

    def extend(self, other: Batch) -> None:
        self.replace(len(self.texts), len(self.texts), other)


class Columns(NamedTuple):
    """An unpacked chunk; times in microseconds."""

    streams: NDArray[np.uint8]
    ranks: NDArray[np.int32]
    times: NDArray[np.int64]
    text: bytes

    def batch(self) -> Batch:
        texts = self.text.decode().split("\n")
        return Batch(self.streams.tolist(), self.ranks.tolist(), self.times.tolist(), texts)

    def lines(self) -> list[Line]:
        return list(map(Line, *self.batch()))


def pack(lines: Batch, full: bool) -> bytes:
    """Lines as bytes; a chunk that will not be written again is packed tighter."""
    times = np.array(lines.times, np.int64) // MS
    pauses = np.diff(times, prepend=times[:1]).clip(-LONGEST_PAUSE, LONGEST_PAUSE).astype("<i4")
    parts = (
        _HEAD.pack(1, len(lines.texts)),
        bytes(lines.streams),
        np.array(lines.ranks, "<i4").tobytes(),
        struct.pack("<q", lines.times[0] // MS * MS),
        pauses.tobytes(),
        "\n".join(lines.texts).encode(),
    )
    packer = zstandard.ZstdCompressor(level=_LEVEL_WHEN_FULL if full else _LEVEL)
    return checksum.add(packer.compress(b"".join(parts)))


def unpack(body: bytes) -> Columns:
    """The columns of a chunk. Raises checksum.Damaged."""
    try:
        data = zstandard.ZstdDecompressor().decompress(checksum.body(body))
        version, n = _HEAD.unpack_from(data)
        if version != 1:
            raise checksum.Damaged(f"a chunk of version {version}")
        at = _HEAD.size
        streams = np.frombuffer(data, np.uint8, n, at)
        ranks = np.frombuffer(data, "<i4", n, at + n)
        (first,) = struct.unpack_from("<q", data, at + 5 * n)
        pauses = np.frombuffer(data, "<i4", n, at + 5 * n + 8)
    except (zstandard.ZstdError, struct.error, ValueError) as error:
        raise checksum.Damaged(str(error)) from error
    return Columns(streams, ranks, first + np.cumsum(pauses, dtype=np.int64) * MS, data[at + 9 * n + 8 :])


def kinds_of(lines: Batch) -> int:
    """What a chunk of these lines has, as flags."""
    streams = set(lines.streams)
    escapes = HAS_ESCAPES if any("\x1b" in text for text in lines.texts) else 0
    return HAS_STDOUT * (STDOUT in streams) | HAS_STDERR * (STDERR in streams) | escapes


def plain(columns: Columns, kinds: int) -> bytes:
    """The text as it is read, without escape sequences."""
    return ESCAPES.sub(b"", columns.text) if kinds & HAS_ESCAPES else columns.text
