"""The statements of every commit, made once for the dialect at hand; those that write take many rows at once.

On SQLite they run by the driver's own call inside the transaction that SQLAlchemy has begun: what SQLAlchemy adds to a
statement costs more there than the statement, five times in every commit. PostgreSQL's round trips hide it.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect

from ..db.prepared import Prepared
from .chunks.pack import Packed
from .tables import (
    metric_axis,
    metric_cdata,
    metric_chunk,
    metric_log,
    metric_name,
    metric_rollup,
    metric_series,
    metric_stream,
    metric_writer,
)

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_AT_ONCE = 500  # Values in one IN list; databases bound the number of variables.

_TAIL = ("next_axis", "tail_rows", "tail_bytes")

T = TypeVar("T")
_ONE_STREAM = Prepared(select(metric_stream).where(metric_stream.c.run_no == bindparam("run")))
Stream = namedtuple("Stream", metric_stream.c.keys())  # type: ignore[misc]  # A row, as SQLAlchemy's rows are.


def chunks(items: Sequence[T]) -> Iterator[list[T]]:
    """Slices small enough for one IN list."""
    return (list(items[i : i + _AT_ONCE]) for i in range(0, len(items), _AT_ONCE))


class Statements:
    """Inserts and upserts; `put_...` replaces what is there, `add_...` leaves it alone."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._by_driver = dialect.name == "sqlite"
        self._compiled: dict[Any, tuple[str, list[str]]] = {}
        self._insert = _INSERTS[dialect.name]
        self.add_name = self._insert(metric_name).on_conflict_do_nothing()
        self.add_stream = self._insert(metric_stream).on_conflict_do_nothing()
        self.add_log = metric_log.insert()
        self.add_axis = metric_axis.insert()
        self.add_chunk = metric_chunk.insert()
        self.add_cdata = metric_cdata.insert()
        self.add_rollup = metric_rollup.insert()
        self.put_series = self.upsert(metric_series, keep=("project_id", "live"))
        self.put_writer = self.upsert(metric_writer)
        streams = metric_stream.c
        runs: BindParameter[int] = bindparam("runs", expanding=True)
        # One order for everybody: two processes never wait for each other. SQLite has the gate instead.
        locked = select(metric_stream).where(streams.run_no.in_(runs)).order_by(streams.run_no)
        self.lock_streams = locked.with_for_update()
        changing = ("next_id", "next_seq", "heard_at", "first_ts", "last_ts", "ordered", *_TAIL)
        self.put_stream = (
            update(metric_stream)
            .where(metric_stream.c.run_no == bindparam("run"))
            .values({name: bindparam(name) for name in changing})
        )

    def write(self, connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run one of the statements above for many rows."""
        text, names = self._compile(statement)
        if self._by_driver:
            _driver(connection).executemany(text, [[row[name] for name in names] for row in rows])
        else:
            _driver(connection).cursor().executemany(text, rows)

    @contextmanager
    def last(self, connection: Connection) -> Iterator[None]:
        """What a transaction writes before its commit, and the commit.

        PostgreSQL is sent all of it and waited for once: else each statement would be a round trip, at which four
        processes give two cores to each other.
        """
        if self._by_driver:
            yield
            return
        driver = _driver(connection)
        with driver.pipeline():
            yield
            driver.commit()  # SQLAlchemy's own commit then finds nothing left to do; a rollback is still its work.

    def write_packed(self, connection: Connection, run: int, numbered: Iterable[tuple[int, Packed]]) -> None:
        """Insert axes under their numbers, with their chunks."""
        axes: list[dict[str, Any]] = []
        small: list[dict[str, Any]] = []
        data: list[dict[str, Any]] = []
        for number, packed in numbered:
            axes.append(packed.axis_row(run, number))
            small += packed.chunk_rows(run, number)
            data += packed.data_rows(run, number)
        for statement, rows in ((self.add_axis, axes), (self.add_chunk, small), (self.add_cdata, data)):
            if rows:
                self.write(connection, statement, rows)

    def streams(self, connection: Connection, runs: Sequence[int]) -> Iterable[Any]:
        """The rows of these runs in metric_stream, locked until the transaction ends."""
        if not self._by_driver:
            for part in chunks(runs):
                yield from connection.execute(self.lock_streams, {"runs": part})
            return
        for run in runs:
            row = _ONE_STREAM.first(connection, run=run)
            if row:
                yield Stream(*row)

    def _compile(self, statement: Any) -> tuple[str, list[str]]:
        compiled = self._compiled.get(statement)
        if compiled is None:
            sql = statement.compile(dialect=self._dialect)
            compiled = self._compiled[statement] = str(sql), list(sql.positiontup or ())
        return compiled

    def add(self, table: Table) -> Any:
        """A statement that writes a row where there is none of its key."""
        return self._insert(table).on_conflict_do_nothing()

    def upsert(self, table: Table, keep: Sequence[str] = ()) -> Any:
        """A statement that writes a row or takes the place of the one that is there, but for the columns to keep."""
        insert = self._insert(table)
        keys = [column.name for column in table.primary_key]
        changing = [name for name in table.c.keys() if name not in (*keys, *keep)]  # noqa: SIM118
        return insert.on_conflict_do_update(
            index_elements=keys, set_={name: insert.excluded[name] for name in changing}
        )


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
