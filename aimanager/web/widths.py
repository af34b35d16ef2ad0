"""How wide the columns of a table of runs are when nobody chose: as wide as what they show, within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from ..services.run_list.table import Row, Table
from .columns import Head
from .grouped import ShownGroups

FACTS = {"created": 104, "duration": 108, "status": 96, "notes": 220}  # Pixels.
NARROWEST, WIDEST, WIDEST_TAGS = 84, 220, 280
LETTER, AROUND, ARROW = 7, 32, 16  # A letter of a head, the space around it, and the arrow of a column that is sorted.
WITH_EXPONENT = 116  # A number as long as −4.162e−12: one that is cut would seem to be another.
WITH_DEVIATION = 172  # A mean with its deviation.
NAME = 200  # Of a run.
NARROWEST_NAME, WIDEST_NAME = 128, 176  # Of a group: beside it two metrics fit into half of a small screen.
BOLD_LETTER, SMALL_LETTER, AROUND_NAME = 7.6, 6, 22
TAG_LETTER, AROUND_TAG, BETWEEN_TAGS, AROUND_TAGS = 6.5, 16, 4, 26


def natural(heads: Sequence[Head], table: Table, grouped: bool) -> dict[str, int]:
    """The width of each column in pixels, by its key."""
    place_of = {column.key: place for place, column in enumerate(table.columns)}
    return {
        head.key: _of_column(head, table.rows, [row.values[place_of[head.key]] for row in table.rows], grouped)
        for head in heads
    }


def _of_column(head: Head, rows: Sequence[Row], values: Sequence[Any], grouped: bool) -> int:
    if head.key in FACTS:
        return FACTS[head.key]
    if head.key == "tags":
        return _of_tags(rows)
    label = len(head.label) + (len(head.of) + 1 if head.of != "last" else 0)
    of_head = max(label, len(head.group) + 1) * LETTER + AROUND + (ARROW if head.sorted else 0)
    least = NARROWEST
    if grouped and head.number:
        least = WITH_DEVIATION
    elif head.kind == "metric" and any(map(_has_exponent, values)):
        least = WITH_EXPONENT
    return min(max(of_head, least), WIDEST)


def _has_exponent(value: Any) -> bool:
    """Whether `short` writes a number with a power of ten."""
    return isinstance(value, float) and value != 0 and isfinite(value) and not 1e-3 <= abs(value) < 1e6


def of_name(shown_groups: ShownGroups | None) -> int:
    """The width of the column of names: of runs, or of groups, which have their first value in one line and the others below."""
    if shown_groups is None:
        return NAME
    lines = [
        max(len(group.values[0]) * BOLD_LETTER, len(group.rest) * SMALL_LETTER)
        for group in shown_groups.groups
        if group.values
    ]
    return round(min(max(max(lines, default=0) + AROUND_NAME, NARROWEST_NAME), WIDEST_NAME))


def _of_tags(rows: Sequence[Row]) -> int:
    def width(tags: Sequence[str]) -> float:
        return sum(len(tag) * TAG_LETTER + AROUND_TAG for tag in tags) + BETWEEN_TAGS * (len(tags) - 1)

    widest = max((width(row.run.tags) for row in rows if row.run.tags), default=0)
    return round(min(max(widest + AROUND_TAGS, NARROWEST), WIDEST_TAGS))
