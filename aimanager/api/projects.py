from __future__ import annotations

from typing import Any

from flask import Blueprint, g

from ..http.auth import requires
from ..services import projects as service
from ..services.paging import Page
from .decorators import body, query, returns
from .schemas import ProjectChanges, ProjectIn, ProjectOut, ProjectQuery, project_out

projects = Blueprint("projects", __name__, url_prefix="/projects")


@projects.get("/")
@requires("public_or_read")
@query(ProjectQuery)
@returns(ProjectOut, many=True)
def index(asked: ProjectQuery) -> Any:
    """List all projects for the current user, or with `visibility=public` those that are public."""
    page = service.list_projects(g.principal, asked.skip, asked.limit, asked.visibility, asked.name)
    return Page([project_out(project) for project in page.items], page.total)


@projects.post("/")
@requires("write")
@body(ProjectIn)
@returns(ProjectOut, 201)
def create(wanted: ProjectIn) -> Any:
    """Create a new project."""
    project, is_new = service.create(
        g.principal, wanted.name, wanted.description or "", wanted.is_public, wanted.exist_ok
    )
    return project_out(project), 201 if is_new else 200


@projects.get("/<id:project_id>")
@requires("public_or_read")
@returns(ProjectOut)
def show(project_id: int) -> Any:
    """Get a specific project."""
    return project_out(service.get(project_id, g.principal))


@projects.put("/<id:project_id>")
@requires("write")
@body(ProjectChanges)
@returns(ProjectOut)
def update(changes: ProjectChanges, project_id: int) -> Any:
    """Update a project; fields that are left out stay as they are."""
    sent = changes.model_dump(exclude_unset=True)
    if "description" in sent:
        sent["description"] = sent["description"] or ""
    return project_out(service.update(g.principal, project_id, **sent))


@projects.delete("/<id:project_id>")
@requires("write")
@returns(None, 204)
def delete(project_id: int) -> None:
    """Delete a project with its runs and their points."""
    service.delete(g.principal, project_id)
