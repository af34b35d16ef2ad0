"""The runs of a project as a table: a page of them with the columns that tell runs apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ...extensions import db, metric_store
from ...models import Run
from ...principal import Principal
from ...store import Cell
from .. import runs
from . import configs
from .configs import flat
from .filters import Filter
from .listing import listing
from .order import Order

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
    """One page of rows. `found` counts the runs that pass the filter, None if that is not known; `total` all there are."""

    rows: Sequence[Row]
    metrics: Sequence[str]
    config: Sequence[str]
    following: str | None
    found: int | None
    total: int


def table(
    principal: Principal, project_id: int, order: Order, wanted: Filter, after: str | None = None, limit: int = 100
) -> Table:
    """A page of a project's runs, with the columns that tell its newest runs apart and the one that they are sorted by."""
    found = listing(principal, project_id, order, wanted, after, limit)
    newest = sa.select(Run.id, Run.config).where(Run.project_id == project_id).order_by(Run.id.desc()).limit(LOOK_AT)
    looked_at = db.session.execute(newest).all()
    metrics = main_metrics([run for run, _ in looked_at[:10]], MOST_METRICS)
    keys = configs.differing_keys([dict(flat(config)) for _, config in looked_at])[:MOST_CONFIG]
    asked_for = [one.name for one in wanted.where] + [order.name] * (order.kind == "metric")
    metrics = [*dict.fromkeys([*metrics, *asked_for])]
    if order.kind == "config" and order.name not in keys:
        keys = [*keys, order.name]
    return Table(_rows(found.runs, metrics), metrics, keys, found.following, found.found, found.total)


def _rows(page: Sequence[Run], metrics: Sequence[str]) -> list[Row]:
    ids = [run.id for run in page]
    heads = metric_store.heads(ids)
    cells = metric_store.cells(ids, metrics) if metrics else {}
    return [
        Row(
            run,
            runs.state_of(run, moment(heads[run.id].heard_at) if run.id in heads else None),
            cells.get(run.id, {}),
            dict(flat(run.config)),
        )
        for run in page
    ]


def moment(microseconds: int) -> datetime:
    """A store's time as the models have it; one that no calendar reaches becomes the nearest."""
    seconds = min(max(microseconds / 1e6, 0), 253402300799)
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def main_metrics(run_ids: Sequence[int], most: int) -> list[str]:
    """What one looks at first: held-out losses and scores, then the others, last what describes the machine."""
    seen = Counter(name for cells in metric_store.cells(run_ids).values() for name in cells)
    return sorted(seen, key=lambda name: (_interest(name), -seen[name], name))[:most]


def _interest(name: str) -> int:
    if _ASIDE.search(name):
        return 3
    if _MAIN.search(name):
        return 0 if _HELD_OUT.search(name) else 1
    return 2


def heard_at(run_id: int) -> datetime | None:
    """When the server last got points of a run."""
    head = metric_store.heads([run_id]).get(run_id)
    return moment(head.heard_at) if head else None
