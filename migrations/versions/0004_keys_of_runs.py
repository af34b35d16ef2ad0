"""What the table of runs is sorted and searched by, in columns of its own"""

import json
import re
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

AT_ONCE = 1000
DELETING = sa.text("state = 2")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

runs = sa.table(
    "runs", *(sa.column(name) for name in ("id", "name", "tags", "name_key", "tags_key", "words", "lasted")),
    sa.column("started_at", sa.DateTime()), sa.column("ended_at", sa.DateTime()),
)  # fmt: skip


def upgrade() -> None:
    op.add_column("runs", sa.Column("name_key", KEY, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("tags_key", KEY, nullable=True))
    op.add_column("runs", sa.Column("words", sa.Text(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("lasted", sa.BigInteger(), nullable=True))
    fill()
    for column in ("name_key", "tags_key", "lasted", "status"):
        op.create_index(f"ix_runs_project_id_{column}_id", "runs", ["project_id", column, "id"])
    op.drop_index("ix_runs_project_id_status", "runs")
    op.create_index(
        "ix_metric_stream_deleting", "metric_stream", ["run_no"], sqlite_where=DELETING, postgresql_where=DELETING
    )


def fill() -> None:
    """Work out the keys of the runs that are there, some at a time."""
    here = op.get_bind()
    keys = {name: sa.bindparam(name) for name in ("name_key", "tags_key", "words", "lasted")}
    change = sa.update(runs).where(runs.c.id == sa.bindparam("run")).values(keys)
    query = sa.select(runs.c.id, runs.c.name, runs.c.tags, runs.c.started_at, runs.c.ended_at).order_by(runs.c.id)
    last = 0
    while rows := here.execute(query.where(runs.c.id > last).limit(AT_ONCE)).all():
        here.execute(
            change,
            [{"run": run, **keys_of(name, json.loads(tags), start, end)} for run, name, tags, start, end in rows],
        )
        last = rows[-1].id


def keys_of(name: str, tags: list[str], started_at: datetime, ended_at: datetime | None) -> dict[str, Any]:
    """The keys as the server made them at this revision: a copy, so that they stay what the next revision expects."""
    return {
        "name_key": natural_order(name),
        "tags_key": natural_order(", ".join(tags)) if tags else None,
        "words": "\n".join([name, *tags]).casefold(),
        "lasted": None if ended_at is None else (ended_at - started_at) // timedelta(microseconds=1),
    }


def natural_order(text: str) -> str:
    """Orders run-9 before run-10: a number becomes a mark below every letter, how many digits it has, and these."""
    parts = re.split(r"(\d+)", text[:200].casefold())
    for i in range(1, len(parts), 2):
        digits = parts[i].lstrip("0")
        parts[i] = f"\x01{len(digits):03}{digits}"
    return "".join(parts)


def downgrade() -> None:
    """Downgrading is restoring the copy that was made before the migration."""
    raise NotImplementedError("restore the copy that was made before the migration")
