"""The columns of a table of runs: facts, values of metrics, keys of the config; which ones are shown when nobody chose."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa

from ...extensions import db, metric_store
from ...models import Run
from ...models.run_config import flat, with_summary
from ...store.shapes import Statistic
from . import configs
from .direction import better
from .filters import Filter
from .order import Order

Kind = Literal["fact", "metric", "config"]
Value = Literal["last", "min", "max", "mean", "best"]
VALUES: tuple[Value, ...] = get_args(Value)
FACTS = ("status", "tags", "created", "duration", "notes")
MOST_METRICS, BEST_OF = 5, 2  # Columns that fit beside the facts, and of how many of the metrics also the best value.
MOST_CONFIG = 4
LOOK_AT = 200  # Runs whose configs are compared to find the keys that differ.
_MAIN = re.compile(r"loss|acc|error|reward|return|score|f1|auc|bleu|perplexity|mse|mae|rmse", re.I)
_HELD_OUT = re.compile(r"val|test|eval|dev", re.I)
_ASIDE = re.compile(r"lr$|learning_rate|epoch|grad|norm|time|^sys|gpu|cpu|memory|throughput", re.I)


@dataclass(frozen=True)
class Column:
    """A fact by its name, a value of a metric, or what the config has under a key with dots. `of` is a metric's value."""

    kind: Kind
    name: str
    of: Value = "last"

    @property
    def key(self) -> str:
        """As an address has it, and `read` takes it: `created`, `metrics.val/loss.min`, `config.lr`."""
        if self.kind == "fact":
            return self.name
        if self.kind == "config":
            return f"config.{self.name}"
        name = f'"{self.name}"' if self.name.rpartition(".")[2] in VALUES or self.name.startswith('"') else self.name
        return f"metrics.{name}" if self.of == "last" else f"metrics.{name}.{self.of}"

    @property
    def stored(self) -> Statistic | Literal["mean"]:
        """Which of a metric's values it is: the best one is its lowest or its highest."""
        return better(self.name) if self.of == "best" else self.of


def read(key: str) -> Column | None:
    """What `Column.key` has written; None for anything else."""
    if key in FACTS:
        return Column("fact", key)
    kind, dot, name = key.partition(".")
    if not dot or not name:
        return None
    if kind == "config":
        return Column("config", name)
    if kind != "metrics":
        return None
    if name.startswith('"') and '"' in name[1:]:
        name, _, of = name[1:].rpartition('"')
        of = of.removeprefix(".") or "last"
        return Column("metric", name, of) if name and of in VALUES else None
    before, _, of = name.rpartition(".")
    return Column("metric", before, of) if before and of in VALUES else Column("metric", name)


def automatic(project_id: int, order: Order, where: Filter) -> list[Column]:
    """What the newest runs have come to, what tells their configs apart, what the order and the filter are about, and the
    facts: the first ones are seen beside the charts, without scrolling."""
    newest = sa.select(Run.id, Run.config).where(Run.project_id == project_id, Run.trashed_at.is_(None))
    compared = db.session.execute(newest.order_by(Run.id.desc()).limit(LOOK_AT)).all()
    columns: list[Column] = []
    for place, name in enumerate(main_metrics([run for run, _ in compared[:10]], MOST_METRICS)):
        columns.append(Column("metric", name))
        if place < BEST_OF and interest(name) < 2:
            columns.append(Column("metric", name, "best"))
    columns += [Column("metric", name, of) for name, of in where.metrics.items()]
    columns += [Column("metric", key.name, key.of) for key in order.keys if key.kind == "metric"]
    keys = configs.differing_keys([dict(flat(config)) for _, config in compared])[:MOST_CONFIG]
    keys += [*where.config_keys, *(key.name for key in order.keys if key.kind == "config")]
    columns += [Column("config", key) for key in keys]
    return without_repeats([*columns, *(Column("fact", name) for name in ("created", "duration", "tags"))])


def without_repeats(columns: Sequence[Column]) -> list[Column]:
    """Each column once; the lowest loss and the best loss are the same one."""
    once: dict[tuple[str, str, str], Column] = {}
    for column in columns:
        once.setdefault((column.kind, column.name, column.stored), column)
    return list(once.values())


def values_of(runs: Sequence[Any], columns: Sequence[Column]) -> dict[int, list[Any]]:
    """What each run has in each column of a metric or the config, None where it has nothing and in those of facts."""
    metrics = list({column.name for column in columns if column.kind == "metric"})
    cells = metric_store.cells([run.id for run in runs], metrics) if metrics else {}
    has_config = any(column.kind == "config" for column in columns)
    rows = {}
    for run in runs:
        config = with_summary(run.config, run.summary) if has_config else {}
        rows[run.id] = [
            getattr(cells[run.id].get(column.name), column.stored, None) if column.kind == "metric"
            else config.get(column.name) if column.kind == "config" else None
            for column in columns
        ]  # fmt: skip
    return rows


def main_metrics(run_ids: Sequence[int], most: int) -> list[str]:
    """What one looks at first: held-out losses and scores, then the others, last what describes the machine."""
    seen = Counter(name for cells in metric_store.cells(run_ids).values() for name in cells)
    return sorted(seen, key=lambda name: (interest(name), -seen[name], name))[:most]


def main_metric_of_each(run_ids: Sequence[int]) -> dict[int, str]:
    """What one looks at first in each of many runs; runs without points are left out."""
    cells = metric_store.cells(run_ids)
    return {run: min(names, key=lambda name: (interest(name), name)) for run, names in cells.items() if names}


def interest(name: str) -> int:
    """0 for what one looks at first, 3 for what describes the machine."""
    if _ASIDE.search(name):
        return 3
    if _MAIN.search(name):
        return 0 if _HELD_OUT.search(name) else 1
    return 2
