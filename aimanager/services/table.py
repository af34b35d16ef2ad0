"""The runs of a project as a table: found by words, sorted by any column, with the columns that tell runs apart."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ..extensions import db, metric_store
from ..models import Run
from ..models.base import now
from ..principal import Principal
from ..store import Summary
from . import projects, runs

MOST_METRICS = 5  # Columns that fit beside the facts without scrolling on an ordinary screen.
MOST_CONFIG = 4
LOOK_AT = 200  # Runs whose configs are compared to find the keys that differ.
_FACTS = ("name", "tags", "created", "duration")
_MAIN = re.compile(r"loss|acc|error|reward|return|score|f1|auc|bleu|perplexity|mse|mae|rmse", re.I)
_HELD_OUT = re.compile(r"val|test|eval|dev", re.I)
_ASIDE = re.compile(r"lr$|learning_rate|epoch|grad|norm|time|^sys|gpu|cpu|memory|throughput", re.I)


@dataclass(frozen=True)
class Row:
    """A run with its state, the summaries of the shown metrics, and its config with nested keys joined by dots."""

    run: Run
    state: str
    metrics: dict[str, Summary]
    config: dict[str, Any]


@dataclass(frozen=True)
class Table:
    """One page of rows. `found` counts the runs that match the words, `total` all of the project."""

    rows: Sequence[Row]
    metrics: Sequence[str]
    config: Sequence[str]
    found: int
    total: int


def table(
    principal: Principal, project_id: int, sort: str = "created", descending: bool = True, words: str = "",
    skip: int = 0, limit: int = 100,
) -> Table:  # fmt: skip
    """`sort` is a fact (name, tags, created, duration), `metric:<name>` or `config:<key>`; else `created`."""
    projects.get(project_id, principal)
    everything: Sequence[Run] = db.session.scalars(
        sa.select(Run).where(Run.project_id == project_id).order_by(Run.id.desc())
    ).all()
    found = [run for run in everything if _matches(run, words)]
    metrics = main_metrics([run.id for run in everything[:10]], MOST_METRICS)
    keys = differing_keys([dict(flat(run.config)) for run in everything[:LOOK_AT]])[:MOST_CONFIG]
    if sort.startswith("metric:") and sort[7:] not in metrics:
        metrics = [*metrics, sort[7:]]
    if sort.startswith("config:") and sort[7:] not in keys:
        keys = [*keys, sort[7:]]
    page = _sorted(found, sort, descending)[skip : skip + limit]
    return Table(_rows(page, metrics), metrics, keys, len(found), len(everything))


def _rows(page: Sequence[Run], metrics: Sequence[str]) -> list[Row]:
    ids = [run.id for run in page]
    heads = metric_store.heads(ids)
    summaries = metric_store.summaries(ids, metrics) if metrics else {}
    return [
        Row(
            run,
            runs.state_of(run, moment(heads[run.id].heard_at) if run.id in heads else None),
            {one.name: one for one in summaries.get(run.id, [])},
            dict(flat(run.config)),
        )
        for run in page
    ]


def moment(microseconds: int) -> datetime:
    """A store's time as the models have it; one that no calendar reaches becomes the nearest."""
    seconds = min(max(microseconds / 1e6, 0), 253402300799)
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _matches(run: Run, words: str) -> bool:
    hay = "\n".join([run.name, *run.tags, run.status]).casefold()
    return all(word in hay for word in words.casefold().split())


def _sorted(found: Sequence[Run], sort: str, descending: bool) -> list[Run]:
    """Runs by a column; those without a value come last either way, equal ones newest first."""
    values = _values(found, sort)
    with_value = [run for run in found if values.get(run.id) is not None]
    without = [run for run in found if values.get(run.id) is None]
    return sorted(with_value, key=lambda run: _comparable(values[run.id]), reverse=descending) + without


def _values(found: Sequence[Run], sort: str) -> dict[int, Any]:
    if sort.startswith("metric:"):
        summaries = metric_store.summaries([run.id for run in found], [sort[7:]])
        return {run_id: each[0].last for run_id, each in summaries.items() if each and not math.isnan(each[0].last)}
    if sort.startswith("config:"):
        return {run.id: dict(flat(run.config)).get(sort[7:]) for run in found}
    if sort == "name":
        return {run.id: run.name for run in found}
    if sort == "tags":
        return {run.id: ", ".join(run.tags) or None for run in found}
    if sort == "duration":
        return {run.id: ((run.ended_at or now()) - run.started_at).total_seconds() for run in found}
    return {run.id: run.id for run in found}


def _comparable(value: Any) -> tuple[int, Any]:
    """Numbers before words; in words the numbers count as numbers, so that run-9 comes before run-10."""
    if isinstance(value, int | float):
        return 0, value
    parts = re.split(r"(\d+)", str(value).casefold())
    return 1, [_number(part) if part.isdecimal() else (1, 0, part) for part in parts]


def _number(digits: str) -> tuple[int, int, str]:
    """Orders as the number does, also where it has more digits than Python turns into an int."""
    digits = digits.lstrip("0")
    return 0, len(digits), digits


def flat(config: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """`{"optimizer": {"lr": 0.1}}` as `optimizer.lr`; lists and empty objects stay as they are."""
    stack: list[tuple[str, Any]] = [(above, config)]
    while stack:
        key, value = stack.pop()
        if isinstance(value, dict) and value:
            stack.extend((f"{key}.{name}" if key else name, inner) for name, inner in reversed(value.items()))
        elif key:
            yield key, value


def differing_keys(configs: Sequence[dict[str, Any]]) -> list[str]:
    """The config keys that not all runs have alike, as they were written; those that only some runs have come last."""
    order = list(dict.fromkeys(key for config in configs for key in config))
    values = {key: [repr(config[key]) for config in configs if key in config] for key in order}
    differing = [key for key in order if len(set(values[key])) > 1]
    return differing + [key for key in order if key not in differing and len(values[key]) < len(configs)]


def main_metrics(run_ids: Sequence[int], most: int) -> list[str]:
    """What one looks at first: held-out losses and scores, then the others, last what describes the machine."""
    seen = Counter(one.name for each in metric_store.summaries(run_ids).values() for one in each)
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
