from __future__ import annotations

from typing import Any

from flask import Blueprint, g

from ..http.auth import requires
from ..services import projects as service
from ..services.paging import Page
from .decorators import body, query, returns
from .queries import ProjectQuery
from .requests import ProjectChanges, ProjectIn, changes_of
from .responses import ProjectOut, project_out

projects = Blueprint("projects", __name__, url_prefix="/projects")


@projects.get("/")
@requires("public_or_read")
@query(ProjectQuery)
@returns(ProjectOut, many=True)
def index(parameters: ProjectQuery) -> Any:
    """List all projects for the current user, or with `visibility=public` those that are public."""
    page = service.list_projects(g.principal, parameters.skip, parameters.limit, parameters.visibility, parameters.name)
    return Page([project_out(project) for project in page.items], page.total)


@projects.post("/")
@requires("write")
@body(ProjectIn)
@returns(ProjectOut, 201, also={200: "The project that was there, with `exist_ok`"})
def create(new: ProjectIn) -> Any:
    """Create a new project."""
    project, is_new = service.create(g.principal, new.name, new.description or "", new.is_public, new.exist_ok)
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
def update(sent: ProjectChanges, project_id: int) -> Any:
    """Update a project; fields that are left out stay as they are, those that nobody may change are taken unchanged."""
    changes = changes_of(sent, project_out(service.get(project_id, g.principal, "own")))
    if "description" in changes:
        changes["description"] = changes["description"] or ""
    return project_out(service.update(g.principal, project_id, **changes))


@projects.delete("/<id:project_id>")
@requires("write")
@returns(None, 204)
def delete(project_id: int) -> None:
    """Delete a project with its runs and their points."""
    service.delete(g.principal, project_id)
