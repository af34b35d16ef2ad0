"""Giving the disk what a database does not use: for files of before this was done by itself, and for PostgreSQL."""

from __future__ import annotations

import shutil

import sqlalchemy as sa

from .. import models
from ..config import ConfigurationError
from ..db.engine import Database
from ..db.write_gate import sqlite_path
from ..store.tables import is_partition


def size(database: Database) -> int:
    """Bytes on the disk, of SQLite with what is still in its write-ahead log."""
    path = sqlite_path(database.engine.url)
    if path:
        log = path.with_name(f"{path.name}-wal")
        return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
    with database.reading() as connection:
        return int(connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0)


def compact(database: Database) -> None:
    """Rewrite the database without the free space in it. Nobody else writes meanwhile, on PostgreSQL to the table at hand.

    Raises ConfigurationError where there is no room.
    """
    if database.is_sqlite:
        _compact_file(database)
    else:
        _compact_tables(database)


def _compact_file(database: Database) -> None:
    path = sqlite_path(database.engine.url)
    assert path is not None  # noqa: S101 - it is SQLite
    # Twice: once beside the file, once in its log.
    if shutil.disk_usage(path.parent).free < path.stat().st_size * 2.2:
        raise ConfigurationError(f"There is no room to rewrite {path.name}: that takes twice its size for a while.")
    with database.gate.turn(patience=None):
        raw = database.engine.raw_connection()
        try:
            for statement in ("PRAGMA auto_vacuum=INCREMENTAL", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                raw.cursor().execute(statement).fetchall()
        finally:
            raw.close()


def _compact_tables(database: Database) -> None:
    """One after the other, a part at a time: each is locked for as long as it takes to write it."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("SET statement_timeout = 0"))
        try:
            kinds = "SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid) ORDER BY relname"
            for name in connection.scalars(sa.text(kinds)).all():
                if name in models.Base.metadata.tables or is_partition(name):
                    connection.execute(sa.text(f"VACUUM (FULL, ANALYZE) {name}"))
        finally:
            connection.execute(sa.text("RESET statement_timeout"))
