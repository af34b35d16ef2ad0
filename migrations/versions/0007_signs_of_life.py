"""When a run last gave a sign of life, and durations by the server's clock alone"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LIVE = sa.text("state = 0")


def upgrade() -> None:
    op.add_column("runs", sa.Column("alive_at", sa.DateTime(), nullable=True))
    op.add_column("runs", sa.Column("has_heartbeat", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("runs", sa.Column("end_received_at", sa.DateTime(), nullable=True))
    op.execute("UPDATE runs SET alive_at = started_at, end_received_at = ended_at")
    op.execute("UPDATE runs SET lasted = 0, end_received_at = started_at WHERE lasted < 0")
    op.create_index("ix_metric_stream_live", "metric_stream", ["run_no"], sqlite_where=LIVE, postgresql_where=LIVE)


def downgrade() -> None:
    """Downgrading is restoring the copy that was made before the migration."""
    raise NotImplementedError("restore the copy that was made before the migration")
