"""The end of a run's console while a request is added to it: chunks are read when they are needed and written at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from ..chunks.checksum import Damaged
from ..console_tables import console_chunk
from . import chunk as packing
from .chunk import FULL, MOST_LINES, Line
from .screen import HEIGHT, SPECIAL, Cursor, write

_MOST_LOOKED_AT = 200_000  # Lines that a request may look at to find those above the cursor.
MOST_RANKS = 1024  # That are told apart in the list of those who wrote.


class _Chunk:
    """An unpacked chunk and what it is now."""

    def __init__(self, first: int, lines: list[Line]) -> None:
        self.first, self.lines, self.changed = first, lines, False
        self.is_damaged = False
        self.size = sum(_size(line.text) + 1 for line in lines)

    @property
    def full(self) -> bool:
        return self.size >= FULL or len(self.lines) >= MOST_LINES or self.is_damaged


class Tail:
    """The lines of a run from the end. `stream` is its row in console_stream."""

    def __init__(self, connection: Connection, stream: Mapping[str, Any]) -> None:
        self._connection, self.run = connection, stream["run_no"]
        self._stream = dict(stream)
        self._ranks = set(json.loads(stream["ranks"]))
        self._cursors = {key: Cursor(**cursor) for key, cursor in json.loads(stream["cursors"]).items()}
        self._chunks: list[_Chunk] = []  # The last ones, in order.
        self._end: _Chunk | None = None  # The chunk to which was added.
        self._looked_at = 0
        self._kinds: int = stream["kinds"]
        self.last = stream["lines"]
        self.bytes = stream["bytes"]

    def add(self, line: Line, partial: bool) -> None:
        """Write a line as its process would on a terminal."""
        stream, rank, _, text = line
        key = f"{stream}:{rank}" if self._cursors else ""
        if not partial and key not in self._cursors and not SPECIAL.search(text):  # Most lines.
            self.append(line)
        else:
            self._write(f"{stream}:{rank}", line, partial)
        self._kinds |= packing.HAS_STDERR if stream else packing.HAS_STDOUT
        if rank not in self._ranks and rank >= 0 and len(self._ranks) < MOST_RANKS:
            self._ranks.add(rank)

    def _write(self, key: str, line: Line, partial: bool) -> None:
        cursor = self._cursors.get(key) or Cursor()
        cursor.rows = [row for row in cursor.rows if row > self.last - HEIGHT and self._is_readable(row)]
        write(_Rows(self, line), cursor, line.text, partial)
        if cursor.is_plain:
            self._cursors.pop(key, None)
        else:
            self._cursors[key] = cursor

    def leave_out(self, count: int) -> None:
        """Count lines for which there is no room."""
        self._stream["left_out"] += count

    def append(self, line: Line) -> int:
        chunk = self._end or self._chunk_of(self.last)
        if chunk is None or chunk.full:
            chunk = _Chunk(self.last + 1, [])
            self._chunks.append(chunk)
        self._end = chunk
        chunk.lines.append(line)
        self._grow(chunk, _size(line.text) + 1)
        self.last += 1
        return self.last

    def line(self, number: int) -> Line:
        chunk = self._chunk_of(number)
        assert chunk is not None  # noqa: S101 - only lines that are there are asked for
        return chunk.lines[number - chunk.first]

    def replace(self, number: int, line: Line) -> None:
        chunk = self._chunk_of(number)
        assert chunk is not None  # noqa: S101
        at = number - chunk.first
        growth = _size(line.text) - _size(chunk.lines[at].text)
        chunk.lines[at] = line
        self._grow(chunk, growth)

    def before(self, number: int | None, like: Line) -> int | None:
        """The nearest line above one, or above the end, that the same process wrote."""
        above = self.last if number is None else number - 1
        while above > max(0, self.last - HEIGHT) and self._looked_at < _MOST_LOOKED_AT:
            self._looked_at += 1
            if not self._is_readable(above):
                return None
            line = self.line(above)
            if (line.stream, line.rank) == (like.stream, like.rank):
                return above
            above -= 1
        return None

    def chunk_rows(self) -> list[dict[str, Any]]:
        """The rows of what has changed."""
        return [self._row(chunk) for chunk in self._chunks if chunk.changed]

    def stream_row(self) -> dict[str, Any]:
        """The run's row as it is now."""
        cursors = {key: cursor.as_json() for key, cursor in self._cursors.items()}
        return self._stream | {
            "lines": self.last,
            "bytes": self.bytes,
            "kinds": self._kinds,
            "ranks": json.dumps(sorted(self._ranks)),
            "cursors": json.dumps(cursors),
        }

    def _grow(self, chunk: _Chunk, growth: int) -> None:
        chunk.size += growth
        self.bytes += growth
        chunk.changed = True

    def _chunk_of(self, number: int) -> _Chunk | None:
        """The chunk that has a line, None for line 0."""
        while number and (not self._chunks or number < self._chunks[0].first):
            c = console_chunk.c
            below = self._chunks[0].first if self._chunks else self.last + 1
            query = select(c.line_lo, c.body).where(c.run_no == self.run, c.line_lo < below)
            first, body = self._connection.execute(query.order_by(c.line_lo.desc()).limit(1)).one()
            self._chunks.insert(0, _read(first, body))
        return next((chunk for chunk in reversed(self._chunks) if chunk.first <= number), None) if number else None

    def _is_readable(self, number: int) -> bool:
        chunk = self._chunk_of(number)
        return chunk is not None and not chunk.is_damaged

    def _row(self, chunk: _Chunk) -> dict[str, Any]:
        times = [line.time for line in chunk.lines]
        return {
            "run_no": self.run,
            "line_lo": chunk.first,
            "n": len(chunk.lines),
            "time_lo": min(times),
            "time_hi": max(times),
            "size": chunk.size,
            "kinds": packing.kinds_of(chunk.lines),
            "body": packing.pack(chunk.lines, chunk.full),
        }


def _read(first: int, body: bytes) -> _Chunk:
    """A chunk; one that is damaged is left as it is, and what comes next begins another one."""
    try:
        return _Chunk(first, packing.unpack(body).lines())
    except Damaged:
        damaged = _Chunk(first, [])
        damaged.is_damaged = True
        return damaged


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


class _Rows:
    """The lines of one process; what is written now has the time of the line at hand."""

    def __init__(self, tail: Tail, line: Line) -> None:
        self._tail, self._line = tail, line

    def append(self, text: str) -> int:
        return self._tail.append(self._line._replace(text=text))

    def text(self, number: int) -> str:
        return self._tail.line(number).text

    def replace(self, number: int, text: str) -> None:
        self._tail.replace(number, self._line._replace(text=text))

    def before(self, number: int | None) -> int | None:
        return self._tail.before(number, self._line)
