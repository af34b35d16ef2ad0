"""The runs of a project as a table: a page of them with the columns that tell runs apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ...extensions import db, metric_store
from ...models import Run
from ...models.run_config import flat
from ...principal import Principal
from ...store import Cell
from ..paging import Page
from . import configs, pages
from .filters import Filter
from .order import Order
from .states import states

MOST_METRICS = 5  # Columns that fit beside the facts without scrolling on an ordinary screen.
MOST_CONFIG = 4
LOOK_AT = 200  # Runs whose configs are compared to find the keys that differ.
_MAIN = re.compile(r"loss|acc|error|reward|return|score|f1|auc|bleu|perplexity|mse|mae|rmse", re.I)
_HELD_OUT = re.compile(r"val|test|eval|dev", re.I)
_ASIDE = re.compile(r"lr$|learning_rate|epoch|grad|norm|time|^sys|gpu|cpu|memory|throughput", re.I)


@dataclass(frozen=True)
class Row:
    """A run with its state, what the shown metrics have come to, and its config with nested keys joined by dots."""

    run: Run
    state: str
    metrics: dict[str, Cell]
    config: dict[str, Any]


@dataclass(frozen=True)
class Table:
    """One page of rows with its columns. `runs` is how many runs the project has, whether they pass or not."""

    page: Page[Row]
    metrics: Sequence[str]
    config: Sequence[str]
    runs: int

    @property
    def rows(self) -> Sequence[Row]:
        return self.page.items


def table(
    principal: Principal,
    project_id: int,
    order: Order,
    where: Filter | None,
    after: str | None = None,
    limit: int = 100,
) -> Table:
    """A page of a project's runs, with the columns that tell its newest runs apart and those that the order and the filter
    are about. Without a filter, because nobody can say what it means, there are no rows."""
    page = Page[Run]([], 0) if where is None else pages.page(principal, project_id, order, where, after, limit)
    newest = sa.select(Run.id, Run.config).where(Run.project_id == project_id).order_by(Run.id.desc()).limit(LOOK_AT)
    compared = db.session.execute(newest).all()
    metrics = main_metrics([run for run, _ in compared[:10]], MOST_METRICS)
    keys = configs.differing_keys([dict(flat(config)) for _, config in compared])[:MOST_CONFIG]
    where = where or Filter()
    metrics = [*dict.fromkeys([*metrics, *where.metrics, *[order.name] * (order.kind == "metric")])]
    keys = [*dict.fromkeys([*keys, *where.config_keys, *[order.name] * (order.kind == "config")])]
    rows = _rows(page.items, metrics)
    return Table(Page(rows, page.total, page.next_cursor), metrics, keys, pages.count(project_id))


def _rows(runs: Sequence[Run], metrics: Sequence[str]) -> list[Row]:
    state = states(runs)
    cells = metric_store.cells(list(state), metrics) if metrics else {}
    return [Row(run, state[run.id], cells.get(run.id, {}), dict(flat(run.config))) for run in runs]


def main_metrics(run_ids: Sequence[int], most: int) -> list[str]:
    """What one looks at first: held-out losses and scores, then the others, last what describes the machine."""
    seen = Counter(name for cells in metric_store.cells(run_ids).values() for name in cells)
    return sorted(seen, key=lambda name: (_interest(name), -seen[name], name))[:most]


def main_metric_of_each(run_ids: Sequence[int]) -> dict[int, str]:
    """What one looks at first in each of many runs; runs without points are left out."""
    cells = metric_store.cells(run_ids)
    return {run: min(names, key=lambda name: (_interest(name), name)) for run, names in cells.items() if names}


def _interest(name: str) -> int:
    if _ASIDE.search(name):
        return 3
    if _MAIN.search(name):
        return 0 if _HELD_OUT.search(name) else 1
    return 2
