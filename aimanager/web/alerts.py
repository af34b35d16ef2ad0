"""What runs want to be looked at for: a strip on the page of a run, a menu on that of a project. Both renew themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import g, render_template

from ..http.auth import requires
from ..models import RunAlert
from ..services import alerts as service
from .blueprint import web
from .template_filters import count, plural

SHOWN_OF_PROJECT = 20


@web.get("/app/runs/<id:run_id>/alerts")
@requires("public_or_read")
def run_alerts(run_id: int) -> str:
    """The strip alone."""
    return render_template("runs/_alerts.html", alerts=of_run(run_id), run_id=run_id)


@web.get("/app/projects/<id:project_id>/alerts")
@requires("public_or_read")
def project_alerts(project_id: int) -> str:
    """The menu alone."""
    return render_template("projects/_alerts.html", alerts=of_project(project_id), project_id=project_id)


def of_run(run_id: int) -> Sequence[RunAlert]:
    """Those of a run, the newest first."""
    return service.of_run(g.principal, run_id)[::-1]


def of_project(project_id: int) -> dict[str, Any]:
    """The newest of a project with the names of their runs, in words how many there are, and whether these are `all`."""
    rows, total = service.of_project(g.principal, project_id, SHOWN_OF_PROJECT)
    is_more = total > service.MOST_COUNTED
    words = f"over {count(service.MOST_COUNTED)} alerts" if is_more else plural(total, "alert")
    return {"rows": rows, "words": words, "all": total == len(rows)}
