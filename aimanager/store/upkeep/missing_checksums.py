"""Checksums for what was written before there were any: how many rows have none, and adding them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, and_, func, literal, select, update
from sqlalchemy.engine import Connection

from ...db.engine import Database
from ..chunks import checksum
from ..statements import Statements, chunks
from ..summary import checksum_of
from ..tables import metric_axis, metric_cdata, metric_log, metric_rollup, metric_series
from .seal import lock

_ROWS = 200  # Rows of one transaction.
# The blobs of each table; the first one, which always has bytes, says whether the row has checksums.
_BLOBS = {
    metric_log: ("frame",),
    metric_axis: ("base", "step", "ts", "step_edges", "ts_edges"),
    metric_cdata: ("sub", "v"),
    metric_rollup: ("chunks",),
}
_MARK = literal(bytes((checksum.MARK,)), LargeBinary)


def unchecked(database: Database, runs: Sequence[int] | None = None) -> int:
    """How many rows of some runs, or of all, have no checksum."""
    count = 0
    with database.reading() as connection:
        for table in (*_BLOBS, metric_series):
            query = select(func.count()).select_from(table).where(_is_unchecked(table))
            for part in [None] if runs is None else chunks(runs):
                of_part = query if part is None else query.where(table.c.run_no.in_(part))
                count += connection.scalar(of_part) or 0
    return count


def add_checksums(database: Database, run: int) -> None:
    """Give checksums to all rows of a run that have none: to be called after the doctor found no fault in it."""
    statements = Statements(database.engine.dialect)
    for table in (*_BLOBS, metric_series):
        has_more = True
        while has_more:
            with database.writing() as connection:
                has_more = lock(statements, connection, run) is not None and _add_some(connection, table, run)


def _add_some(connection: Connection, table: Table, run: int) -> bool:
    """Give checksums to some rows; whether there were any without."""
    query = select(table).where(table.c.run_no == run, _is_unchecked(table)).limit(_ROWS)
    rows = connection.execute(query).mappings().all()
    for row in rows:
        key = and_(*(column == row[column] for column in table.primary_key))
        connection.execute(update(table).where(key).values(dict(_checksums(table, row))))
    return bool(rows)


def _checksums(table: Table, row: Any) -> Iterator[tuple[str, Any]]:
    """The columns of a row that change."""
    if table is metric_series:
        yield "crc", checksum_of(row)
    else:
        yield from ((name, checksum.add(row[name])) for name in _BLOBS[table] if row[name] is not None)


def _is_unchecked(table: Table) -> Any:
    if table is metric_series:
        return metric_series.c.crc.is_(None)
    first: Column[bytes] = table.c[_BLOBS[table][0]]
    return func.substr(first, 1, 1, type_=LargeBinary) != _MARK
