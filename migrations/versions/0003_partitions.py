"""Parts by run of the tables that grow with the points, on PostgreSQL

All or nothing: whoever is interrupted finds everything as it was. The points are written anew, so that the disk needs
room for as much again; nobody can read or write them meanwhile.
"""

import logging

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

log = logging.getLogger("aimanager.db.schema")

PARTS = 16
CLEANED = "autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05"
KEYS = {
    "metric_axis": "run_no, axis_no",
    "metric_chunk": "run_no, metric_id, axis_no",
    "metric_cdata": "run_no, metric_id, axis_no",
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("SET LOCAL statement_timeout = 0")
    for table, key in KEYS.items():
        cut(table, key)
    op.create_index("ix_metric_axis_id", "metric_axis", ["run_no", "id_hi", "id_lo"])


def cut(table: str, key: str) -> None:
    """Move a table into parts; its indexes are made when the rows are there."""
    whole = f"{table}_whole"
    op.rename_table(table, whole)
    size = scalar(f"SELECT pg_total_relation_size('{whole}')")
    log.info("%s: moving %d MB into parts", table, size >> 20)
    # Storage that is not compressed goes over to each part.
    op.execute(f"CREATE TABLE {table} (LIKE {whole} INCLUDING STORAGE) PARTITION BY HASH (run_no)")
    for part in range(PARTS):
        values = f"FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
        op.execute(f"CREATE TABLE {table}_p{part:02} PARTITION OF {table} {values} WITH ({CLEANED})")
    op.execute(f"INSERT INTO {table} SELECT * FROM {whole}")  # noqa: S608  # Our own names.
    before, after = (scalar(f"SELECT count(*) FROM {name}") for name in (whole, table))  # noqa: S608
    if before != after:
        raise RuntimeError(f"{table} had {before} rows and would have {after}; nothing was changed")
    op.drop_table(whole)
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({key})")


def scalar(query: str) -> int:
    return op.get_bind().execute(sa.text(query)).scalar_one()


def downgrade() -> None:
    raise NotImplementedError("restore a backup of the database")
