"""Marks in the charts of a run: notes that somebody pinned to a point, and where the run went on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from ..errors import Conflict, Invalid
from ..extensions import db, live_bus, writing
from ..models import RunMark, User
from ..principal import Principal
from . import projects, runs, validation
from .projects import Right

LONGEST_NOTE = 4000
MOST_NOTES = 1000  # Of a run.


def of_runs(principal: Principal, run_ids: Sequence[int]) -> list[tuple[RunMark, str | None]]:
    """The marks of many runs, oldest first, each with the name of its author. Raises what `runs.get` does."""
    runs.check_all(run_ids, principal)
    query = sa.select(RunMark, User.username).outerjoin(User, User.id == RunMark.user_id)
    rows = db.session.execute(query.where(RunMark.run_id.in_(run_ids)).order_by(RunMark.id))
    return [(mark, author) for mark, author in rows]


def pin(
    principal: Principal,
    run_id: int,
    text: str,
    metric: str | None = None,
    step: int | None = None,
    time: datetime | None = None,
) -> RunMark:
    """Write a note, in Markdown, about a point of a metric or about the run. Raises Invalid, and Conflict for too many."""
    text = _checked(text)
    if metric is not None:
        validation.check_metric(metric)
    with writing() as session:
        runs.get(run_id, principal, "write")
        count = sa.select(sa.func.count()).where(RunMark.run_id == run_id, RunMark.kind == "note")
        if (session.scalar(count) or 0) >= MOST_NOTES:
            raise Conflict(f"A run has at most {MOST_NOTES} notes")
        mark = RunMark(
            run_id=run_id, kind="note", metric=metric, step=step, time=time, text=text, user_id=principal.user_id
        )
        session.add(mark)
    live_bus.publish(f"run-marks:{run_id}")
    return mark


def edit(principal: Principal, note_id: int, text: str) -> tuple[RunMark, str | None]:
    """Change the text of a note; gives the note and its author."""
    text = _checked(text)
    with writing():
        note = get(principal, note_id, "write")
        note.text = text
        author = db.session.get(User, note.user_id) if note.user_id else None
    live_bus.publish(f"run-marks:{note.run_id}")
    return note, author.username if author else None


def remove(principal: Principal, note_id: int) -> int:
    """Delete a note; gives the id of its run."""
    with writing() as session:
        note = get(principal, note_id, "write")
        session.delete(note)
    live_bus.publish(f"run-marks:{note.run_id}")
    return note.run_id


def get(principal: Principal, note_id: int, to: Right = "read") -> RunMark:
    """The note. Raises NotFound, and what `runs.get` does."""
    note = db.session.get(RunMark, note_id)
    if note is None or note.kind != "note":
        raise projects.missing(principal)
    runs.get(note.run_id, principal, to)
    return note


def _checked(text: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid.field("text", "text must not be empty")
    if len(text) > LONGEST_NOTE:
        raise Invalid.field("text", f"text must have at most {LONGEST_NOTE} characters", "length")
    validation.check_prose("text", text)
    return text
