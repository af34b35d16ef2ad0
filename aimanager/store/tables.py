"""The tables of the metric store, the same on SQLite and PostgreSQL.

A point is first in `metric_log`, then in a chunk: its steps and times in `metric_axis`, which the metrics logged
together share, its value in `metric_cdata`. What a chart needs to know of a chunk is in `metric_chunk`, small rows
beside each other, and again in `metric_rollup`, many of them in one. The blobs are in docs/store-format.md.

`run_no` leads every key: a run's rows lie together, and it is what a cluster shards by.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    event,
    literal_column,
)

from ..models.base import Base
from .console_tables import console_chunk, console_writer

# States of a run's stream. The row of a deleted run stays as a tombstone: its number never takes points
# again.
LIVE, FINISHED, DELETING, DELETED = range(4)
RESTING = -1  # Live, but without a point for long: ranked by the indexes of finished runs, until its next point.

# Flags of a series: what a float column cannot say.
LAST_IS_NEGATIVE_ZERO = 1  # SQLite keeps -0.0 as 0.
SUM_IS_SCALED = 2  # vsum and vsum_low are 2**-64 of the sum, which would not fit.

# Flags of an axis and its chunks.
STEPS_ASCEND = 1  # No step is below the one of the row before.
TIMES_ASCEND = 2

# What grows with the points is cut into parts on PostgreSQL, by a hash of the run: each is cleaned and packed by itself.
PARTITIONS = 16
_BY_RUN = "HASH (run_no)"
# Rows of a deleted run are a twentieth of a part sooner than a fifth.
_CLEANED = "autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05"

# Rows that are updated all the time leave room in their page: PostgreSQL puts the new row beside the old one.
_ROOMY = {"fillfactor": 50}

metric_name = Table(
    "metric_name",
    Base.metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(250), nullable=False, unique=True),
)

metric_stream = Table(
    "metric_stream",
    Base.metadata,
    Column("run_no", BigInteger, primary_key=True, autoincrement=False),
    Column("next_id", BigInteger, nullable=False),
    Column("next_seq", BigInteger, nullable=False),  # Counts requests: who knows the number knows the whole state.
    Column("state", SmallInteger, nullable=False),
    Column("heard_at", BigInteger, nullable=False),  # The server's clock at the last request, 0 before the first.
    Column("first_ts", BigInteger),  # The earliest and the latest time of a point, NULL without points.
    Column("last_ts", BigInteger),
    Column("ordered", SmallInteger, nullable=False),  # 1: no point is earlier than one with a smaller id.
    Column("next_axis", BigInteger, nullable=False, server_default="1"),
    Column("tail_rows", BigInteger, nullable=False, server_default="0"),  # About what waits in the log; 0: all is tidy.
    Column("tail_bytes", BigInteger, nullable=False, server_default="0"),
    Column(
        "gone", BigInteger, nullable=False, server_default="0"
    ),  # Ids below next_id whose points a rewind has taken.
    Column("rewound_id", BigInteger, nullable=False, server_default="0"),  # The last id when that happened last.
    sqlite_with_rowid=False,
    postgresql_with=_ROOMY,
)

# Runs whose rows may still be there while nobody may see them; mostly there is none. The number is written out, for a
# database must see from the statement alone that the index serves it.
BEING_DELETED = metric_stream.c.state == literal_column(str(DELETING))
Index("ix_metric_stream_deleting", metric_stream.c.run_no, sqlite_where=BEING_DELETED, postgresql_where=BEING_DELETED)

# Live streams are looked through for those that get no points any more; most streams are finished.
IS_LIVE = metric_stream.c.state == literal_column(str(LIVE))
Index("ix_metric_stream_live", metric_stream.c.run_no, sqlite_where=IS_LIVE, postgresql_where=IS_LIVE)

metric_writer = Table(
    "metric_writer",
    Base.metadata,
    Column("run_no", BigInteger, primary_key=True, autoincrement=False),
    Column("writer_id", String(250), primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("last_id0", BigInteger, nullable=False),  # First id and number of points of that request.
    Column("last_n", BigInteger, nullable=False),
    Column("fingerprint", LargeBinary),
    Column("heard_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

metric_log = Table(
    "metric_log",
    Base.metadata,
    Column("run_no", BigInteger, primary_key=True, autoincrement=False),
    Column("id0", BigInteger, primary_key=True, autoincrement=False),  # Id of the frame's first point.
    Column("n", BigInteger, nullable=False),
    Column("frame", LargeBinary, nullable=False),  # The layout is in frame.py.
    sqlite_with_rowid=False,
)

metric_series = Table(
    "metric_series",
    Base.metadata,
    Column("run_no", BigInteger, primary_key=True, autoincrement=False),
    Column("metric_id", Integer, primary_key=True, autoincrement=False),
    Column("project_id", BigInteger, nullable=False),
    Column("live", SmallInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("n_bad", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("last_ts", BigInteger, nullable=False),
    Column("last", Double),  # NULL: NaN.
    Column("vmin", Double),
    Column("vmax", Double),
    Column("vsum", Double, nullable=False),
    Column("vsum_low", Double, nullable=False),  # What the sum's 53 bits leave out.
    Column("flags", SmallInteger, nullable=False),
    Column("vmean", Double),  # What the sum comes to; NULL without a finite value.
    Column("crc", BigInteger),  # Of the numbers from n on; NULL in a row last written before schema 0005.
    sqlite_with_rowid=False,
    postgresql_with=_ROOMY,
)

# Tables of runs are sorted by these. Only finished runs are in them, so a live point pays next to nothing for them.
_finished = metric_series.c.live == 0
for _value in ("last", "vmin", "vmax", "vmean"):
    Index(
        f"ix_metric_series_{_value}",
        metric_series.c.project_id,
        metric_series.c.metric_id,
        metric_series.c[_value],
        metric_series.c.run_no,
        sqlite_where=_finished,
        postgresql_where=_finished,
    )
_live = metric_series.c.live == 1
Index(
    "ix_metric_series_live",
    metric_series.c.project_id,
    metric_series.c.metric_id,
    sqlite_where=_live,
    postgresql_where=_live,
)

# Series whose last value an older version chose by another rule: `tidy` chooses it again and takes them off this list.
metric_unsettled = Table(
    "metric_unsettled",
    Base.metadata,
    Column("run_no", BigInteger, primary_key=True, autoincrement=False),
    Column("metric_id", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

metric_axis = Table(
    "metric_axis",
    Base.metadata,
    Column("run_no", BigInteger, primary_key=True, autoincrement=False),
    Column("axis_no", BigInteger, primary_key=True, autoincrement=False),
    Column("id_lo", BigInteger, nullable=False),  # Of the first row's first point, and the last row's last.
    Column("id_hi", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("flags", SmallInteger, nullable=False),
    Column("step_lo", BigInteger, nullable=False),
    Column("step_hi", BigInteger, nullable=False),
    Column("ts_lo", BigInteger, nullable=False),
    Column("ts_hi", BigInteger, nullable=False),
    Column("metrics", LargeBinary, nullable=False),  # In the order of their points within a row.
    # Where each node begins and ends; before the columns, so that they are read without them.
    Column("step_edges", LargeBinary),
    Column("ts_edges", LargeBinary),
    Column("base", LargeBinary, nullable=False),  # Each row's first id, less id_lo.
    Column("step", LargeBinary, nullable=False),
    Column("ts", LargeBinary, nullable=False),
    postgresql_partition_by=_BY_RUN,
)
Index("ix_metric_axis_id", metric_axis.c.run_no, metric_axis.c.id_hi, metric_axis.c.id_lo)

metric_chunk = Table(
    "metric_chunk",
    Base.metadata,
    Column("run_no", BigInteger, primary_key=True, autoincrement=False),
    Column("metric_id", Integer, primary_key=True, autoincrement=False),
    Column("axis_no", BigInteger, primary_key=True, autoincrement=False),
    Column("pos", Integer, nullable=False),  # The metric's place within a row: ids are axis.id_lo + base + pos.
    Column("rows", Integer, nullable=False),
    Column("flags", SmallInteger, nullable=False),
    Column("id_lo", BigInteger, nullable=False),
    Column("id_hi", BigInteger, nullable=False),
    Column("step_lo", BigInteger, nullable=False),
    Column("step_hi", BigInteger, nullable=False),
    Column("ts_lo", BigInteger, nullable=False),
    Column("ts_hi", BigInteger, nullable=False),
    Column("n_bad", Integer, nullable=False),
    Column("vmin", Double),  # Over finite values, NULL where there is none; so is the last one.
    Column("vmax", Double),
    Column("vlast", Double),
    Column("marks", LargeBinary),  # The last row of each kind of value that is not finite.
    sqlite_with_rowid=False,
    postgresql_partition_by=_BY_RUN,
)

metric_cdata = Table(
    "metric_cdata",
    Base.metadata,
    Column("run_no", BigInteger, primary_key=True, autoincrement=False),
    Column("metric_id", Integer, primary_key=True, autoincrement=False),
    Column("axis_no", BigInteger, primary_key=True, autoincrement=False),
    Column("sub", LargeBinary, nullable=False),  # The tree over the chunk; before the values, so that it is read fast.
    Column("v", LargeBinary, nullable=False),
    postgresql_partition_by=_BY_RUN,
)

metric_rollup = Table(
    "metric_rollup",
    Base.metadata,
    Column("run_no", BigInteger, primary_key=True, autoincrement=False),
    Column("metric_id", Integer, primary_key=True, autoincrement=False),
    Column("axis_lo", BigInteger, primary_key=True, autoincrement=False),  # It has all chunks from here to axis_hi.
    Column("axis_hi", BigInteger, nullable=False),
    Column("step_lo", BigInteger, nullable=False),
    Column("step_hi", BigInteger, nullable=False),
    Column("ts_lo", BigInteger, nullable=False),
    Column("ts_hi", BigInteger, nullable=False),
    Column("chunks", LargeBinary, nullable=False),
)

# These are dense already: PostgreSQL should not spend time on trying to compress them.
_DENSE = {
    metric_log: ["frame"],
    metric_axis: ["base", "step", "ts"],
    metric_cdata: ["v"],
    metric_rollup: ["chunks"],
}
for _table, _columns in _DENSE.items():
    for _column in _columns:
        _uncompressed = f"ALTER TABLE {_table.name} ALTER COLUMN {_column} SET STORAGE EXTERNAL"
        event.listen(_table, "after_create", DDL(_uncompressed).execute_if(dialect="postgresql"))

PARTITIONED = (metric_axis, metric_chunk, metric_cdata)
for _table in PARTITIONED:
    for _number in range(PARTITIONS):
        _part = (
            f"CREATE TABLE {_table.name}_p{_number:02} PARTITION OF {_table.name}"
            f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {_number}) WITH ({_CLEANED})"
        )
        event.listen(_table, "after_create", DDL(_part).execute_if(dialect="postgresql"))


def is_partition(name: str | None) -> bool:
    """Whether a table is a partition of one of ours; migrations compare the parent tables only."""
    return any((name or "").startswith(f"{table.name}_p") for table in PARTITIONED)


# What a run's number is the key of, except its streams.
OF_RUNS = (
    metric_log, metric_rollup, metric_cdata, metric_chunk, metric_axis, metric_series, metric_writer,
    console_chunk, console_writer,
)  # fmt: skip
