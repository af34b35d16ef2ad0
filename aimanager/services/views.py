"""Saved views of a project's page: private ones for who saved them, shared ones for all who see the project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..errors import Forbidden, Invalid
from ..extensions import db, writing
from ..models import Project, View
from ..principal import Principal
from . import projects, validation

LONGEST_QUERY = 8000  # Characters.
LARGEST_LAYOUT = 64 * 1024  # Bytes of JSON.
DEEPEST_LAYOUT = 8
MOST = 200  # Of one user in one project.
NOT_SAVED = {"view", "after", "limit", "find", "in", "full"}  # What an address has that is of the moment.
_CHANGES = {"name", "query", "layout", "is_shared", "is_default"}


def listed(principal: Principal, project_id: int) -> list[View]:
    """Those that the caller sees, by name: the shared ones and their own. Whether they see the project is the caller's to ask."""
    seen = sa.or_(View.is_shared, View.user_id == principal.user_id) if principal.signed_in else View.is_shared
    query = sa.select(View).where(View.project_id == project_id, seen)
    return sorted(db.session.scalars(query), key=lambda view: (view.name.casefold(), view.id))


def default_of(views: Sequence[View], principal: Principal) -> View | None:
    """The one that a page shows when its address says nothing: the caller's own default, else the shared one."""
    defaults = {view.is_shared: view for view in views if view.is_default}
    own = defaults.get(False)
    return own if own and own.user_id == principal.user_id else defaults.get(True)


def create(
    principal: Principal,
    project_id: int,
    name: str,
    query: str = "",
    layout: dict[str, Any] | None = None,
    is_shared: bool = False,
    is_default: bool = False,
) -> View:
    """Save a view. Who may read the project may have private ones, who may write shared ones too."""
    fields = _checked(
        {
            "name": name,
            "query": query,
            "layout": {} if layout is None else layout,
            "is_shared": is_shared,
            "is_default": is_default,
        }
    )
    with writing() as session:
        projects.get(project_id, principal, "write" if is_shared else "read")
        own = sa.select(sa.func.count()).where(View.project_id == project_id, View.user_id == principal.user_id)
        if (session.scalar(own) or 0) >= MOST:
            raise Invalid.field("name", f"there are {MOST} views of yours in this project; delete one first")
        view = View(project_id=project_id, user_id=principal.user_id, **fields)
        session.add(view)
        session.flush()
        _be_the_only_default(session, view)
    return view


def update(principal: Principal, view_id: int, **changes: Any) -> View:
    """Change some of a view. Raises NotFound, Forbidden, Invalid."""
    changes = _checked(changes)
    with writing() as session:
        view, project = _changeable(principal, view_id)
        if changes.get("is_shared"):
            projects.check(principal, project.owner_id, project.is_public, "write")
        for field, value in changes.items():
            setattr(view, field, value)
        session.flush()
        _be_the_only_default(session, view)
    return view


def delete(principal: Principal, view_id: int) -> int:
    """Delete a view; the id of its project."""
    with writing() as session:
        view, project = _changeable(principal, view_id)
        session.delete(view)
    return project.id


def _changeable(principal: Principal, view_id: int) -> tuple[View, Project]:
    """A view that the caller may change: their own, or a shared one of a project of theirs. Raises NotFound, Forbidden."""
    query = sa.select(View, Project).join(Project, Project.id == View.project_id)
    row = db.session.execute(query.where(View.id == view_id, Project.deleted_at.is_(None))).one_or_none()
    if row is None:
        raise projects.missing(principal)
    view, project = row
    projects.check(principal, project.owner_id, project.is_public, "read")
    if not may_change(principal, view, project):
        raise Forbidden()
    return view, project


def may_change(principal: Principal, view: View, project: Project) -> bool:
    if not principal.signed_in or principal.scope != "write":
        return False
    return view.user_id == principal.user_id or (view.is_shared and projects.may(principal, project, "write"))


def _be_the_only_default(session: Session, view: View) -> None:
    """There is one shared default of a project, and one private default of each user."""
    if not view.is_default:
        return
    others = [View.project_id == view.project_id, View.id != view.id, View.is_shared == view.is_shared, View.is_default]
    if not view.is_shared:
        others.append(View.user_id == view.user_id)
    session.execute(sa.update(View).where(*others).values(is_default=False))


def _checked(changes: dict[str, Any]) -> dict[str, Any]:
    if not set(changes) <= _CHANGES:
        raise Invalid.field("body", f"only {', '.join(sorted(_CHANGES))} can be changed")
    if "name" in changes:
        validation.check_name("name", changes["name"])
    if "query" in changes:
        changes["query"] = _checked_query(changes["query"])
    if "layout" in changes:
        changes["layout"] = _checked_layout(changes["layout"])
    return changes


def _checked_query(text: str) -> str:
    """The query of an address as it is kept: written in one way, and without what is of the moment."""
    validation.check_prose("query", text)
    try:
        pairs = parse_qsl(text.removeprefix("?"), keep_blank_values=True, max_num_fields=1000, errors="strict")
    except ValueError:
        raise Invalid.field("query", "query must be that of an address, such as q=adam&sort=-created") from None
    query = urlencode([(name, value) for name, value in pairs if name not in NOT_SAVED and value])
    if len(query) > LONGEST_QUERY:
        raise Invalid.field("query", f"query must have at most {LONGEST_QUERY} characters", "length")
    return query


def _checked_layout(layout: Any) -> dict[str, Any]:
    if not isinstance(layout, dict) or _depth(layout) > DEEPEST_LAYOUT:
        raise Invalid.field("layout", f"layout must be a JSON object of at most {DEEPEST_LAYOUT} levels")
    try:
        size = len(orjson.dumps(layout))
    except orjson.JSONEncodeError:
        raise Invalid.field("layout", "layout must be a JSON object of ordinary text and numbers") from None
    if size > LARGEST_LAYOUT:
        raise Invalid.field("layout", f"layout must be at most {LARGEST_LAYOUT} bytes of JSON", "length")
    return layout


def _depth(value: Any) -> int:
    """Levels of objects and lists within each other; a few more than are allowed are enough to know."""
    level, depth = [value], 0
    while (level := [one for one in level if isinstance(one, dict | list)]) and depth <= DEEPEST_LAYOUT:
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
        depth += 1
    return depth
