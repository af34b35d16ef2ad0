"""A project's own settings: what it is called, who may see it, whether it is among the others, and deleting it."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request, url_for

from ..errors import Invalid
from ..http.auth import requires
from ..models import Project
from ..services import projects
from .blueprint import web
from .forms import errors_of, see, text
from .htmx import fragment_wanted, page_or_fragment


@web.get("/app/projects/<id:project_id>/settings")
@requires("write")
def project_settings(project_id: int) -> Response:
    """How much it holds is a fragment of its own: counting all chunks of a large project takes a moment."""
    return _page(projects.get(project_id, g.principal, "own"))


@web.post("/app/projects/<id:project_id>")
@requires("write")
def update_project(project_id: int) -> Response:
    is_public = request.form.get("is_public") == "1"
    try:
        projects.update(
            g.principal, project_id, name=text("name"), description=text("description"), is_public=is_public
        )
    except Invalid as error:
        project = projects.get(project_id, g.principal, "own")
        return _page(project, 400, errors=errors_of(error, "name", "description"), form=request.form)
    return see(url_for("web.project", project_id=project_id))


@web.post("/app/projects/<id:project_id>/archive")
@requires("write")
def archive_project(project_id: int) -> Response:
    """Archive it, or with `archived=0` restore it."""
    projects.archive(g.principal, project_id, request.form.get("archived") == "1")
    return see(url_for("web.project_settings", project_id=project_id) + "#archive")


@web.post("/app/projects/<id:project_id>/delete")
@requires("write")
def delete_project(project_id: int) -> Response:
    project = projects.get(project_id, g.principal, "own")
    if request.form.get("sure") != project.name:
        return _page(project, 400, errors={"sure": "That is not the name of this project. Nothing was deleted."})
    projects.delete(g.principal, project_id)
    return see(url_for("web.home"))


def _page(project: Project, status: int = 200, **context: Any) -> Response:
    size = projects.size(project.id) if fragment_wanted() == "size" else None
    answer = page_or_fragment(
        "projects/settings.html",
        "projects/_size.html",
        **{"errors": {}, "form": {}} | context,
        project=project,
        size=size,
    )
    answer.status_code = status
    return answer
