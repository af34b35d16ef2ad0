"""The columns of a table of runs: what they are called, where a click on their head leads, what is in their cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..models import Run
from ..services.table import Row, Table


@dataclass(frozen=True)
class Column:
    """`group` is the part of a metric's name before its last `/`, `label` the rest."""

    key: str
    title: str
    group: str
    label: str
    number: bool
    url: str


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


def columns_of(table: Table, sort: str, descending: bool, address: Callable[..., str]) -> list[Column]:
    """The facts, then the main metrics, then the config keys that differ. A second click turns the order round."""

    def column(key: str, label: str, number: bool = False, group: str = "", title: str = "") -> Column:
        # Names read best from A on; of numbers and times one looks for the large ones first.
        downwards = not descending if key == sort else key not in {"name", "tags"}
        return Column(
            key, title or label, group, label, number, address(sort=("-" if downwards else "") + key, skip=None)
        )

    facts = [column("name", "name"), column("tags", "tags"), column("created", "created", True),
             column("duration", "duration", True)]  # fmt: skip
    metrics = []
    for name in table.metrics:
        group, _, label = name.rpartition("/")
        metrics.append(column(f"metric:{name}", label or name, True, group if label else "", name))
    config = [column(f"config:{key}", key, _numeric(table.rows, key), title=key) for key in table.config]
    return [*facts, *metrics, *config]


def with_cells(table: Table, columns: Sequence[Column]) -> list[ShownRow]:
    numeric = {column.key for column in columns if column.number}
    return [
        ShownRow(
            row.run,
            row.state,
            [Cell(row.metrics[name].last if name in row.metrics else None, number=True) for name in table.metrics]
            + [Cell(row.config.get(key), f"config:{key}" in numeric, config=True) for key in table.config],
        )
        for row in table.rows
    ]


def _numeric(rows: Sequence[Row], key: str) -> bool:
    values = [row.config[key] for row in rows if row.config.get(key) is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
