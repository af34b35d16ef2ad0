"""What is going on: the projects, and the work in them."""

from __future__ import annotations

from flask import Response, g, render_template, request, url_for

from ..errors import Invalid
from ..http.auth import requires
from ..services import home as service
from ..services import projects
from . import client, snippet, spark
from .blueprint import LIMITS, web
from .forms import errors_of, see, text
from .htmx import page_or_fragment


@web.get("/")
@requires("public_or_read")
def home() -> Response:
    """The caller's projects and runs, or with `?visibility=public` everybody's public ones; `?q=` finds some of them."""
    return page_or_fragment("home/index.html", "home/_cards.html", errors={}, form={}, **_overview())


@web.post("/app/projects/new")
@requires("write")
def create_project() -> Response | tuple[str, int]:
    is_public = request.form.get("is_public") == "1"
    try:
        project, _ = projects.create(g.principal, text("name"), text("description"), is_public)
    except Invalid as error:
        errors = errors_of(error, "name", "description")
        return render_template("home/index.html", errors=errors, form=request.form, **_overview()), 400
    return see(url_for("web.project", project_id=project.id))


def _overview() -> dict[str, object]:
    visibility = "public" if request.args.get("visibility") == "public" else "mine"
    words = request.args.get("q", "").strip()[: LIMITS["search"]]
    limit = min(max(request.args.get("limit", 100, int), 1), 1000)
    overview = service.overview(g.principal, visibility, words, limit)
    return {
        "cards": overview.cards, "total": overview.total, "archived": overview.archived,
        "running": overview.running, "total_running": overview.total_running, "runs": overview.runs,
        "q": words, "visibility": visibility, "limit": limit, "spark_size": (spark.WIDTH, spark.HEIGHT),
        "install": client.install(), "snippet": snippet.lines("my project", None),
    }  # fmt: skip
