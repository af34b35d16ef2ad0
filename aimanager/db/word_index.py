"""An index of three letters each, which finds the runs whose words have some text in them.

On SQLite it is a table of its full-text search that triggers keep; it has the three letters of each run's words and three more
that stand for its project. On PostgreSQL it is an index of `pg_trgm`, where that can be had: it serves LIKE by itself.
Both were made by migration 0010, and neither is known to SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

TABLE = "runs_words"
MOST = 30  # Letter triples that are asked for; further ones hardly leave anything out.
# Characters of private use, of which three in a row stand for a project.
_FIRST, _COUNT = 0xE000, 6400


def is_part(name: str | None) -> bool:
    """Whether a table or index of the database is one of this index."""
    return (name or "").startswith(TABLE) or name == "ix_runs_words"


def triples(text: str, project_id: int | None = None) -> str | None:
    """What to ask the table for, in one project or in all; None for a text that is too short. What it finds must be tried: it has the same letters,
    but perhaps not in this order."""
    if len(text) < 3:
        return None
    mark = [] if project_id is None else [_mark(project_id)]
    each = dict.fromkeys(text[i : i + 3] for i in range(len(text) - 2))
    return " ".join(_quoted(triple) for triple in [*each][:MOST] + mark)


def _mark(project_id: int) -> str:
    return "".join(chr(_FIRST + project_id // _COUNT**power % _COUNT) for power in (2, 1, 0))


def within(triples: str, project_ids: Iterable[int]) -> str:
    """The same question, in some projects only."""
    return f"({triples}) AND ({' OR '.join(_quoted(_mark(project)) for project in project_ids)})"


def _quoted(triple: str) -> str:
    return '"' + triple.replace('"', '""') + '"'


def newest(triples: str, most: int) -> sa.Select[int]:
    """The ids of the newest runs that the table finds."""
    found = sa.table(TABLE, sa.column("rowid", sa.Integer), sa.column(TABLE))
    query = sa.select(found.c.rowid).where(found.c[TABLE].op("MATCH")(triples))
    return query.order_by(found.c.rowid.desc()).limit(most)


def has(run: sa.ColumnElement[int], triples: str) -> sa.ColumnElement[bool]:
    """Whether a run is one of those that the table finds."""
    found = sa.table(TABLE, sa.column("rowid"), sa.column(TABLE))
    return sa.and_(run == found.c.rowid, found.c[TABLE].op("MATCH")(triples))
