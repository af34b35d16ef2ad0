"""The end of a run's console while a request is added to it: chunks are read when they are needed and written at the end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.engine import Connection

from ..chunks.checksum import Damaged
from ..console_tables import console_chunk
from . import chunk as packing
from .chunk import FULL, MOST_LINES, Batch, Line
from .screen import HEIGHT, LONGEST_COLOURS, Cursor, is_plain, may_be_special, write

_MOST_LOOKED_AT = 200_000  # Lines that a request may look at to find those above the cursor.
MOST_RANKS = 1024  # That are told apart in the list of those who wrote.


class Prepared:
    """Lines with what is known of them before the database is asked: how long they are, and which need a screen."""

    def __init__(self, lines: Batch, partial: Set[int]) -> None:
        self.lines, self.partial = lines, partial
        texts = lines.texts
        together = "".join(texts)
        lengths = map(len, texts) if together.isascii() else (len(text.encode()) for text in texts)
        self.sizes = np.fromiter(lengths, np.int64, len(texts)) + 1  # Bytes, with the line's end.
        self.size = int(self.sizes.sum())
        special = partial
        if may_be_special(together):
            special = special | {place for place, text in enumerate(texts) if not is_plain(text)}
        self.special = sorted(special)


class _Chunk:
    """An unpacked chunk of so many bytes of text, line ends included, and what it is now."""

    def __init__(self, first: int, lines: Batch, size: int = 0) -> None:
        self.first, self.lines, self.size, self.changed = first, lines, size, False
        self.is_damaged = False

    @property
    def full(self) -> bool:
        return self.size >= FULL or len(self.lines.texts) >= MOST_LINES or self.is_damaged

    def take(self, sent: Prepared, start: int, stop: int) -> int:
        """Add lines until it is full; where the next one is that did not fit."""
        stop = min(stop, start + MOST_LINES - len(self.lines.texts))
        ends = self.size + np.cumsum(sent.sizes[start:stop])
        stop = min(stop, start + 1 + int(np.searchsorted(ends, FULL)))
        self.lines.extend(sent.lines.part(start, stop))
        return stop


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

    def write(self, sent: Prepared, most: int) -> int:
        """Write lines as their processes would on a terminal, up to `most` bytes of all; how many had no room."""
        number = len(sent.lines.texts)
        if self.bytes + sent.size + number * LONGEST_COLOURS > most:  # Said again, colours take room too.
            return self._write_what_fits(sent, most)
        at = 0
        for place in (*sent.special, number):
            self._add_plain(sent, at, place)
            if place < number:
                self._add(sent.lines.line(place), place in sent.partial)
            at = place + 1
        return 0

    def _write_what_fits(self, sent: Prepared, most: int) -> int:
        number = len(sent.lines.texts)
        for place in range(number):
            if self.bytes + len(sent.lines.texts[place]) > most:
                self._stream["left_out"] += number - place
                return number - place
            self._add(sent.lines.line(place), place in sent.partial)
        return 0

    def _add_plain(self, sent: Prepared, at: int, stop: int) -> None:
        """Most lines: nothing was written over, and no cursor stands elsewhere than below the last line."""
        while self._cursors and at < stop:
            self._add(sent.lines.line(at), False)
            at += 1
        self._wrote(set(sent.lines.streams[at:stop]), dict.fromkeys(sent.lines.ranks[at:stop]))
        while at < stop:
            chunk = self._open_chunk()
            end = chunk.take(sent, at, stop)
            self._grow(chunk, int(sent.sizes[at:end].sum()))
            self.last += end - at
            at = end

    def _add(self, line: Line, partial: bool) -> None:
        stream, rank, _, text = line
        key = f"{stream}:{rank}"
        if not partial and key not in self._cursors and is_plain(text):
            self.append(line)
        else:
            self._draw(key, line, partial)
        self._wrote((stream,), (rank,))

    def _wrote(self, streams: Iterable[int], ranks: Iterable[int]) -> None:
        for stream in streams:
            self._kinds |= packing.HAS_STDERR if stream else packing.HAS_STDOUT
        for rank in ranks:
            if rank not in self._ranks and rank >= 0 and len(self._ranks) < MOST_RANKS:
                self._ranks.add(rank)

    def _draw(self, key: str, line: Line, partial: bool) -> None:
        cursor = self._cursors.get(key) or Cursor()
        cursor.rows = [row for row in cursor.rows if row > self.last - HEIGHT and self._is_readable(row)]
        write(_Rows(self, line), cursor, line.text, partial)
        if cursor.is_plain:
            self._cursors.pop(key, None)
        else:
            self._cursors[key] = cursor

    def append(self, line: Line) -> int:
        chunk = self._open_chunk()
        chunk.lines.extend(Batch.of([line]))
        self._grow(chunk, _size(line.text) + 1)
        self.last += 1
        return self.last

    def _open_chunk(self) -> _Chunk:
        """The chunk to which the next line is added."""
        chunk = self._end or self._chunk_of(self.last)
        if chunk is None or chunk.full:
            chunk = _Chunk(self.last + 1, Batch.of(()))
            self._chunks.append(chunk)
        self._end = chunk
        return chunk

    def line(self, number: int) -> Line:
        chunk = self._chunk_of(number)
        assert chunk is not None  # noqa: S101 - only lines that are there are asked for
        return chunk.lines.line(number - chunk.first)

    def replace(self, number: int, line: Line) -> None:
        chunk = self._chunk_of(number)
        assert chunk is not None  # noqa: S101
        at = number - chunk.first
        growth = _size(line.text) - _size(chunk.lines.texts[at])
        chunk.lines.replace(at, at + 1, Batch.of([line]))
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
        times = chunk.lines.times
        return {
            "run_no": self.run,
            "line_lo": chunk.first,
            "n": len(times),
            "time_lo": min(times),
            "time_hi": max(times),
            "size": chunk.size,
            "kinds": packing.kinds_of(chunk.lines),
            "body": packing.pack(chunk.lines, chunk.full),
        }


def _read(first: int, body: bytes) -> _Chunk:
    """A chunk; one that is damaged is left as it is, and what comes next begins another one."""
    try:
        columns = packing.unpack(body)
        return _Chunk(first, columns.batch(), len(columns.text) + 1)
    except Damaged:
        damaged = _Chunk(first, Batch.of(()))
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
