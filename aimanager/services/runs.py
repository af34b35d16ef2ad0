"""Runs: start, find, change, delete. The state that one is shown in is in run_state.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..db.prepared import Prepared, one_of
from ..errors import Conflict, Invalid, Taken
from ..extensions import database, db, live_bus, metric_store, parts, writing
from ..models import Project, Run, RunMark
from ..models.base import now
from ..models.run import COLOURS, FINAL, STATUSES
from ..principal import Principal
from . import projects, run_facts, validation
from .projects import Right


def get(run_id: int, principal: Principal, to: Right = "read") -> Run:
    """The run. Raises NotFound, Unauthorized, Forbidden."""
    row = db.session.execute(
        sa.select(Run, Project.owner_id, Project.is_public)
        .join(Project, Project.id == Run.project_id)
        .where(Run.id == run_id, Project.deleted_at.is_(None))
    ).one_or_none()
    if row is None:
        raise projects.missing(principal)
    projects.check(principal, row.owner_id, row.is_public, to)
    return row.Run


_runs, _projects = Run.__table__.c, Project.__table__.c
_PLACE = (
    sa.select(_runs.project_id, _projects.owner_id, _projects.is_public, _runs.stop_requested_at)
    .join_from(Run.__table__, Project.__table__, _projects.id == _runs.project_id)
    .where(_runs.id == sa.bindparam("run_id"), _projects.deleted_at.is_(None))
)


class Place(NamedTuple):
    """Whose a run is, and whether it is asked to stop."""

    project_id: int
    stop_requested: bool


def place_of(run_id: int, principal: Principal, to: Right = "read") -> Place:
    """What ingest needs of a run, after a check of the caller's rights, without loading a row object."""
    row = database.lookups.recall(_PLACE, run_id=run_id)
    if row is None:
        raise projects.missing(principal)
    project_id, owner_id, is_public, stop_requested_at = row
    projects.check(principal, owner_id, is_public, to)
    return Place(project_id, stop_requested_at is not None)


def project_of(run_id: int, principal: Principal, to: Right = "read") -> int:
    """The id of the run's project, after a check of the caller's rights."""
    return place_of(run_id, principal, to).project_id


_PLACES = Prepared(
    sa.select(_runs.id, _projects.owner_id, _projects.is_public)
    .join_from(Run.__table__, Project.__table__, _projects.id == _runs.project_id)
    .where(one_of(_runs.id, "run_ids"), _projects.deleted_at.is_(None))
)


def check_all(run_ids: Sequence[int], principal: Principal) -> None:
    """May the caller read these runs? One statement, however many there are. Raises what `project_of` does for the first of
    them that may not be read."""
    if len(run_ids) == 1:
        project_of(run_ids[0], principal)  # Its answer may be remembered.
        return
    with database.reading() as connection:
        rows = {run_id: place for run_id, *place in _PLACES.rows(connection, run_ids=list(run_ids))}
    for run_id in run_ids:
        if run_id not in rows:
            raise projects.missing(principal)
        owner_id, is_public = rows[run_id]
        projects.check(principal, owner_id, bool(is_public), "read")


def readable(run_ids: Sequence[int], principal: Principal) -> list[int]:
    """Those of many runs that are there and that the caller may read."""
    with database.reading() as connection:
        rows = _PLACES.rows(connection, run_ids=list(run_ids))
    return [run_id for run_id, owner_id, public in rows if projects.allowed(principal, owner_id, bool(public), "read")]


def create(
    principal: Principal,
    project_id: int,
    name: str | None = None,
    config: dict[str, Any] | None = None,
    tags: Sequence[str] = (),
    notes: str = "",
    once: tuple[str, str] | None = None,
    total_steps: int | None = None,
    key: str | None = None,
) -> Run:
    """Start a run. One without a name is called `run-<id>`.

    `once` is a key and a fingerprint: a second call with both returns the run that the first one made, one with the same key
    and another fingerprint raises Conflict. Raises Taken where another run of the project has the `key` to resume it by.
    """
    if name is not None:
        validation.check_name("name", name)
    validation.check_tags(tags)
    validation.check_prose("notes", notes)
    if key is not None:
        validation.check_name("key", key)
    config = validation.check_config(config or {})
    fields = {"name": name, "config": config, "tags": [*tags], "notes": notes, "total_steps": total_steps, "key": key}
    try:
        run = _start(principal, project_id, once, **fields)
    except IntegrityError:  # The same key came twice at once, on a database that has no gate.
        run = _start(principal, project_id, once, **fields)
    live_bus.publish(f"project:{project_id}")
    return run


def _start(principal: Principal, project_id: int, once: tuple[str, str] | None, **fields: Any) -> Run:
    with writing() as session:
        projects.get(project_id, principal, "write")
        if once and (made := made_before(project_id, *once)):
            return made
        if fields["key"] is not None and (taken := by_key(project_id, fields["key"])):
            raise Taken("key", f"Run {taken.id} of this project has the key already: resume it, or choose another key")
        run = Run(**fields | {"project_id": project_id, "name": fields["name"] or ""})
        run.once_key, run.once_body = once or (None, None)
        run.started_at = run.alive_at = run.created_at = run.updated_at = now()
        session.add(run)
        session.flush()
        if not run.name:
            run.name, run.updated_at = f"run-{run.id}", run.created_at
    return run


def made_before(project_id: int, key: str, fingerprint: str) -> Run | None:
    """The run that an earlier request with this key made. Raises Conflict if that had another body."""
    run = db.session.scalar(sa.select(Run).where(Run.project_id == project_id, Run.once_key == key))
    if run and run.once_body != fingerprint:
        raise Conflict("This Idempotency-Key made a run from another body; use a new key for a new run")
    return run


def is_repeated(run: Run, once: tuple[str, str] | None) -> bool:
    """Whether the request that made a run comes again while it is running: a retry, or another of the processes that share it."""
    return run.status == "running" and once == (run.once_key, run.once_body)


def by_key(project_id: int, key: str) -> Run | None:
    """The run of a project that is resumed by this key."""
    return db.session.scalar(sa.select(Run).where(Run.project_id == project_id, Run.key == key))


def update(principal: Principal, run_id: int, **changes: Any) -> Run:
    """Change name, status, ended_at, config, tags, notes, total_steps, archived, colour, or what `run_facts.merge` takes; a
    final status without a time ends the run now."""
    facts = {name: changes.pop(name) for name in run_facts.MERGED & changes.keys()}
    changes = _checked(changes)
    last_step_now = last_step(run_id) if changes.get("status") == "running" else None
    with writing() as session:
        run = get(run_id, principal, "write")
        changes |= run_facts.merge(run, changes, facts)
        if "archived" in changes and (archived := changes.pop("archived")) != run.archived:
            changes["archived_at"] = now() if archived else None
        status = changes.get("status", run.status)
        ended_now = status != run.status and status in FINAL
        # A whole run that is put back brings the end that it had.
        if status in FINAL and changes.get("ended_at") is None:
            changes["ended_at"] = run.ended_at if run.ended_at and not ended_now else now()
        if status == "running" and "status" in changes:
            changes["ended_at"] = None
            if run.status != "running":
                go_on(session, run, last_step_now, principal)
        if status != run.status:
            run.stop_requested_at = None
        for field, value in changes.items():
            setattr(run, field, value)
        if run.ended_at is None:
            run.end_received_at = None
        elif run.end_received_at is None or ended_now:
            run.end_received_at = now()
    if "status" in changes:
        live_bus.publish(f"run-marks:{run_id}")
        (metric_store.finish if run.status in FINAL else metric_store.resume)(run_id)
    live_bus.publish(f"run-facts:{run_id}")
    live_bus.publish(f"project:{run.project_id}")
    return run


def _checked(changes: dict[str, Any]) -> dict[str, Any]:
    allowed = {"name", "status", "ended_at", "config", "tags", "notes", "total_steps", "archived", "colour"}
    if not set(changes) <= allowed:
        raise Invalid.field("body", f"only {', '.join(sorted(allowed))} can be changed")
    if "name" in changes:
        validation.check_name("name", changes["name"])
    if "status" in changes and changes["status"] not in STATUSES:
        raise Invalid.field("status", f"status must be one of {', '.join(STATUSES)}")
    if "tags" in changes:
        validation.check_tags(changes["tags"])
    if "notes" in changes:
        validation.check_prose("notes", changes["notes"])
    if changes.get("colour") is not None and not 0 <= changes["colour"] < COLOURS:
        raise Invalid.field("colour", f"colour must be a number from 0 to {COLOURS - 1}, or null")
    if "config" in changes:
        changes["config"] = validation.check_config(changes["config"])
    return changes


def go_on(session: Session, run: Run, last_step: int | None, principal: Principal) -> None:
    """A run's script goes on: its silence begins anew, the end that it had is forgotten, and its charts have a mark; one for
    several that go on at the same point, as when a request is sent again, and none before there are points."""
    run.alive_at, run.has_heartbeat, run.exit, run.stop_requested_at = now(), False, None, None
    latest = session.scalar(sa.select(RunMark).where(RunMark.run_id == run.id).order_by(RunMark.id.desc()).limit(1))
    is_there = latest is not None and (latest.kind, latest.step) == ("resume", last_step)
    if run.status == "running" and (is_there or last_step is None):
        return
    session.add(RunMark(run_id=run.id, kind="resume", step=last_step, time=now(), user_id=principal.user_id))


def last_step(run_id: int) -> int | None:
    """Where the points of a run end; None without any."""
    return max((metric.last_step for metric in metric_store.summaries([run_id]).get(run_id, ())), default=None)


def heartbeat(principal: Principal, run_id: int) -> Place:
    """The run gave a sign of life. Written with those of other runs a few seconds later."""
    place = place_of(run_id, principal, "write")
    parts().heartbeats.note(run_id)
    return place


def request_stop(principal: Principal, run_id: int) -> Run:
    """Ask a run's script to stop; the answer to its next batch or heartbeat says so. Raises Conflict for one that has ended."""
    with writing():
        run = get(run_id, principal, "write")
        if run.status != "running":
            raise Conflict("The run has ended")
        run.stop_requested_at = run.stop_requested_at or now()
    live_bus.publish(f"run-facts:{run_id}")
    return run


def delete(principal: Principal, run_id: int) -> None:
    """Delete a run; its id is never used again. Its points are hidden at once, and removed in the background."""
    with writing() as session:
        run = get(run_id, principal, "own")
        project_id = run.project_id
        metric_store.delete([run_id], session.connection())
        session.delete(run)
    metric_store.wake()
    live_bus.publish(f"run-facts:{run_id}")
    live_bus.publish(f"project:{project_id}")


def has_namesake(run: Run) -> bool:
    """Whether another run of the project has the same name, those in the trash left out."""
    others = sa.select(Run.id).where(
        Run.project_id == run.project_id, Run.name_key == run.name_key, Run.name == run.name
    )
    return db.session.scalar(others.where(Run.id != run.id, Run.trashed_at.is_(None)).limit(1)) is not None


def recent(project_id: int, limit: int) -> list[Run]:
    """The newest runs of a project, those in the trash left out."""
    query = sa.select(Run).where(Run.project_id == project_id, Run.trashed_at.is_(None))
    return list(db.session.scalars(query.order_by(Run.id.desc()).limit(limit)))


def before(run: Run) -> Run | None:
    """The run of the project that was started before another one, those in the trash left out."""
    query = sa.select(Run).where(Run.project_id == run.project_id, Run.id < run.id, Run.trashed_at.is_(None))
    return db.session.scalar(query.order_by(Run.id.desc()).limit(1))
