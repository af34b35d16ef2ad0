"""Checksums: of a series' row in a column, of a blob in the blob

Nothing is written anew: rows and blobs of before have no checksum and are read as they are, new ones have one, and
`aimanager doctor --add-checksums` adds it to the old ones. A server of before cannot read the new blobs, so the schema's
number is what keeps it out.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("metric_series", sa.Column("crc", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
