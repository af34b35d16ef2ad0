"""Moving everything from one database to another, SQLite or PostgreSQL, and proving that it is all there.

The source is read in one snapshot, a few rows at a time. The target is written all or nothing: PostgreSQL in one
transaction, SQLite under another name until the end. Both sides are counted and summed from what their databases give
back, and only if they agree is the copy kept.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError

from .. import models
from ..config import ConfigurationError
from ..db.write_gate import sqlite_path
from . import copy_endpoints
from .copy_endpoints import Refused

_ROWS = 1000  # Rows of one batch, or fewer if they are large.
_BYTES = 8 << 20
_LARGE_ROWS = 32  # Rows with blobs that are fetched at once.

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Sum:
    """How many rows a table has, and a sum over them that does not depend on their order."""

    rows: int = 0
    checksum: int = 0

    def __str__(self) -> str:
        return f"{self.checksum:032x}"


@dataclass(frozen=True)
class Proof:
    """One table, as each of the two databases gives it back."""

    table: str
    source: Sum
    target: Sum

    @property
    def holds(self) -> bool:
        return self.source == self.target


def copy(source_url: str, target_url: str, progress: Progress, force: bool = False) -> list[Proof]:
    """Copy a database into an empty or a new one. If any proof does not hold, the target is as it was.

    Raises Refused where somebody has either database open, the source unless `force`, and where the target has rows.
    """
    try:
        return _copy(copy_endpoints.url_of(source_url), copy_endpoints.url_of(target_url), progress, force)
    except _Differs as differs:
        return differs.proofs
    except (DBAPIError, ConfigurationError, OSError) as error:
        reason = str(error.orig if isinstance(error, DBAPIError) else error).strip().partition("\n")[0]
        raise Refused(f"A database could not be used, and the target is as it was: {reason}") from error


class _Differs(Exception):
    """Carries the proofs out through everything that must be undone."""

    def __init__(self, proofs: list[Proof]) -> None:
        super().__init__("the copy differs from its source")
        self.proofs = proofs


def _copy(source: URL, target: URL, progress: Progress, force: bool) -> list[Proof]:
    if copy_endpoints.place(source) == copy_endpoints.place(target):
        raise Refused("The source and the target are the same database.")
    path = sqlite_path(source)
    if path and not path.is_file():
        raise Refused(f"There is no database at {path}.")
    if not force:
        copy_endpoints.check_alone(source, "source", ", or use --force to copy what is there at this moment")
    copy_endpoints.check_alone(target, "target")
    with copy_endpoints.opened(source) as database:
        copy_endpoints.check_source(database)
        with copy_endpoints.made(target) as made, database.reading() as reading, made.writing() as writing:
            for connection in (reading, writing):
                copy_endpoints.without_timeouts(connection)
            proofs = [_copy_table(table, reading, writing, progress) for table in _tables()]
            if not all(proof.holds for proof in proofs):
                raise _Differs(proofs)
            for table in _tables():
                _go_on_counting(table, reading, writing)
            return proofs


def _tables() -> list[sa.Table]:
    """All tables, those first that others refer to, with plain columns: what is kept is moved as it is kept."""
    plain = sa.MetaData()
    tables = []
    for table in models.Base.metadata.sorted_tables:
        columns = [
            sa.Column(
                column.name,
                column.type.impl if isinstance(column.type, sa.TypeDecorator) else column.type,
                primary_key=column.primary_key,
                autoincrement=column is table.autoincrement_column,
            )
            for column in table.c
            if column.computed is None
        ]
        tables.append(sa.Table(table.name, plain, *columns))
    return tables


def _copy_table(table: sa.Table, reading: Connection, writing: Connection, progress: Progress) -> Proof:
    read = Sum()
    for batch in _batches(table, reading):
        writing.execute(table.insert(), [dict(zip(table.c.keys(), row, strict=True)) for row in batch])
        read = _added(read, batch)
        progress(f"copying {table.name}", read.rows)
    written = Sum()
    for batch in _batches(table, writing):
        written = _added(written, batch)
        progress(f"checking {table.name}", written.rows)
    return Proof(table.name, read, written)


def _batches(table: sa.Table, connection: Connection) -> Iterator[list[Sequence[Any]]]:
    """All rows of a table, so many at once as memory has room for."""
    large = any(isinstance(column.type, sa.LargeBinary) for column in table.c)
    options = {"yield_per": _LARGE_ROWS if large else _ROWS}
    rows = connection.execute(sa.select(table), execution_options=options)
    batch: list[Sequence[Any]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(cell) for cell in row if isinstance(cell, (bytes, str)))
        if len(batch) == _ROWS or size > _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _added(before: Sum, rows: list[Sequence[Any]]) -> Sum:
    checksum = before.checksum
    for row in rows:
        checksum += int.from_bytes(hashlib.blake2b(canonical(row), digest_size=16).digest(), "little")
    return Sum(before.rows + len(rows), checksum % (1 << 128))


def canonical(row: Sequence[Any]) -> bytes:
    """A row as bytes, the same from every database: each cell with its kind and its length.

    SQLite gives -0.0 back as 0.0, so both are one here; in points, which are blobs, they are two.
    """
    cells = []
    for cell in row:
        match cell:
            case None:
                kind, content = b"n", b""
            case bool() | int():
                kind, content = b"i", str(int(cell)).encode()
            case float():
                kind, content = b"f", struct.pack("<d", cell + 0.0)
            case str():
                kind, content = b"s", cell.encode()
            case bytes():
                kind, content = b"b", cell
            case datetime():
                kind, content = b"t", cell.isoformat(timespec="microseconds").encode()
            case _:
                raise TypeError(f"no canonical form of {type(cell).__name__}")
        cells.append(kind + len(content).to_bytes(8, "little") + content)
    return b"".join(cells)


def _go_on_counting(table: sa.Table, reading: Connection, writing: Connection) -> None:
    """New rows get numbers that no row had before, not even one that was deleted."""
    column = table.autoincrement_column
    if column is None:
        return
    last = max(_last_number(table, column, reading), _last_number(table, column, writing))
    if last and writing.dialect.name == "postgresql":
        query = sa.text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)")
        writing.execute(query, {"table": table.name, "column": column.name, "last": last})
    elif last and writing.scalar(sa.text("SELECT 1 FROM sqlite_sequence WHERE name = :table"), {"table": table.name}):
        query = sa.text("UPDATE sqlite_sequence SET seq = :last WHERE name = :table")
        writing.execute(query, {"table": table.name, "last": last})
    elif last and _counts(table):
        query = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)")
        writing.execute(query, {"table": table.name, "last": last})


def _last_number(table: sa.Table, column: sa.Column[Any], connection: Connection) -> int:
    """The highest number that was ever given, as far as the database knows."""
    highest = connection.scalar(sa.select(sa.func.max(column))) or 0
    if connection.dialect.name == "postgresql":
        sequence = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))
        query = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"  # noqa: S608  # Our own name.
        return max(highest, connection.scalar(sa.text(query)) or 0)
    query = "SELECT seq FROM sqlite_sequence WHERE name = :table"
    return max(highest, connection.scalar(sa.text(query), {"table": table.name}) or 0)


def _counts(table: sa.Table) -> bool:
    """Whether SQLite remembers the numbers of deleted rows of a table."""
    return bool(models.Base.metadata.tables[table.name].dialect_options["sqlite"]["autoincrement"])


__all__ = ["Progress", "Proof", "Refused", "Sum", "canonical", "copy"]
