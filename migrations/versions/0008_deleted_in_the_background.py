"""Projects are marked as deleted before their rows are removed, and the last value of a series is that of its greatest step

The last value used to be that of the latest time. Series of which that may be another point are listed here; the server
chooses theirs again soon after its start.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# A chunk says up to where its steps and ids go; what a log has is not known before it is read.
LIST = """
INSERT INTO metric_unsettled (run_no, metric_id)
SELECT s.run_no, s.metric_id FROM metric_series s JOIN metric_stream t ON t.run_no = s.run_no
WHERE t.state < 2 AND (
    EXISTS (SELECT 1 FROM metric_log l WHERE l.run_no = s.run_no)
    OR EXISTS (
        SELECT 1 FROM metric_chunk c WHERE c.run_no = s.run_no AND c.metric_id = s.metric_id
        AND (c.step_hi > s.last_step OR (c.step_hi = s.last_step AND c.id_hi > s.last_id))
    )
)
"""


def upgrade() -> None:
    op.add_column("projects", sa.Column("deleted_at", sa.DateTime(), nullable=True))
    op.create_table(
        "metric_unsettled",
        sa.Column("run_no", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("metric_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("run_no", "metric_id", name="pk_metric_unsettled"),
        sqlite_with_rowid=False,
    )
    op.execute(LIST)


def downgrade() -> None:
    """Downgrading is restoring the copy that was made before the migration."""
    raise NotImplementedError("restore the copy that was made before the migration")
