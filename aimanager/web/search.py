"""What the palette finds: projects and runs, as JSON."""

from __future__ import annotations

from typing import Any

from flask import g, request, url_for

from ..http.auth import requires
from ..services import search as service
from .blueprint import LIMITS, web

MOST = 8  # Of projects, and of runs.
MOST_NEWEST = 5  # There is room for what can be done on the page.


@web.get("/app/search")
@requires("visitor")
def search() -> dict[str, list[dict[str, Any]]]:
    """`?q=` some letters of a name; without it, what is newest."""
    text = request.args.get("q", "")[: LIMITS["search"]]
    found = service.everything(g.principal, text, MOST if text.strip() else MOST_NEWEST)
    return {
        "projects": [
            {"name": project.name, "about": project.description, "url": url_for("web.project", project_id=project.id)}
            for project in found.projects
        ],
        "runs": [
            {
                "name": one.run.name, "about": one.project, "state": one.state,
                "url": url_for("web.run", run_id=one.run.id),
            }
            for one in found.runs
        ],
    }  # fmt: skip
