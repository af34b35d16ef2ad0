"""The tables of the console output of runs, the same on SQLite and PostgreSQL.

A run's lines are numbered 1, 2, 3, ... and lie in chunks, packed (`console/chunk.py`). The last chunk grows until it is
full. Chunks and writers are removed in the background, as points are; the stream's row goes with the run's own.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    event,
)

from ..models.base import Base

console_stream = Table(
    "console_stream",
    Base.metadata,
    Column("run_no", BigInteger, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("project_id", BigInteger, nullable=False, index=True),
    Column("lines", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),  # Of the text of all lines, unpacked.
    Column("left_out", BigInteger, nullable=False),  # Lines that came when the run had as much as is kept.
    Column("kinds", SmallInteger, nullable=False),  # Of the lines in all chunks, as in a chunk.
    Column("ranks", Text, nullable=False),  # The processes that wrote, a JSON list of numbers.
    Column("cursors", Text, nullable=False),  # Where each process goes on writing; the JSON of screen.py.
    sqlite_with_rowid=False,
)

console_chunk = Table(
    "console_chunk",
    Base.metadata,
    Column("run_no", BigInteger, primary_key=True, autoincrement=False),
    Column("line_lo", BigInteger, primary_key=True, autoincrement=False),
    Column("n", Integer, nullable=False),
    Column("time_lo", BigInteger, nullable=False),  # Microseconds since 1970.
    Column("time_hi", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),  # Bytes of text, unpacked.
    Column("kinds", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

console_writer = Table(
    "console_writer",
    Base.metadata,
    Column("run_no", BigInteger, primary_key=True, autoincrement=False),
    Column("writer_id", String(250), primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("fingerprint", LargeBinary),
    Column("last_line", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# They are dense already: PostgreSQL should not spend time on trying to compress them. The last one is written over often.
for _setting in (
    "ALTER COLUMN body SET STORAGE EXTERNAL",
    "SET (autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05)",
):
    event.listen(
        console_chunk, "after_create", DDL(f"ALTER TABLE console_chunk {_setting}").execute_if(dialect="postgresql")
    )
