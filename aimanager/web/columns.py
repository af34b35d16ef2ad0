"""The heads and cells of a table of runs: what columns are called, where a click on them leads, what is in their cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from markupsafe import Markup

from ..models import Run
from ..services.run_list import columns
from ..services.run_list.columns import Column
from ..services.run_list.direction import better
from ..services.run_list.order import Order
from ..services.run_list.table import Table
from .cells import writer

MOST = 100  # Columns of which an address says something.
NARROWEST, WIDEST = 40, 1000  # Pixels.
LABELS = {
    "name": "Name",
    "status": "Status",
    "tags": "Tags",
    "created": "Created",
    "duration": "Duration",
    "notes": "Notes",
}
_NUMBERS = {"created", "duration"}  # Facts that are aligned right.


@dataclass(frozen=True)
class Head:
    """`key` is the column's name in an address. `group` is the part of a metric's name before its last `/`, `label` the rest; `of` the
    value that is shown, `base` the key of its last value, and `better` which
    of its values are good ones, `min` or `max`. `url` sorts by the column, or turns the
    order round; None where that cannot be. `sorted` is `ascending` or `descending`, `place` which of the order's keys the column
    is, from 1; 0 where it is none. `width` is in pixels, None where nobody chose one."""

    key: str
    kind: columns.Kind
    title: str
    group: str
    label: str
    number: bool
    url: str | None
    sorted: str = ""
    place: int = 0
    of: str = ""
    pinned: bool = False
    width: int | None = None
    base: str = ""
    better: str = ""


@dataclass(frozen=True)
class Cell:
    """The value of a metric or of the config as HTML, or which of the run's own facts is shown."""

    html: Markup | None
    fact: str = ""


@dataclass(frozen=True)
class ShownRow:
    run: Run
    state: str
    cells: Sequence[Cell]


def chosen(keys: Sequence[str]) -> list[Column]:
    """The columns that an address names; what is none is left out."""
    return [column for key in keys[:MOST] if (column := columns.read(key[:400]))]


def widths(texts: Sequence[str]) -> dict[str, int]:
    """`config.lr:120` as the width of a column by its key."""
    pairs = (text.rpartition(":") for text in texts[:MOST])
    return {
        key: min(max(int(pixels), NARROWEST), WIDEST)
        for key, _, pixels in pairs
        if pixels.isascii() and pixels.isdecimal() and len(pixels) < 6
    }


def heads(
    table: Table, order: Order, pins: Sequence[str], width_of: dict[str, int], address: Callable[..., str]
) -> tuple[Head, list[Head]]:
    """The head of the name, and those of a table's columns, pinned ones first in the order in which they were pinned.
    `address(**changes)` is the page's with some of its query changed."""
    keys = [column.key for column in table.columns]

    def head(column: Column, number: bool) -> Head:
        group, _, label = column.name.rpartition("/") if column.kind == "metric" else ("", "", column.name)
        title = LABELS.get(column.name, column.name) if column.kind == "fact" else column.name
        place, sort = next(((n, key) for n, key in enumerate(order.keys, 1) if _is(key, column)), (0, None))
        return Head(
            column.key, column.kind, title, group if label else "", label if column.kind != "fact" and label else title,
            number=number,
            url=_sort_link(column, not sort.descending if sort else None, address),
            sorted=("descending" if sort.descending else "ascending") if sort else "",
            place=place,
            of=column.of if column.kind == "metric" else "",
            pinned=column.key in pins,
            width=width_of.get(column.key),
            base=Column("metric", column.name).key if column.kind == "metric" else "",
            better=better(column.name) if column.kind == "metric" else "",
        )  # fmt: skip

    made = {
        column.key: head(column, _is_number(column, [row.values[place] for row in table.rows]))
        for place, column in enumerate(table.columns)
    }
    first = dict.fromkeys(key for key in pins if key in made)
    return head(Column("fact", "name"), False), [
        made[key] for key in [*first, *(key for key in keys if key not in first)]
    ]


def _is(key: Order, column: Column) -> bool:
    return (key.kind, key.name) == (column.kind, column.name) and (column.kind != "metric" or key.of == column.stored)


def sort_keys(order: Order) -> list[str]:
    """The keys of an order as an address has them; none for the order in which runs are when nobody chose one."""
    if order == Order():
        return []
    return [("-" if key.descending else "") + Column(key.kind, key.name, key.of).key for key in order.keys]


def sort_key(column: Column) -> str | None:
    """What the address's `sort` has for the column, None if runs cannot be sorted by it."""
    if column.name == "notes" or column.stored == "mean":
        return None
    return Column("metric", column.name, column.stored).key if column.kind == "metric" else column.key


def _sort_link(column: Column, downwards: bool | None, address: Callable[..., str], **changes: Any) -> str | None:
    """Names read best from A on; of numbers and times one looks for the large ones first, of losses for the small ones."""
    key = sort_key(column)
    if key is None:
        return None
    if downwards is None:
        small_first = column.stored == "min" or (column.of == "last" and better(column.name) == "min")
        downwards = not small_first if column.kind == "metric" else column.name not in {"name", "tags", "status"}
    return address(sort=("-" if downwards else "") + key, after=None, limit=None, **changes)


def with_cells(table: Table, heads: Sequence[Head]) -> list[ShownRow]:
    """The rows with a cell under each head."""
    place_of = {column.key: place for place, column in enumerate(table.columns)}
    by_column = [_cells(head, [row.values[place_of[head.key]] for row in table.rows]) for head in heads]
    cells = zip(*by_column, strict=True) if heads else repeat([])
    return [ShownRow(row.run, row.state, of_row) for row, of_row in zip(table.rows, cells, strict=False)]


def _cells(head: Head, values: Sequence[Any]) -> list[Cell]:
    if head.kind == "fact":
        return [Cell(None, head.key)] * len(values)
    write = writer(head.kind, head.title, head.of, head.number)
    return [Cell(write(value)) for value in values]


def _is_number(column: Column, values: Sequence[Any]) -> bool:
    if column.kind != "config":
        return column.kind == "metric" or column.name in _NUMBERS
    values = [value for value in values if value is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
