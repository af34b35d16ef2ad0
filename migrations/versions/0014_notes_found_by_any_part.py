"""Notes are found by any part of them, and an index says in which place of a run a text is"""

import logging

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

log = logging.getLogger("alembic.runtime.migration")

RUNS_AT_ONCE = 500
runs = sa.table("runs", *(sa.column(name) for name in ("id", "notes", "folded_notes")))

# Of a run's words the first line is the name, the others are tags. Three characters stand for its project.
END = "instr({0}.words || char(10), char(10))"
MARK = "char(57344 + {0}.project_id / 40960000 % 6400, 57344 + {0}.project_id / 6400 % 6400, 57344 + {0}.project_id % 6400)"
CELLS = f"{{0}}.id, substr({{0}}.words, 1, {END} - 1), substr({{0}}.words, {END} + 1), {{0}}.folded_notes, {MARK}"
COLUMNS = "rowid, name, tags, notes, project"
INSERT = f"INSERT INTO runs_words ({COLUMNS}) VALUES ({CELLS.format('new')})"  # noqa: S608
DELETE = f"INSERT INTO runs_words (runs_words, {COLUMNS}) VALUES ('delete', {CELLS.format('old')})"  # noqa: S608
SQLITE = [
    *(f"DROP TRIGGER runs_words_{event}" for event in ("insert", "delete", "update")),
    "DROP TABLE runs_words",
    """CREATE VIRTUAL TABLE runs_words
        USING fts5(name, tags, notes, project, content='', tokenize='trigram case_sensitive 1')""",
    f"INSERT INTO runs_words ({COLUMNS}) SELECT {CELLS.format('runs')} FROM runs",  # noqa: S608
    f"CREATE TRIGGER runs_words_insert AFTER INSERT ON runs BEGIN {INSERT}; END",
    f"CREATE TRIGGER runs_words_delete AFTER DELETE ON runs BEGIN {DELETE}; END",
    f"""CREATE TRIGGER runs_words_update AFTER UPDATE OF words, folded_notes ON runs
        WHEN old.words != new.words OR old.folded_notes != new.folded_notes BEGIN {DELETE}; {INSERT}; END""",
]


def upgrade() -> None:
    op.add_column("runs", sa.Column("folded_notes", sa.Text(), nullable=False, server_default=""))
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    fold_notes()
    if is_sqlite:
        for statement in SQLITE:
            op.execute(statement)
    else:
        add_trigrams()


def fold_notes() -> None:
    connection = op.get_bind()
    query = sa.select(runs.c.id, runs.c.notes).where(runs.c.notes != "").order_by(runs.c.id).limit(RUNS_AT_ONCE)
    change = sa.update(runs).where(runs.c.id == sa.bindparam("run")).values(folded_notes=sa.bindparam("small"))
    last = 0
    while some := connection.execute(query.where(runs.c.id > last)).all():
        connection.execute(change, [{"run": run, "small": notes.casefold()} for run, notes in some])
        last = some[-1].id


def add_trigrams() -> None:
    """Without the extension, which migration 0010 has made where it could, notes are found by reading all of them."""
    has_trigrams = sa.text("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
    if op.get_bind().scalar(has_trigrams):
        op.execute(
            "CREATE INDEX ix_runs_folded_notes ON runs USING gin (folded_notes gin_trgm_ops) WHERE folded_notes != ''"
        )
    else:
        log.warning("There is no pg_trgm, so searches for notes read all notes")


def downgrade() -> None:
    """Downgrading is restoring the copy that was made before the migration."""
    raise NotImplementedError("restore the copy that was made before the migration")
