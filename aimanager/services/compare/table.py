"""Runs side by side: a row a key, a column a run, and how far each value is from that of a baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..run_list.direction import better
from .runs import Compared
from .values import Of, config_keys, identity, is_number, metric_names, metric_value

Kind = Literal["run", "config", "metric"]


@dataclass(frozen=True)
class Delta:
    """A value minus that of the baseline. `percent` is of the baseline's size, None where that is 0.

    `verdict` says whether it is better or worse by the metric's direction; None where nothing is said of it.
    """

    absolute: float
    percent: float | None
    verdict: Literal["better", "worse"] | None


@dataclass(frozen=True)
class Cell:
    value: Any
    delta: Delta | None = None
    best: bool = False


@dataclass(frozen=True)
class Row:
    kind: Kind
    key: str
    cells: Sequence[Cell]
    differs: bool


@dataclass(frozen=True)
class Table:
    """`rows` are those that were asked for; `total` and `differing` count those of all keys."""

    rows: Sequence[Row]
    total: int
    differing: int


def table(
    runs: Sequence[Compared], of: Of = "last", base: int | None = None, differing_only: bool = False, search: str = ""
) -> Table:
    """The config and the metrics of runs. `base` is the id of the run that the others are compared with; `search` is words
    that a key must have."""
    at = next((place for place, one in enumerate(runs) if one.id == base), None)
    words = search.casefold().split()
    rows = [*_facts(runs), *_of_config(runs, at), *_of_metrics(runs, of, at)]
    counted = [row for row in rows if row.kind != "run"]
    return Table(
        [
            row
            for row in rows
            if (row.differs or not differing_only) and all(word in row.key.casefold() for word in words)
        ],
        len(counted),
        sum(row.differs for row in counted),
    )


def delta(value: Any, base: Any, direction: Literal["min", "max"] | None = None) -> Delta | None:
    """How far a number is from another one; None where either is no finite number."""
    if not (is_number(value) and is_number(base) and math.isfinite(value) and math.isfinite(base)):
        return None
    absolute = value - base
    if not math.isfinite(absolute):
        return None
    percent = absolute / abs(base) * 100 if base else None
    if percent is not None and not math.isfinite(percent):
        percent = None
    verdict: Literal["better", "worse"] | None = None
    if direction and absolute:
        verdict = "better" if (absolute < 0) == (direction == "min") else "worse"
    return Delta(absolute, percent, verdict)


def _facts(runs: Sequence[Compared]) -> list[Row]:
    """What tells the runs apart besides what they were told and what they came to."""
    facts: dict[str, list[Any]] = {
        "status": [str(one.state) for one in runs],
        "tags": [", ".join(one.run.tags) or None for one in runs],
        "started": [one.run.started_at for one in runs],
        "duration": [one.run.duration for one in runs],
    }
    if len({one.project.id for one in runs}) > 1:
        facts = {"project": [one.project.name for one in runs]} | facts
    return [Row("run", key, [*map(Cell, values)], len(set(values)) > 1) for key, values in facts.items()]


def _of_config(runs: Sequence[Compared], at: int | None) -> list[Row]:
    rows = []
    for key in config_keys(runs):
        values = [one.config.get(key) for one in runs]
        rows.append(Row("config", key, _cells(values, at), _differ(values)))
    return rows


def _of_metrics(runs: Sequence[Compared], of: Of, at: int | None) -> list[Row]:
    rows = []
    for name in metric_names(runs):
        values = [metric_value(one.metrics.get(name), of) for one in runs]
        rows.append(Row("metric", name, _cells(values, at, better(name), best=True), _differ(values)))
    return rows


def _cells(
    values: Sequence[Any], at: int | None, direction: Literal["min", "max"] | None = None, best: bool = False
) -> list[Cell]:
    base = values[at] if at is not None else None
    finite = [value for value in values if value is not None and is_number(value) and math.isfinite(value)]
    # Where all are alike nobody is the best.
    top = (min if direction == "min" else max)(finite) if best and len(set(finite)) > 1 else None
    return [
        Cell(value, delta(value, base, direction) if place != at else None, top is not None and value == top)
        for place, value in enumerate(values)
    ]


def _differ(values: Sequence[Any]) -> bool:
    return len({identity(value) for value in values}) > 1
