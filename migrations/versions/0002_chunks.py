"""Chunks of points behind the log, and the tree over them

What is in the log stays there and is read as before; the server turns it into chunks while it runs.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DENSE = {"metric_axis": ["base", "step", "ts"], "metric_cdata": ["v"], "metric_rollup": ["chunks"]}


def key(name: str, kind: type[sa.types.TypeEngine] = sa.BigInteger) -> sa.Column:
    return sa.Column(name, kind(), autoincrement=False, nullable=False)


def needed(kind: type[sa.types.TypeEngine], *names: str) -> list[sa.Column]:
    return [sa.Column(name, kind(), nullable=False) for name in names]


def optional(kind: type[sa.types.TypeEngine], *names: str) -> list[sa.Column]:
    return [sa.Column(name, kind(), nullable=True) for name in names]


def upgrade() -> None:
    with op.batch_alter_table("metric_stream") as stream:
        stream.add_column(sa.Column("next_axis", sa.BigInteger(), nullable=False, server_default="1"))
        stream.add_column(sa.Column("tail_rows", sa.BigInteger(), nullable=False, server_default="0"))
        stream.add_column(sa.Column("tail_bytes", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "metric_axis",
        key("run_no"),
        key("axis_no"),
        *needed(sa.BigInteger, "id_lo", "id_hi"),
        *needed(sa.Integer, "rows"),
        *needed(sa.SmallInteger, "flags"),
        *needed(sa.BigInteger, "step_lo", "step_hi", "ts_lo", "ts_hi"),
        *needed(sa.LargeBinary, "metrics"),
        *optional(sa.LargeBinary, "step_edges", "ts_edges"),
        *needed(sa.LargeBinary, "base", "step", "ts"),
        sa.PrimaryKeyConstraint("run_no", "axis_no", name=op.f("pk_metric_axis")),
    )
    op.create_index("ix_metric_axis_id", "metric_axis", ["run_no", "id_hi", "id_lo"])
    op.create_table(
        "metric_chunk",
        key("run_no"),
        key("metric_id", sa.Integer),
        key("axis_no"),
        *needed(sa.Integer, "pos", "rows"),
        *needed(sa.SmallInteger, "flags"),
        *needed(sa.BigInteger, "id_lo", "id_hi", "step_lo", "step_hi", "ts_lo", "ts_hi"),
        *needed(sa.Integer, "n_bad"),
        *optional(sa.Double, "vmin", "vmax", "vlast"),
        *optional(sa.LargeBinary, "marks"),
        sa.PrimaryKeyConstraint("run_no", "metric_id", "axis_no", name=op.f("pk_metric_chunk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_cdata",
        key("run_no"),
        key("metric_id", sa.Integer),
        key("axis_no"),
        *needed(sa.LargeBinary, "sub", "v"),
        sa.PrimaryKeyConstraint("run_no", "metric_id", "axis_no", name=op.f("pk_metric_cdata")),
    )
    op.create_table(
        "metric_rollup",
        key("run_no"),
        key("metric_id", sa.Integer),
        key("axis_lo"),
        *needed(sa.BigInteger, "axis_hi", "step_lo", "step_hi", "ts_lo", "ts_hi"),
        *needed(sa.LargeBinary, "chunks"),
        sa.PrimaryKeyConstraint("run_no", "metric_id", "axis_lo", name=op.f("pk_metric_rollup")),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in DENSE.items():
            for column in columns:
                op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
    # As many rows as there are points at the most: whoever seals them puts it right.
    for column, sum_of in (("tail_rows", "n"), ("tail_bytes", "length(frame)")):
        op.execute(
            f"UPDATE metric_stream SET {column} = (SELECT coalesce(sum({sum_of}), 0)"  # noqa: S608  # Our own names.
            " FROM metric_log WHERE metric_log.run_no = metric_stream.run_no)"
        )


def downgrade() -> None:
    """Points that are in chunks by now would be lost."""
    raise NotImplementedError("restore the copy that was made before the migration")
