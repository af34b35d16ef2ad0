"""An index of three letters each, which finds the runs whose name, tags or notes have some text in them.

On SQLite it is a table of its full-text search that triggers keep; its columns are those places and three characters that stand
for the project. It knows where in a text the letters are, so that what it finds has the text. On PostgreSQL there are indexes
of `pg_trgm`, where that can be had: they serve LIKE by itself. All were made by migrations 0010 and 0014, and none is known to
SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import sqlalchemy as sa

TABLE = "runs_words"
Place = Literal["words", "name", "tags", "notes"]
_COLUMNS: dict[Place, str] = {"words": "name tags", "name": "name", "tags": "tags", "notes": "notes"}
_SHORTEST = 3  # Letters of a text that it finds.
# Characters of private use, of which three in a row stand for a project.
_FIRST, _COUNT = 0xE000, 6400


def is_part(name: str | None) -> bool:
    """Whether a table or index of the database is one of this index."""
    return (name or "").startswith(TABLE) or name in ("ix_runs_words", "ix_runs_folded_notes")


def question(text: str, place: Place, project_ids: Iterable[int] = ()) -> str | None:
    """What to ask the table for, in some projects or in all; None for a text that is too short. `words` is name and tags."""
    if len(text) < _SHORTEST:
        return None
    asked = f"{{{_COLUMNS[place]}}} : {_quoted(text)}"
    projects = " OR ".join(_quoted(_mark(project)) for project in project_ids)
    return f"{asked} AND {{project}} : ({projects})" if projects else asked


def _mark(project_id: int) -> str:
    return "".join(chr(_FIRST + project_id // _COUNT**power % _COUNT) for power in (2, 1, 0))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def found(question: str) -> sa.Select[int]:
    """The ids of the runs that have a text; by number the table gives them in either direction."""
    table = sa.table(TABLE, sa.column("rowid", sa.Integer), sa.column(TABLE))
    return sa.select(table.c.rowid).where(table.c[TABLE].op("MATCH")(question))
