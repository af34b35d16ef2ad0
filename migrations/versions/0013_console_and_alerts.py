"""The console output of runs, and what they want to be looked at for"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DENSE = (
    "ALTER COLUMN body SET STORAGE EXTERNAL",
    "SET (autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05)",
)


def upgrade() -> None:
    add_console()
    add_alerts()


def add_console() -> None:
    op.create_table(
        "console_stream",
        sa.Column("run_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("left_out", sa.BigInteger(), nullable=False),
        sa.Column("kinds", sa.SmallInteger(), nullable=False),
        sa.Column("ranks", sa.Text(), nullable=False),
        sa.Column("cursors", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_no", name="pk_console_stream"),
        sa.ForeignKeyConstraint(["run_no"], ["runs.id"], name="fk_console_stream_run_no", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_console_stream_project_id", "console_stream", ["project_id"])
    op.create_table(
        "console_chunk",
        sa.Column("run_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line_lo", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("time_lo", sa.BigInteger(), nullable=False),
        sa.Column("time_hi", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("kinds", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_no", "line_lo", name="pk_console_chunk"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for setting in DENSE:
            op.execute(f"ALTER TABLE console_chunk {setting}")
    op.create_table(
        "console_writer",
        sa.Column("run_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("writer_id", sa.String(250), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary()),
        sa.Column("last_line", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_no", "writer_id", name="pk_console_writer"),
        sqlite_with_rowid=False,
    )


def add_alerts() -> None:
    op.create_table(
        "run_alerts",
        sa.Column("id", ID, nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("step", sa.BigInteger()),
        sa.Column("time", sa.DateTime(), nullable=False),
        sa.Column("once_key", sa.String(64)),
        sa.Column("once_body", sa.String(32)),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run_alerts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_alerts_run_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_run_alerts_project_id", ondelete="CASCADE"),
        sa.UniqueConstraint("run_id", "once_key", name="uq_run_alerts_run_id_once_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_alerts_project_id_id", "run_alerts", ["project_id", "id"])
    op.create_index("ix_run_alerts_run_id_id", "run_alerts", ["run_id", "id"])


def downgrade() -> None:
    """Downgrading is restoring the copy that was made before the migration."""
    raise NotImplementedError("restore the copy that was made before the migration")
