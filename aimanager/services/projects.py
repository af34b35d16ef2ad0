"""Projects, and the one place that says what somebody may do with one."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from ..errors import Forbidden, Invalid, NotFound, Unauthorized
from ..extensions import database, db, live_bus, metric_store, writing
from ..models import Project, Run
from ..models.base import now
from ..principal import Principal
from . import validation
from .paging import Page, paged
from .run_list import direction


class Size(NamedTuple):
    """How much is in a project; `bytes` are those of its points."""

    runs: int
    points: int
    bytes: int


Right = Literal["read", "write", "own"]
SWEPT_AT_ONCE = 100  # Runs of a deleted project that are removed in one transaction.


def check(principal: Principal, owner_id: int, is_public: bool, to: Right) -> None:
    """May the caller do this to a project of that owner? Raises Unauthorized or Forbidden."""
    if principal.signed_in and (principal.user_id == owner_id or principal.is_superuser):
        if to == "read" or principal.scope == "write":
            return
        raise Forbidden("Not enough permissions: this API key may only read")
    if is_public and to == "read":
        return
    raise Forbidden() if principal.signed_in else Unauthorized()


def missing(principal: Principal) -> NotFound | Unauthorized:
    """The error for what is not there: to somebody who is not signed in it looks like what is not public."""
    return NotFound() if principal.signed_in else Unauthorized()


def may(principal: Principal, project: Project, to: Right) -> bool:
    """The answer of `check` for pages, which show only what can be done."""
    return allowed(principal, project.owner_id, project.is_public, to)


def allowed(principal: Principal, owner_id: int, is_public: bool, to: Right) -> bool:
    """The answer of `check` where many are asked about."""
    try:
        check(principal, owner_id, is_public, to)
    except (Unauthorized, Forbidden):
        return False
    return True


def get(project_id: int, principal: Principal, to: Right = "read") -> Project:
    """The project. Raises NotFound, and what `check` raises."""
    project = db.session.get(Project, project_id)
    if project is None or project.deleted_at:
        raise missing(principal)
    check(principal, project.owner_id, project.is_public, to)
    direction.within(project_id)
    return project


_OWNER = sa.select(Project.__table__.c.owner_id).where(Project.__table__.c.id == sa.bindparam("project_id"))


def owner_of(project_id: int) -> int | None:
    """The id of the user whose project it is, None if there is no such project."""
    row = database.lookups.recall(_OWNER, project_id=project_id)
    return row[0] if row else None


def visible(principal: Principal, visibility: str = "mine") -> sa.Select[Project]:
    """The projects that a list shows: the caller's own, or those that are public."""
    query = sa.select(Project).where(Project.deleted_at.is_(None)).order_by(Project.id)
    if visibility == "public":
        return query.where(Project.is_public)
    if not principal.signed_in:
        raise Unauthorized()
    return query.where(Project.owner_id == principal.user_id)


def only_one_of(user_id: int) -> int | None:
    """The id of the project of somebody who has exactly one that is not archived."""
    mine = Project.deleted_at.is_(None) & Project.archived_at.is_(None) & (Project.owner_id == user_id)
    ids = db.session.scalars(sa.select(Project.id).where(mine).limit(2)).all()
    return ids[0] if len(ids) == 1 else None


def list_projects(
    principal: Principal, skip: int = 0, limit: int = 100, visibility: str = "mine", name: str | None = None
) -> Page[Project]:
    query = visible(principal, visibility)
    if name is not None:
        query = query.where(Project.name == name)
    return paged(query, skip, limit)


def create(
    principal: Principal, name: str, description: str = "", is_public: bool = False, exist_ok: bool = False
) -> tuple[Project, bool]:
    """A project and whether it is new; with `exist_ok` the caller's oldest of that name is taken where there is one."""
    validation.check_name("name", name)
    validation.check_prose("description", description)
    with writing() as session:
        if exist_ok:
            of_that_name = visible(principal).where(Project.name == name)
            existing = session.scalar(of_that_name.limit(1))
            if existing:
                return existing, False
        project = Project(name=name, description=description, is_public=is_public, owner_id=principal.user_id)
        session.add(project)
    live_bus.publish(f"project:{project.id}")
    return project, True


def update(principal: Principal, project_id: int, **changes: Any) -> Project:
    """Change name, description or visibility; only the owner may."""
    if "name" in changes:
        validation.check_name("name", changes["name"])
    if "description" in changes:
        validation.check_prose("description", changes["description"])
    if not set(changes) <= {"name", "description", "is_public"}:
        raise Invalid.field("body", "only name, description and is_public can be changed")
    with writing():
        project = get(project_id, principal, "own")
        becomes_private = project.is_public and changes.get("is_public") is False
        for field, value in changes.items():
            setattr(project, field, value)
    live_bus.publish(f"project:{project_id}")
    if becomes_private:  # Whoever is looking at a run has their rights checked again.
        for run_id in db.session.scalars(sa.select(Run.id).where(Run.project_id == project_id)):
            live_bus.publish(f"run-facts:{run_id}")
    return project


def archive(principal: Principal, project_id: int, archived: bool) -> None:
    """Put a project below the others on the home page, or back among them; only the owner may."""
    with writing():
        project = get(project_id, principal, "own")
        if bool(project.archived_at) != archived:
            project.archived_at = now() if archived else None
    live_bus.publish(f"project:{project_id}")


def size(project_id: int) -> Size:
    """What is stored of a project, and what deleting it frees."""
    runs = sa.select(sa.func.count()).select_from(Run).where(Run.project_id == project_id)
    points, size = metric_store.size_of(project_id)
    return Size(db.session.scalar(runs) or 0, points, size)


def delete(principal: Principal, project_id: int) -> None:
    """Delete a project with its runs and all their points: it is hidden at once, and `sweep` removes the rest."""
    with writing():
        get(project_id, principal, "own").deleted_at = now()
    metric_store.wake()
    live_bus.publish(f"project:{project_id}")


def sweep() -> None:
    """Remove some runs of a deleted project, or the project once it has none; viewers of a run get a message."""
    deleted = sa.select(Project.id).where(Project.deleted_at.is_not(None)).limit(1)
    project_id = db.session.scalar(deleted)
    if project_id is None:
        return
    with writing() as session:
        first_runs = sa.select(Run.id).where(Run.project_id == project_id).order_by(Run.id).limit(SWEPT_AT_ONCE)
        run_ids = session.scalars(first_runs).all()
        metric_store.delete(run_ids, session.connection())
        session.execute(sa.delete(Run).where(Run.id.in_(run_ids)))
        if not run_ids:
            session.execute(sa.delete(Project).where(Project.id == project_id))
    metric_store.wake()  # To remove their points, and then to be back here.
    for run_id in run_ids:
        live_bus.publish(f"run-facts:{run_id}")
