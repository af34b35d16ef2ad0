"""Indexes for all that runs are asked for by: their tags, times, notes, and any part of their words and config values"""

import logging

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

log = logging.getLogger("alembic.runtime.migration")

RUNS_AT_ONCE = 500
ROWS_AT_ONCE = 5000
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

runs = sa.table("runs", *(sa.column(name) for name in ("id", "project_id", "tags")))
config = sa.table("run_config", *(sa.column(name) for name in ("run_id", "key", "text", "folded")))

series = sa.table(
    "metric_series",
    *(sa.column(name) for name in ("run_no", "metric_id", "n", "n_bad", "vsum", "vmin", "vmax", "vmean", "flags")),
)

# The words of a run, and three characters that stand for its project.
MARK = "char(10, 57344 + {0}.project_id / 40960000 % 6400, 57344 + {0}.project_id / 6400 % 6400, 57344 + {0}.project_id % 6400)"
WORDS = "{0}.words || " + MARK
SQLITE = [
    "CREATE INDEX ix_runs_words ON runs (project_id, id, words)",
    "CREATE VIRTUAL TABLE runs_words USING fts5(words, content='', detail=none, tokenize='trigram')",
    f"INSERT INTO runs_words (rowid, words) SELECT id, {WORDS.format('runs')} FROM runs",  # noqa: S608
    f"""CREATE TRIGGER runs_words_insert AFTER INSERT ON runs BEGIN
        INSERT INTO runs_words (rowid, words) VALUES (new.id, {WORDS.format("new")}); END""",  # noqa: S608
    f"""CREATE TRIGGER runs_words_delete AFTER DELETE ON runs BEGIN
        INSERT INTO runs_words (runs_words, rowid, words) VALUES ('delete', old.id, {WORDS.format("old")}); END""",  # noqa: S608
    f"""CREATE TRIGGER runs_words_update AFTER UPDATE OF words ON runs WHEN old.words != new.words BEGIN
        INSERT INTO runs_words (runs_words, rowid, words) VALUES ('delete', old.id, {WORDS.format("old")});
        INSERT INTO runs_words (rowid, words) VALUES (new.id, {WORDS.format("new")}); END""",  # noqa: S608
]


def upgrade() -> None:
    for time in ("created_at", "started_at", "ended_at"):
        op.create_index(f"ix_runs_project_id_{time}_id", "runs", ["project_id", time, "id"])
    noted = sa.text("notes != ''")
    op.create_index("ix_runs_notes", "runs", ["project_id", "id"], sqlite_where=noted, postgresql_where=noted)
    add_tags()
    add_folded()
    add_means()
    if op.get_bind().dialect.name == "sqlite":
        for statement in SQLITE:
            op.execute(statement)
    else:
        add_trigrams()


def add_tags() -> None:
    table = op.create_table(
        "run_tags",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("tag", KEY, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_tags_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "tag", name="pk_run_tags"),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    query = sa.select(runs.c.id, runs.c.project_id, runs.c.tags).where(runs.c.tags != "[]").order_by(runs.c.id)
    last = 0
    while some := connection.execute(query.where(runs.c.id > last).limit(RUNS_AT_ONCE)).all():
        rows = [
            {"run_id": run, "tag": tag, "project_id": project}
            for run, project, tags in some
            for tag in dict.fromkeys(orjson.loads(tags))
        ]
        if rows:
            connection.execute(table.insert(), rows)
        last = some[-1].id
    op.create_index("ix_run_tags_tag", "run_tags", ["project_id", "tag", "run_id"])


def add_folded() -> None:
    op.add_column("run_config", sa.Column("folded", KEY, nullable=True))
    connection = op.get_bind()
    place = sa.tuple_(config.c.run_id, config.c.key)
    query = (
        sa.select(config.c.run_id, config.c.key, config.c.text)
        .where(config.c.text.is_not(None))
        .order_by(config.c.run_id, config.c.key)
        .limit(ROWS_AT_ONCE)
    )
    change = sa.update(config).where(config.c.run_id == sa.bindparam("run"), config.c.key == sa.bindparam("name"))
    change = change.values(folded=sa.bindparam("small"))
    last = (0, "")
    while some := connection.execute(query.where(place > sa.tuple_(*last))).all():
        # As it was written it stands behind what it sorts by, or is that.
        rows = [
            {"run": row.run_id, "name": row.key, "small": row.text.rpartition("\x01 ")[2].casefold()} for row in some
        ]
        connection.execute(change, rows)
        last = (some[-1].run_id, some[-1].key)
    present = sa.text("folded IS NOT NULL")
    op.create_index(
        "ix_run_config_folded", "run_config", ["project_id", "key", "folded", "run_id"],
        sqlite_where=present, postgresql_where=present,
    )  # fmt: skip


def add_means() -> None:
    op.add_column("metric_series", sa.Column("vmean", sa.Double(), nullable=True))
    connection = op.get_bind()
    smaller, larger = ("min", "max") if connection.dialect.name == "sqlite" else ("least", "greatest")
    # Not those that would leave a float's range on the way: PostgreSQL refuses to compute them.
    op.execute(f"""
        UPDATE metric_series SET vmean = {smaller}({larger}(vsum / (n - n_bad), vmin), vmax)
        WHERE vmin IS NOT NULL AND flags & 2 = 0 AND (vsum = 0 OR abs(vsum) > 1e-280)
    """)  # noqa: S608
    s = series.c
    left = sa.select(s.run_no, s.metric_id, s.n - s.n_bad, s.vsum, s.vmin, s.vmax, s.flags)
    for run, metric, count, total, low, high, flags in connection.execute(
        left.where(s.vmin.is_not(None), s.vmean.is_(None))
    ).all():
        mean = total / count
        mean = min(max(mean * 2.0**64 if flags & 2 else mean, low), high)
        connection.execute(sa.update(series).where(s.run_no == run, s.metric_id == metric).values(vmean=mean))
    finished = sa.text("live = 0")
    op.create_index(
        "ix_metric_series_vmean", "metric_series", ["project_id", "metric_id", "vmean", "run_no"],
        sqlite_where=finished, postgresql_where=finished,
    )  # fmt: skip


def add_trigrams() -> None:
    """Without the extension, or the right to make it, words are found by reading those of all runs."""
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except sa.exc.DBAPIError as error:
        log.warning("There is no pg_trgm, so searches for words read all runs: %s", error.orig)
        return
    op.execute("CREATE INDEX ix_runs_words ON runs USING gin (words gin_trgm_ops)")


def downgrade() -> None:
    """Downgrading is restoring the copy that was made before the migration."""
    raise NotImplementedError("restore the copy that was made before the migration")
