"""The values of configs one by one, so that indexes find and sort runs by any of them; those of summaries, too, under
`summary.NAME`.

A value's type says which conditions it can meet. Numbers are compared as numbers (float64). Everything else is a text:
strings as they are, booleans as `true` and `false`, lists and empty objects as JSON. `null` is no value: its key has no row,
as if the config did not have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import Connection, Double, ForeignKey, Index, Table, delete, event, insert, inspect
from sqlalchemy.orm import Mapped, mapped_column

from . import natural_order
from .base import Base, Id
from .run import Key, Run

# Rows of an index have to fit into a third of a page of PostgreSQL.
LONGEST_KEY = 125  # Characters; a value under a longer key is shown, but neither sorted nor filtered by.
LONGEST_TEXT = 250  # As much of a text is compared, and as much of its beginning as people sort.
LONGEST_SORTED = 100
MOST_KEYS = 5000  # Of one run; so many rows are written in some tens of milliseconds.


class RunConfig(Base):
    """A value of a run's config under its key, nested keys joined by dots. It has either a number or a text.

    `text` is what `text_key` makes of it: in the order in which people sort. `folded` is the text in small letters.
    """

    __tablename__ = "run_config"

    run_id: Mapped[int] = mapped_column(Id, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(Key, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id)
    number: Mapped[float | None] = mapped_column(Double)
    text: Mapped[str | None] = mapped_column(Key)
    folded: Mapped[str | None] = mapped_column(Key)

    __table_args__ = {"sqlite_with_rowid": False}


for _value in (RunConfig.number, RunConfig.text, RunConfig.folded):
    Index(
        f"ix_run_config_{_value.key}", RunConfig.project_id, RunConfig.key, _value, RunConfig.run_id,
        sqlite_where=_value.is_not(None), postgresql_where=_value.is_not(None),
    )  # fmt: skip


def flat(config: Any) -> Iterator[tuple[str, Any]]:
    """`{"optimizer": {"lr": 0.1}}` as `optimizer.lr`; lists and empty objects stay as they are."""
    stack: list[tuple[str, Any]] = [("", config)]
    while stack:
        key, value = stack.pop()
        if isinstance(value, dict) and value:
            stack.extend((f"{key}.{name}" if key else name, inner) for name, inner in reversed(value.items()))
        elif key:
            yield key, value


def with_summary(config: dict[str, Any], summary: dict[str, Any]) -> dict[str, Any]:
    """A config by its flat keys, and behind it the values that the script has set: `summary.test/acc`."""
    return dict(flat(config)) | {f"summary.{name}": value for name, value in summary.items()}


def text_key(text: str) -> str:
    """Sorts as people do, see natural_order.py, and differs for texts that differ, in capitals say."""
    text = text[:LONGEST_TEXT]
    key = natural_order.key(text[:LONGEST_SORTED])
    # What is put between is before all that may follow the same letters.
    return key if key == text else f"{key}\x01 {text}"


def texts_of(text: str) -> dict[str, str]:
    """A text as it is compared, and as it is looked through for a part of it."""
    return {"text": text_key(text), "folded": text[:LONGEST_TEXT].casefold()}


def text_of_key(key: str) -> str:
    """The text, or as much of it as `text_key` has kept."""
    natural, between, text = key.partition("\x01 ")
    return text if between else natural


def typed(value: Any) -> tuple[float | None, str | None]:
    """A value of a config as its number or its text; both None for null."""
    if value is None:
        return None, None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value), None
    return None, value if isinstance(value, str) else orjson.dumps(value).decode()


def rows_of(run_id: int, project_id: int, config: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a run's config. Where two values have one key, as `{"a.b": 1, "a": {"b": 2}}`, the last one counts."""
    rows: list[dict[str, Any]] = []
    for key, value in dict(flat(config)).items():
        number, text = typed(value)
        if (number is None and text is None) or len(key) > LONGEST_KEY:
            continue
        row = {"run_id": run_id, "key": key, "project_id": project_id, "number": number}
        rows.append(row | {"text": None, "folded": None} | ({} if text is None else texts_of(text)))
        if len(rows) == MOST_KEYS:
            break
    return rows


_table: Table = RunConfig.__table__  # type: ignore[assignment]


@event.listens_for(Run, "after_insert")
def _write(_mapper: Any, connection: Connection, run: Run) -> None:
    if rows := rows_of(run.id, run.project_id, with_summary(run.config, run.summary or {})):
        connection.execute(insert(_table), rows)


@event.listens_for(Run, "after_update")
def _rewrite(mapper: Any, connection: Connection, run: Run) -> None:
    attributes = inspect(run).attrs
    if attributes.config.history.has_changes() or attributes.summary.history.has_changes():
        connection.execute(delete(_table).where(_table.c.run_id == run.id))
        _write(mapper, connection, run)
