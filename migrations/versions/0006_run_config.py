"""The values of configs one by one, so that runs are sorted and found by any of them; and what projects are searched by"""

import re

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

RUNS_AT_ONCE = 500
LONGEST_KEY, LONGEST_TEXT, LONGEST_SORTED, MOST_KEYS = 125, 250, 100, 5000
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = re.compile(r"(\d+)")

projects = sa.table("projects", *(sa.column(name) for name in ("id", "name", "description", "words")))
runs = sa.table("runs", *(sa.column(name) for name in ("id", "project_id", "config")))


def upgrade() -> None:
    add_words()
    table = op.create_table(
        "run_config",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("text", KEY, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_config_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_run_config")),
        sqlite_with_rowid=False,
    )
    fill(table)
    for column in ("number", "text"):
        present = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_run_config_{column}", "run_config", ["project_id", "key", column, "run_id"],
            sqlite_where=present, postgresql_where=present,
        )  # fmt: skip


def add_words() -> None:
    op.add_column("projects", sa.Column("words", sa.Text(), nullable=False, server_default=""))
    connection = op.get_bind()
    query = sa.select(projects.c.id, projects.c.name, projects.c.description)
    for project, name, description in connection.execute(query).all():
        words = f"{name}\n{description}".casefold()
        connection.execute(sa.update(projects).where(projects.c.id == project).values(words=words))


def fill(table: sa.Table) -> None:
    """Write the rows of the runs that are there, some runs at a time."""
    connection = op.get_bind()
    query = sa.select(runs.c.id, runs.c.project_id, runs.c.config).order_by(runs.c.id).limit(RUNS_AT_ONCE)
    last = 0
    while some := connection.execute(query.where(runs.c.id > last)).all():
        if rows := [row for run, project, config in some for row in rows_of(run, project, orjson.loads(config))]:
            connection.execute(table.insert(), rows)
        last = some[-1].id


def rows_of(run_id: int, project_id: int, config: dict) -> list[dict]:
    rows = []
    for key, value in dict(flat(config)).items():
        if value is None or len(key) > LONGEST_KEY:
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        text = None if is_number else text_key(value if isinstance(value, str) else orjson.dumps(value).decode())
        number = float(value) if is_number else None
        rows.append({"run_id": run_id, "key": key, "project_id": project_id, "number": number, "text": text})
    return rows[:MOST_KEYS]


def flat(config):
    stack = [("", config)]
    while stack:
        key, value = stack.pop()
        if isinstance(value, dict) and value:
            stack.extend((f"{key}.{name}" if key else name, inner) for name, inner in reversed(value.items()))
        elif key:
            yield key, value


def text_key(text: str) -> str:
    text = text[:LONGEST_TEXT]
    key = natural_key(text[:LONGEST_SORTED])
    return key if key == text else f"{key}\x01 {text}"


def natural_key(text: str) -> str:
    parts = NUMBER.split(text.casefold())
    for i in range(1, len(parts), 2):
        digits = parts[i].lstrip("0")
        parts[i] = f"\x01{len(digits):03}{digits}"
    return "".join(parts)


def downgrade() -> None:
    op.drop_table("run_config")
    op.drop_column("projects", "words")
