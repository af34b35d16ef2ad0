"""Runs can be resumed by a key, forked and rewound; they keep their summary, environment and exit; metrics are defined"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("runs", sa.Column("resume_key", sa.String(200), nullable=True))
    op.add_column("runs", sa.Column("parent_id", ID, nullable=True))
    op.add_column("runs", sa.Column("fork_step", sa.BigInteger(), nullable=True))
    op.add_column("runs", sa.Column("summary", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("runs", sa.Column("environment", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("exit", sa.Text(), nullable=True))
    has_key, has_parent = sa.text("resume_key IS NOT NULL"), sa.text("parent_id IS NOT NULL")
    op.create_index(
        "ix_runs_resume_key",
        "runs",
        ["project_id", "resume_key"],
        unique=True,
        sqlite_where=has_key,
        postgresql_where=has_key,
    )
    op.create_index("ix_runs_parent_id", "runs", ["parent_id"], sqlite_where=has_parent, postgresql_where=has_parent)
    op.create_table(
        "metric_definitions",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("metric", KEY, nullable=False),
        sa.Column("goal", sa.String(3), nullable=True),
        sa.Column("x", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "metric", name="pk_metric_definitions"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_metric_definitions_project_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    for name in ("gone", "rewound_id"):
        op.add_column("metric_stream", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Downgrading is restoring the copy that was made before the migration."""
    raise NotImplementedError("restore the copy that was made before the migration")
