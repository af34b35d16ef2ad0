"""Lines out of the database: some of them, or where a text is found. What a call looks at has a bound."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ...db.engine import Database
from ..base import DamagedConsole
from ..chunks.checksum import Damaged
from ..console_tables import console_chunk, console_stream
from . import chunk as packing
from .chunk import STREAMS, Columns, Line
from .screen import HEIGHT

MOST_HITS = 10_000  # Of one look.
_LOOKED_AT = 16 << 20  # Bytes of text, unpacked, that are looked at in one call.
_AT_ONCE = 8  # Chunks that are fetched together.


@dataclass(frozen=True)
class Extent:
    """How much console output a run has. Lines up to `settled` are never written over any more."""

    last_line: int = 0
    bytes: int = 0
    left_out: int = 0
    streams: Sequence[str] = ()
    ranks: Sequence[int] = ()

    @property
    def settled(self) -> int:
        return max(0, self.last_line - HEIGHT)


@dataclass(frozen=True)
class Some:
    """Numbered lines in order, and from where to where was looked: what lies beyond is asked for next."""

    lines: Sequence[tuple[int, Line]]
    first: int
    last: int


@dataclass(frozen=True)
class Hits:
    """The numbers of lines that have a text, in order, and from where to where was looked."""

    lines: Sequence[int]
    first: int
    last: int


@dataclass(frozen=True)
class Only:
    """Which lines are wanted: None is all. `text` is found in any case, in the text as it is read."""

    stream: str | None = None
    rank: int | None = None
    text: str | None = None
    _needle: bytes = field(init=False, repr=False, default=b"")

    def __post_init__(self) -> None:
        object.__setattr__(self, "_needle", (self.text or "").lower().encode())

    def may_be_in(self, kinds: int) -> bool:
        wanted = {"stdout": packing.HAS_STDOUT, "stderr": packing.HAS_STDERR}.get(self.stream or "", 0)
        return not wanted or bool(kinds & wanted)

    def mask(self, columns: Columns, kinds: int) -> NDArray[np.bool_]:
        """Which of a chunk's lines are wanted."""
        mask = np.ones(len(columns.times), bool)
        if self.stream is not None:
            mask &= columns.streams == STREAMS.index(self.stream)
        if self.rank is not None:
            mask &= columns.ranks == self.rank
        if self._needle and mask.any():
            text = _lower(packing.plain(columns, kinds))
            # Most chunks have none, which one look says.
            found = [self._needle in line for line in text.split(b"\n")] if self._needle in text else False
            mask &= np.array(found)
        return mask


def _lower(text: bytes) -> bytes:
    return text.lower() if text.isascii() else text.decode().lower().encode()


class Reading:
    """The way out; safe to use from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def extent(self, run: int) -> Extent:
        with self._database.reading() as connection:
            return _extent(connection, run)

    def last_lines(self, runs: Sequence[int]) -> dict[int, int]:
        """The number of the last line of each run that has one."""
        c = console_stream.c
        with self._database.reading() as connection:
            rows = connection.execute(select(c.run_no, c.lines).where(c.run_no.in_(runs)))
            return {row.run_no: row.lines for row in rows}

    def forward(self, run: int, after: int, limit: int, only: Only = Only()) -> Some:  # noqa: B008 - it never changes
        """The first lines after one, as many as are wanted and found in one look."""
        found: list[tuple[int, Line]] = []
        last = after
        for first, columns, mask in self._chunks(run, only, after=after):
            numbers = np.flatnonzero(mask & (np.arange(len(mask)) + first > after))[: limit - len(found)]
            found += _taken(columns, first, numbers)
            last = first + len(mask) - 1
            if len(found) >= limit:
                last = found[-1][0] if found else after
                break
        return Some(found, after + 1, last)

    def backward(self, run: int, before: int, limit: int, only: Only = Only()) -> Some:  # noqa: B008
        """The last lines before one, as many as are wanted and found in one look; in order."""
        found: list[tuple[int, Line]] = []
        top, last = before, before - 1
        for first, columns, mask in self._chunks(run, only, before=before):
            numbers = np.flatnonzero(mask & (np.arange(len(mask)) + first < before))
            numbers = numbers[max(0, len(numbers) - (limit - len(found))) :]
            found = _taken(columns, first, numbers) + found
            top = first
            if len(found) >= limit:
                top = found[0][0] if found else before
                break
        return Some(found, top, last)

    def hits(self, run: int, only: Only, after: int | None = None, before: int | None = None) -> Hits:
        """Where the wanted lines are, after one or before one."""
        forwards, bound = after is not None, after if after is not None else before or 1
        found: list[int] = []
        low, high = (bound + 1, bound) if forwards else (bound, bound - 1)
        for first, _, mask in self._chunks(run, only, after, before):
            numbers = np.flatnonzero(mask) + first
            if forwards:
                found += numbers[numbers > bound].tolist()
                high = first + len(mask) - 1
            else:
                found = numbers[numbers < bound].tolist() + found
                low = first
            if len(found) >= MOST_HITS:
                break
        return Hits(found, low, high)

    def _chunks(
        self, run: int, only: Only, after: int | None = None, before: int | None = None
    ) -> Iterator[tuple[int, Columns, NDArray[np.bool_]]]:
        """First line, columns and wanted lines of the chunks from a line on, in either direction, up to the bound."""
        c = console_chunk.c
        looked_at, at = 0, after if after is not None else before or 1
        while looked_at < _LOOKED_AT:
            query = select(c.line_lo, c.n, c.size, c.kinds, c.body).where(c.run_no == run)
            if after is not None:
                # The chunk in which the next line lies begins before it.
                start = select(func.max(c.line_lo)).where(c.run_no == run, c.line_lo <= at + 1).scalar_subquery()
                query = query.where(c.line_lo >= start).order_by(c.line_lo)
            else:
                query = query.where(c.line_lo < at).order_by(c.line_lo.desc())
            with self._database.reading() as connection:
                rows = connection.execute(query.limit(_AT_ONCE)).all()
            for row in rows:
                at = row.line_lo + row.n - 1 if after is not None else row.line_lo
                if after is not None and at <= after:
                    continue
                looked_at += row.size
                yield row.line_lo, *_wanted(run, row, only)
                if looked_at >= _LOOKED_AT:
                    return
            if len(rows) < _AT_ONCE:
                return


_NOTHING = Columns(np.empty(0, np.uint8), np.empty(0, np.int32), np.empty(0, np.int64), b"")


def _wanted(run: int, row, only: Only) -> tuple[Columns, NDArray[np.bool_]]:
    if not only.may_be_in(row.kinds):
        return _NOTHING, np.zeros(row.n, bool)
    try:
        columns = packing.unpack(row.body)
    except Damaged as damage:
        raise DamagedConsole(run, row.line_lo, row.line_lo + row.n - 1, str(damage)) from None
    return columns, only.mask(columns, row.kinds)


def _taken(columns: Columns, first: int, numbers: NDArray[np.int64]) -> list[tuple[int, Line]]:
    if not len(numbers):
        return []
    texts = columns.text.split(b"\n")
    return [
        (first + at, Line(int(columns.streams[at]), int(columns.ranks[at]), int(columns.times[at]), texts[at].decode()))
        for at in numbers.tolist()
    ]


def _extent(connection: Connection, run: int) -> Extent:
    row = connection.execute(select(console_stream).where(console_stream.c.run_no == run)).first()
    if row is None:
        return Extent()
    streams = [
        name for name, kind in zip(STREAMS, (packing.HAS_STDOUT, packing.HAS_STDERR), strict=True) if row.kinds & kind
    ]
    return Extent(row.lines, row.bytes, row.left_out, streams, json.loads(row.ranks))
