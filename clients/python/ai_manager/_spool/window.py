"""The windows of a log, read back: what one batch sends."""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple, Union

from ai_manager._columns import Row
from ai_manager._spool.record import CUT, FACT, NAMES, POINTS, ROW, Damaged, Torn, records, unpack_names
from ai_manager._spool.segment import FileSegment, MemorySegment

Segment = Union[FileSegment, MemorySegment]

FIRST_READ = 1 << 20


class Window(NamedTuple):
    """Everything between two cuts."""

    segment: int
    start: int
    end: int  # Where the next window begins.
    rows: list[Row]
    facts: list[dict[str, Any]]
    damaged: int = 0  # Records that could not be read.

    @property
    def points(self) -> int:
        return sum(len(row.values) for row in self.rows)


def read_window(segment: Segment, start: int, is_over: bool) -> Window | None:
    """The window that begins at an offset; None when there is none, or none yet.

    Without a cut at its end it is one only if the segment `is_over`, that is, nothing will be appended: then the whole
    records that are there are the last window, and it reaches to the segment's end, whatever is torn there.
    """
    size = FIRST_READ
    while True:
        data = segment.read(start, size)
        window, is_cut = _parse(segment, start, data)
        if is_cut:
            return window
        if start + len(data) < segment.end and len(data) == size:
            size *= 4
            continue
        if not is_over or start >= segment.end:  # Nothing, or nothing yet.
            return None
        return window._replace(end=segment.end)


def _parse(segment: Segment, start: int, data: bytes) -> tuple[Window, bool]:
    """The records up to the first cut, and whether there is one."""
    rows: list[Row] = []
    facts: list[dict[str, Any]] = []
    sets: dict[int, tuple[tuple[str, ...], struct.Struct]] = {}
    damaged, at = 0, 0
    for entry in records(data):
        if isinstance(entry, Torn):
            break
        if isinstance(entry, Damaged):
            damaged += 1
            continue
        at, payload = entry
        kind = payload[0]
        if kind == POINTS:
            number, step, time = ROW.unpack_from(payload)[1:]
            if number not in sets:
                damaged += 1  # Its names were.
                continue
            names, values = sets[number]
            rows.append(Row(step, time, names, values.unpack_from(payload, ROW.size)))
        elif kind == NAMES:
            number, names = unpack_names(payload)
            sets[number] = names, struct.Struct(f"<{len(names)}d")
        elif kind == FACT:
            facts.append(json.loads(payload[1:]))
        elif kind == CUT:
            return Window(segment.number, start, start + at, rows, facts, damaged), True
    return Window(segment.number, start, start + at, rows, facts, damaged), False
