"""Runs can be archived, kept in the trash, coloured and asked to stop; views of a project are saved, and points are marked"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for name in ("archived_at", "trashed_at", "stop_requested_at"):
        op.add_column("runs", sa.Column(name, sa.DateTime(), nullable=True))
    op.add_column("runs", sa.Column("colour", sa.SmallInteger(), nullable=True))
    op.add_column("runs", sa.Column("total_steps", sa.BigInteger(), nullable=True))
    op.add_column("projects", sa.Column("archived_at", sa.DateTime(), nullable=True))
    for name in ("archived_at", "trashed_at"):
        is_set = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"ix_runs_{name}", "runs", ["project_id", "id"], sqlite_where=is_set, postgresql_where=is_set)
    op.create_table(
        "views",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_views"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_views_project_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_views_user_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_views_project_id", "views", ["project_id"])
    op.create_index("ix_views_user_id", "views", ["user_id"])
    op.create_table(
        "run_marks",
        sa.Column("id", ID, nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("metric", sa.Text(), nullable=True),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.Column("time", sa.DateTime(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run_marks"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_marks_run_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_run_marks_user_id", ondelete="SET NULL"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_marks_run_id", "run_marks", ["run_id"])
    op.create_index("ix_run_marks_user_id", "run_marks", ["user_id"])


def downgrade() -> None:
    """Downgrading is restoring the copy that was made before the migration."""
    raise NotImplementedError("restore the copy that was made before the migration")
