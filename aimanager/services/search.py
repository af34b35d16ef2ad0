"""Everything that somebody may see, by some letters of its name: projects, and runs of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import defer

from ..db import word_index
from ..extensions import db
from ..models import Project, Run
from ..principal import Principal
from .run_list import states

LONGEST = 200  # Characters that are looked at.
MOST_WORDS = 8
MOST_PROJECTS = 500  # That a question to the index names.
MOST_CANDIDATES = 2000  # Runs that an index names, the newest first, of which those are taken that may be seen.


@dataclass(frozen=True)
class FoundRun:
    run: Run
    project: str
    state: str


@dataclass(frozen=True)
class Found:
    projects: Sequence[Project]
    runs: Sequence[FoundRun]


def everything(principal: Principal, text: str, most: int = 8) -> Found:
    """The newest projects and runs that have all words of the text: projects in name or description, runs in name or tags. A
    number finds the run of that id, too. Without a word, the newest ones of the caller's own."""
    words = text[:LONGEST].casefold().split()[:MOST_WORDS]
    seen = _visible(principal) if words else Project.owner_id == principal.user_id
    found = [*_of_id(seen, words), *_runs(seen, words, most)]
    once = {run.id: (run, project) for run, project in found}
    state = states.states([run for run, _ in once.values()])
    runs = [FoundRun(run, project, state[run.id]) for run, project in once.values()]
    return Found(_projects(seen, words, most), runs[:most])


def _visible(principal: Principal) -> sa.ColumnElement[bool]:
    if principal.is_superuser:
        return sa.true()
    return sa.or_(Project.is_public, Project.owner_id == principal.user_id)


def _projects(seen: sa.ColumnElement[bool], words: list[str], most: int) -> Sequence[Project]:
    """Those that have it in their name before those that are only described by it."""
    query = sa.select(Project).where(Project.deleted_at.is_(None), seen, *_have(Project.words, words))
    in_name = [sa.and_(*_have(sa.func.lower(Project.name), words)).desc()] if words else []
    return db.session.scalars(query.order_by(*in_name, Project.updated_at.desc()).limit(most)).all()


def _runs(seen: sa.ColumnElement[bool], words: list[str], most: int) -> list[tuple[Run, str]]:
    query = _readable(seen).where(*_have(Run.words, words)).order_by(Run.id.desc()).limit(most)
    if db.engine.dialect.name == "sqlite" and words:
        query = query.where(Run.id.in_(_candidates(seen, max(words, key=len))))
    return [(run, project) for run, project in db.session.execute(query)]


def _candidates(seen: sa.ColumnElement[bool], word: str) -> sa.Select[int]:
    """The newest runs that may have a word; PostgreSQL finds them by itself."""
    query = sa.select(Project.id).where(Project.deleted_at.is_(None), seen)
    projects = db.session.scalars(query.order_by(Project.updated_at.desc()).limit(MOST_PROJECTS + 1)).all()
    # With more projects than a question to the index may name, some of the newest are of others.
    asked = word_index.question(word, "words", projects if len(projects) <= MOST_PROJECTS else ())
    if asked is None:
        return sa.select(Run.id).where(Run.project_id.in_(projects)).order_by(Run.id.desc()).limit(MOST_CANDIDATES)
    query = word_index.found(asked)
    return query.order_by(query.selected_columns.rowid.desc()).limit(MOST_CANDIDATES)


def _of_id(seen: sa.ColumnElement[bool], words: list[str]) -> list[tuple[Run, str]]:
    number = words[0].removeprefix("#") if len(words) == 1 else ""
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return []
    return [(run, project) for run, project in db.session.execute(_readable(seen).where(Run.id == int(number)))]


def _readable(seen: sa.ColumnElement[bool]) -> sa.Select[Run, str]:
    """Runs with the names of their projects."""
    query = sa.select(Run, Project.name).join(Project, Project.id == Run.project_id)
    query = query.where(Project.deleted_at.is_(None), seen, Run.trashed_at.is_(None))
    return query.options(defer(Run.config), defer(Run.notes))


def _have(
    column: sa.ColumnElement[str] | sa.orm.InstrumentedAttribute[str], words: list[str]
) -> list[sa.ColumnElement[bool]]:
    return [column.contains(word, autoescape=True) for word in words]
