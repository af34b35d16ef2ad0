"""The columns of a table of runs: what they are called, where a click on their head leads, what is in their cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..models import Run
from ..services.run_list.filters import VALUES, metric, metric_text
from ..services.run_list.order import Order
from ..services.run_list.table import Row, Table
from ..store.shapes import Statistic


@dataclass(frozen=True)
class Value:
    """One of a metric's values, and the address that shows it and sorts by it."""

    of: Statistic
    url: str


@dataclass(frozen=True)
class Column:
    """`group` is the part of a metric's name before its last `/`, `label` the rest; `of` the value that is shown."""

    key: str
    title: str
    group: str
    label: str
    number: bool
    url: str
    of: Statistic = "last"
    values: Sequence[Value] = ()


@dataclass(frozen=True)
class Cell:
    value: Any
    number: bool = False
    config: bool = False

    @property
    def missing(self) -> bool:
        return self.value is None


@dataclass(frozen=True)
class ShownRow:
    run: Run
    state: str
    cells: Sequence[Cell]


def columns_of(table: Table, order: Order, shown: Mapping[str, Statistic], address: Callable[..., str]) -> list[Column]:
    """The facts, then the main metrics, then the config keys that differ. A second click turns the order round.

    `shown` says which value of a metric is to be seen where it is not the last one.
    """

    def link(text: str, downwards: bool, **changes: Any) -> str:
        return address(sort=("-" if downwards else "") + text, after=None, limit=None, **changes)

    def column(text: str, label: str, number: bool = False) -> Column:
        # Names read best from A on; of numbers and times one looks for the large ones first.
        downwards = not order.descending if text == order.text else text not in {"name", "tags"}
        return Column(text, label, "", label, number, link(text, downwards))

    def metric_column(name: str) -> Column:
        group, _, label = name.rpartition("/")
        of: Statistic = shown.get(name, "last")
        text = f"metric:{metric_text(name, of)}"
        downwards = not order.descending if text == order.text else of != "min"
        others = [metric_text(other, its) for other, its in shown.items() if other != name and its != "last"]
        values = [
            Value(
                value,
                link(
                    f"metric:{metric_text(name, value)}",
                    value != "min",
                    show=others + ([metric_text(name, value)] if value != "last" else []),
                ),
            )
            for value in VALUES
        ]
        return Column(text, name, group if label else "", label or name, True, link(text, downwards), of, values)

    facts = [column("name", "Name"), column("tags", "Tags"), column("created", "Created", True),
             column("duration", "Duration", True)]  # fmt: skip
    config = [column(f"config:{key}", key, _numeric(table.rows, key)) for key in table.config]
    return [*facts, *map(metric_column, table.metrics), *config]


def values_shown(order: Order, conditions: Mapping[str, Statistic], chosen: Sequence[str]) -> dict[str, Statistic]:
    """Which value of a metric a table shows: the one it is sorted by, else the chosen one, else that of its condition."""
    shown = dict(conditions) | dict(map(metric, chosen))
    return shown | {order.name: order.of} if order.kind == "metric" else shown


def with_cells(table: Table, columns: Sequence[Column]) -> list[ShownRow]:
    numeric = {column.key for column in columns if column.number}
    shown = [(column.title, column.of) for column in columns if column.values]
    return [
        ShownRow(
            row.run,
            row.state,
            [Cell(getattr(row.metrics.get(name), of, None), number=True) for name, of in shown]
            + [Cell(row.config.get(key), f"config:{key}" in numeric, config=True) for key in table.config],
        )
        for row in table.rows
    ]


def _numeric(rows: Sequence[Row], key: str) -> bool:
    values = [row.config[key] for row in rows if row.config.get(key) is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
