"""What the runs of a project have: the keys of their configs and their metrics, found by a part of the name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ...db.distinct import distinct
from ...extensions import db, metric_store
from ...models import RunConfig
from .columns import FACTS, Column, interest

COUNTED = 1000  # Runs that are counted for a key; of a common one nobody needs to know more.
_config = RunConfig.__table__.c


@dataclass(frozen=True)
class Found:
    """A column that a table can show, and how many runs have it: at most COUNTED, None for a fact, which every run has."""

    column: Column
    runs: int | None = None


def config_keys(project_id: int) -> list[str]:
    """The keys of all configs of a project, by name."""
    connection = db.session.connection()
    of_project = _config.project_id == project_id
    parts = (
        distinct(connection, _config.key, of_project, value.is_not(None)) for value in (_config.number, _config.text)
    )
    return sorted({key for part in parts for key in part})


def find(project_id: int, text: str, most: int) -> tuple[list[Found], int]:
    """The columns in whose key all words of the text are, the likeliest first, and how many there are in all."""
    words = text.casefold().split()
    columns = [
        *(Column("fact", name) for name in FACTS),
        *(Column("metric", name) for name in metric_store.names_of(project_id)),
        *(Column("config", key) for key in config_keys(project_id)),
    ]
    found = [column for column in columns if all(word in column.key.casefold() for word in words)]
    found.sort(key=lambda column: _place_of(column, words))
    return _counted(project_id, found[:most]), len(found)


def _place_of(column: Column, words: Sequence[str]) -> tuple[bool, bool, int, int]:
    """The name that is meant first, then those that begin like it; metrics in the order in which one looks at them."""
    last_part = column.name.casefold().rpartition("/" if column.kind == "metric" else ".")[2]
    kind = ("fact", "metric", "config").index(column.kind)
    looked_at = interest(column.name) if column.kind == "metric" else 0
    return [last_part] != words, not (words and last_part.startswith(words[0])), kind, looked_at


def _counted(project_id: int, columns: Iterable[Column]) -> list[Found]:
    metrics = [column.name for column in columns if column.kind == "metric"]
    runs_of = metric_store.runs_having(project_id, metrics, COUNTED)
    keys = _runs_having(project_id, [column.name for column in columns if column.kind == "config"])
    return [
        Found(column, {"metric": runs_of, "config": keys}.get(column.kind, {}).get(column.name)) for column in columns
    ]


def _runs_having(project_id: int, keys: Sequence[str]) -> dict[str, int]:
    """How many runs have each key, at most COUNTED."""
    if not keys:
        return {}
    parts = [(number, value) for number in range(len(keys)) for value in (_config.number, _config.text)]
    each = (
        _some(project_id, keys[number], value).add_columns(sa.literal_column(str(number))) for number, value in parts
    )
    totals = dict.fromkeys(keys, 0)
    for count, number in db.session.execute(sa.union_all(*each)):
        totals[keys[number]] = min(totals[keys[number]] + count, COUNTED)
    return totals


def _some(project_id: int, key: str, value: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The count of those runs that have a number, or a text, under a key."""
    rows = sa.select(sa.literal(1)).where(_config.project_id == project_id, _config.key == key, value.is_not(None))
    return sa.select(sa.func.count()).select_from(rows.limit(COUNTED).subquery())
