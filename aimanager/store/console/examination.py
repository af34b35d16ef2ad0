"""Holds the console output of a run against what is kept beside it, and says what does not agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from ..chunks.checksum import Damaged
from ..console_tables import console_chunk, console_stream, console_writer
from . import chunk as packing
from .chunk import LONGEST_PAUSE, MS, Columns
from .screen import Cursor
from .tail import MOST_RANKS

_AT_ONCE = 8  # Chunks that are fetched together.
_OF_STREAMS = packing.HAS_STDOUT | packing.HAS_STDERR


def faults(connection: Connection, run: int) -> Iterator[tuple[str, str]]:
    """Where something is wrong with a run's console output, and what."""
    c = console_stream.c
    found = connection.execute(select(console_stream).where(c.run_no == run)).mappings().first()
    stream = None if found is None else dict(found)
    seen = _Seen()
    for row in _chunks(connection, run):
        yield from seen.add(row)
    if stream is not None:
        yield from _of_stream(stream, seen)
    elif seen.last:
        yield "console", f"it has lines up to {seen.last}, but the run has none"
    yield from _of_writers(connection, run, stream)


class _Seen:
    """What the chunks so far have in all."""

    def __init__(self) -> None:
        self.last = self.bytes = self.kinds = 0
        self.ranks: set[int] = set()
        self.is_whole = True

    def add(self, row: Row[Any]) -> Iterator[tuple[str, str]]:
        end = row.line_lo + row.n - 1
        place = f"console, lines {row.line_lo} to {end}"
        if row.line_lo > self.last + 1:
            yield f"console, lines {self.last + 1} to {row.line_lo - 1}", "they are not there"
        elif row.line_lo <= self.last:
            yield place, f"they begin before line {self.last} of the chunk before, which is its last"
        self.last = max(self.last, end)
        self.bytes += row.size
        try:
            columns = packing.unpack(row.body)
            columns.text.decode()
        except (Damaged, UnicodeDecodeError) as damage:
            self.is_whole = False
            yield place, f"they cannot be read: {damage}"
            return
        self.kinds |= row.kinds
        self.ranks |= set(columns.ranks[columns.ranks >= 0].tolist())
        for what in _differences(row, columns):
            yield place, what


def _differences(row: Row[Any], columns: Columns) -> Iterator[str]:
    """What the row says otherwise than its lines."""
    n = columns.text.count(b"\n") + 1
    if not row.n == n == len(columns.streams):
        yield f"the row says {row.n} lines, and there are {n}"
        return
    if row.size != len(columns.text) + 1:
        yield f"the row says {row.size} bytes of text, and there are {len(columns.text) + 1}"
    if row.kinds != packing.kinds_of(columns.batch()):
        yield "the row says otherwise which streams are there and whether there are colours"
    # Times are kept to the millisecond, and pauses of more than 24 days are shortened.
    is_exact = (np.abs(np.diff(columns.times)) < LONGEST_PAUSE * MS).all()
    times = columns.times.min(), columns.times.max()
    if is_exact and (row.time_lo // MS * MS, row.time_hi // MS * MS) != times:
        yield "the row says other times"


def _of_stream(stream: dict[str, Any], seen: _Seen) -> Iterator[tuple[str, str]]:
    """What the run's row says otherwise than its chunks."""
    if stream["lines"] > seen.last:
        yield f"console, lines {seen.last + 1} to {stream['lines']}", "they are not there"
    elif stream["lines"] < seen.last:
        yield "console", f"it has lines up to {seen.last}, the run's row says {stream['lines']}"
    if stream["bytes"] != seen.bytes:
        yield "console", f"it has {seen.bytes} bytes of text, the run's row says {stream['bytes']}"
    if stream["left_out"] < 0:
        yield "console", f"the run's row says that {stream['left_out']} lines were left out"
    try:
        ranks = json.loads(stream["ranks"])
        cursors = [Cursor(**cursor) for cursor in json.loads(stream["cursors"]).values()]
        outside = [row for cursor in cursors for row in cursor.rows if not 0 < row <= stream["lines"]]
    except (ValueError, TypeError, AttributeError):
        yield "console", "where its processes go on writing cannot be read"
        return
    if outside:
        yield "console", f"a process goes on writing in line {outside[0]}, which is not there"
    # What was written over may have been all that a stream or a rank said.
    if seen.kinds & _OF_STREAMS & ~stream["kinds"] or stream["kinds"] & ~_OF_STREAMS:
        yield "console", "the run's row says otherwise which streams it has"
    if not seen.ranks <= set(ranks) and len(ranks) < MOST_RANKS:
        yield "console", "the run's row does not name all of its ranks"


def _of_writers(connection: Connection, run: int, stream: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    c = console_writer.c
    writers = select(c.writer_id, c.last_line, c.last_seq).where(c.run_no == run).order_by(c.writer_id)
    for writer in connection.execute(writers).all():
        place = f"console, client {writer.writer_id!r}"
        if stream is None:
            yield place, "it sent lines, but the run has none"
        elif not 0 <= writer.last_line <= stream["lines"] or writer.last_seq < 1:
            yield place, f"its batch {writer.last_seq} ends with line {writer.last_line}, which is not there"


def _chunks(connection: Connection, run: int) -> Iterator[Row[Any]]:
    """All chunks in order, some at a time."""
    c = console_chunk.c
    query, at = select(console_chunk).where(c.run_no == run).order_by(c.line_lo).limit(_AT_ONCE), -(2**63)
    while rows := connection.execute(query.where(c.line_lo > at)).all():
        yield from rows
        at = rows[-1].line_lo
