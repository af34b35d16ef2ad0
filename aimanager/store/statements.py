"""The statements of every commit, made once for the dialect at hand; those that write take many rows at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from .tables import metric_log, metric_name, metric_series, metric_stream, metric_writer

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_AT_ONCE = 500  # Values in one IN list; databases bound the number of variables.

T = TypeVar("T")


def chunks(items: Sequence[T]) -> Iterator[list[T]]:
    """Slices small enough for one IN list."""
    return (list(items[i : i + _AT_ONCE]) for i in range(0, len(items), _AT_ONCE))


class Statements:
    """Inserts and upserts; `put_...` replaces what is there, `add_...` leaves it alone."""

    def __init__(self, dialect: str) -> None:
        self._insert = _INSERTS[dialect]
        self.add_name = self._insert(metric_name).on_conflict_do_nothing()
        self.add_stream = self._insert(metric_stream).on_conflict_do_nothing()
        self.add_log = metric_log.insert()
        self.put_series = self._upsert(metric_series, keep=("project_id", "live"))
        self.put_writer = self._upsert(metric_writer)
        streams = metric_stream.c
        runs: BindParameter[int] = bindparam("runs", expanding=True)
        # One order for everybody: two processes never wait for each other. SQLite has the gate instead.
        locked = select(metric_stream).where(streams.run_no.in_(runs)).order_by(streams.run_no)
        self.lock_streams = locked.with_for_update()
        changing = ("next_id", "next_seq", "heard_at", "first_ts", "last_ts", "ordered")
        self.put_stream = (
            update(metric_stream)
            .where(metric_stream.c.run_no == bindparam("run"))
            .values({name: bindparam(name) for name in changing})
        )

    def _upsert(self, table: Table, keep: Sequence[str] = ()) -> Any:
        insert = self._insert(table)
        keys = [column.name for column in table.primary_key]
        changing = [name for name in table.c.keys() if name not in (*keys, *keep)]  # noqa: SIM118
        return insert.on_conflict_do_update(
            index_elements=keys, set_={name: insert.excluded[name] for name in changing}
        )
