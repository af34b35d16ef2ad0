"""Runs: start, find, change, delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..errors import Conflict, Invalid
from ..extensions import database, db, live_bus, metric_store, writing
from ..models import Project, Run
from ..models.base import now
from ..models.run import FINAL, STATUSES
from ..principal import Principal
from . import projects, validation
from .projects import Right

# A run that was silent for so long is shown as stale; its stored status stays what its owner said.
SILENCE = timedelta(minutes=2)


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
    sa.select(_runs.project_id, _projects.owner_id, _projects.is_public)
    .join_from(Run.__table__, Project.__table__, _projects.id == _runs.project_id)
    .where(_runs.id == sa.bindparam("run_id"), _projects.deleted_at.is_(None))
)


def project_of(run_id: int, principal: Principal, to: Right = "read") -> int:
    """The id of the run's project, with the rights asked: all that ingest needs, without loading a row object."""
    row = database.lookups.recall(_PLACE, run_id=run_id)
    if row is None:
        raise projects.missing(principal)
    project_id, owner_id, is_public = row
    projects.check(principal, owner_id, is_public, to)
    return project_id


def create(
    principal: Principal,
    project_id: int,
    name: str | None = None,
    config: dict[str, Any] | None = None,
    tags: Sequence[str] = (),
    notes: str = "",
    once: tuple[str, str] | None = None,
) -> Run:
    """Start a run. One without a name is called `run-<id>`.

    `once` is a key and a fingerprint: asked again with both, the run that was made is answered; with the same key
    and another fingerprint it raises Conflict.
    """
    if name is not None:
        validation.check_name("name", name)
    validation.check_tags(tags)
    validation.check_prose("notes", notes)
    config = validation.check_config(config or {})
    try:
        run = _start(principal, project_id, once, name=name, config=config, tags=[*tags], notes=notes)
    except IntegrityError:  # The same key came twice at once, on a database that has no gate.
        run = _start(principal, project_id, once, name=name)
    live_bus.publish(f"project:{project_id}")
    return run


def _start(principal: Principal, project_id: int, once: tuple[str, str] | None, **fields: Any) -> Run:
    with writing() as session:
        projects.get(project_id, principal, "write")
        if once and (made := _made_before(project_id, *once)):
            return made
        run = Run(**fields | {"project_id": project_id, "name": fields["name"] or ""})
        run.once_key, run.once_body = once or (None, None)
        run.started_at = run.created_at = run.updated_at = now()
        session.add(run)
        session.flush()
        if not run.name:
            run.name, run.updated_at = f"run-{run.id}", run.created_at
    return run


def _made_before(project_id: int, key: str, fingerprint: str) -> Run | None:
    run = db.session.scalar(sa.select(Run).where(Run.project_id == project_id, Run.once_key == key))
    if run and run.once_body != fingerprint:
        raise Conflict("This Idempotency-Key made a run from another body; use a new key for a new run")
    return run


def update(principal: Principal, run_id: int, **changes: Any) -> Run:
    """Change name, status, ended_at, config, tags or notes; a final status without a time ends the run now."""
    changes = _checked(changes)
    with writing():
        run = get(run_id, principal, "write")
        status = changes.get("status", run.status)
        # A whole run that is put back brings the end that it had.
        if status in FINAL and changes.get("ended_at") is None:
            changes["ended_at"] = run.ended_at if run.ended_at and status == run.status else now()
        if status == "running" and "status" in changes:
            changes["ended_at"] = None
        for field, value in changes.items():
            setattr(run, field, value)
    if "status" in changes:
        (metric_store.finish if run.status in FINAL else metric_store.resume)(run_id)
    live_bus.publish(f"run-facts:{run_id}")
    live_bus.publish(f"project:{run.project_id}")
    return run


def _checked(changes: dict[str, Any]) -> dict[str, Any]:
    allowed = {"name", "status", "ended_at", "config", "tags", "notes"}
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
    if "config" in changes:
        changes["config"] = validation.check_config(changes["config"])
    return changes


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


def state_of(run: Run, heard_at: datetime | None) -> str:
    """What pages show: the status, or `stale` for a running one that nobody hears of."""
    if run.status != "running":
        return run.status
    last = max(run.started_at, run.updated_at, heard_at or run.started_at)
    return "stale" if now() - last > SILENCE else "running"
