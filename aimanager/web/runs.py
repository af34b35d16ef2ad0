"""How is this run doing? Its facts, its curves, its config."""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import urlencode

from flask import Response, g, request, url_for

from ..errors import Invalid
from ..http.auth import requires
from ..models import Run
from ..models.run_config import flat
from ..services import bulk, definitions, lineage, metrics, progress, projects, run_state, runs, trash
from ..wire.times import to_datetime
from . import alerts, environment, logs, toast
from .blueprint import web
from .came_from import beside
from .cards import NOT_OF_SYSTEM, OF_SYSTEM, drawn_run, is_of_system, sections_of
from .differences import differences
from .forms import errors_of, see, text
from .htmx import fragment_wanted, page_or_fragment

AXES = ("step", "time", "relative")
OF_ONE_RUN = {"edit", "than", "min", "max", "along"}  # Of an address, and not to be taken along to the next run.
MOST_FORKS = 20  # That are named.
WHOLE_TABLE = 100  # Rows of the summary: a longer one is folded, and comes when it is unfolded.


@web.get("/app/runs/<id:run_id>")
@requires("public_or_read")
def run(run_id: int) -> Response:
    """The whole page, or the part of it that changed."""
    return _page(runs.get(run_id, g.principal))


@web.post("/app/runs/<id:run_id>")
@requires("write")
def update_run(run_id: int) -> Response:
    """Rename, tag, annotate, or say how the run ended: whatever of it the form holds."""
    changes: dict[str, Any] = {name: text(name) for name in ("name", "status", "notes") if name in request.form}
    if "tags" in request.form:
        changes["tags"] = list(dict.fromkeys(tag for part in text("tags").split(",") if (tag := part.strip())))
    try:
        runs.update(g.principal, run_id, **changes)
    except Invalid as error:
        run = runs.get(run_id, g.principal, "write")
        answer = _page(run, errors=errors_of(error, "name", "tags", "notes"), form=request.form)
        answer.status_code = 400
        return answer
    return see(_here(run_id))


@web.post("/app/runs/<id:run_id>/stop")
@requires("write")
def stop_run(run_id: int) -> Response:
    """Ask the script to stop; the head of the page says that it was asked."""
    runs.request_stop(g.principal, run_id)
    return see(url_for("web.run", run_id=run_id))


@web.post("/app/runs/<id:run_id>/delete")
@requires("write")
def delete_run(run_id: int) -> Response:
    """Into the trash, from where it can be restored."""
    done = bulk.act(g.principal, "trash", [run_id])
    return toast.say_on_next_page(see(url_for("web.project", project_id=done.project_ids[0])), done)


def _page(run: Run, **context: Any) -> Response:
    head = metrics.head(run.id)
    every = metrics.summary(g.principal, run.id)
    has_system = any(is_of_system(metric.name) for metric in every)
    parent = lineage.parent_of(run, g.principal)
    has_logs, parent_has_logs = logs.are_there(run.id), parent is not None and logs.are_there(parent.id)
    tab = _tab({"system": has_system, "logs": has_logs or parent_has_logs})
    summary = [metric for metric in every if tab == "overview" or is_of_system(metric.name) == (tab == "system")]
    heard_at = to_datetime(head.heard_at) if head else None
    project = projects.get(run.project_id, g.principal)
    state = run_state.state_of(run, heard_at)
    long = len(summary) > WHOLE_TABLE
    x = request.args.get("x", "")
    return page_or_fragment(
        "runs/show.html", "runs/_head.html", "runs/_notes.html", "runs/_tabs.html", "charts/_charts.html", "runs/_overview.html", "runs/_differences.html",
        "runs/_summary.html",
        **{"errors": {}, "form": {}} | context, run=run, project=project, tab=tab, summary=summary,
        config=list(flat(run.config)), state=state,
        heard_at=heard_at, points=head.points if head else 0, last_id=head.last_id if head else 0,
        may_write=projects.may(g.principal, project, "write"), x=x if x in AXES else "step",
        log=request.args.get("log") == "1", here=_here(run.id), long=long,
        later=long and tab != "overview" and fragment_wanted() != "summary",
        sections=sections_of(metric.name for metric in summary), summaries={metric.name: metric for metric in summary},
        own_axes=definitions.axes_of(run.project_id, [run.id], [metric.name for metric in summary]),
        exit=environment.exit_of(run) if run.status != "running" else None,
        environment=environment.of(run) if tab == "overview" else None,
        parent=parent, parent_has_logs=parent_has_logs,
        forks=lineage.forks_of(run, MOST_FORKS) if tab == "overview" else [],
        has_system=has_system, has_logs=has_logs or parent_has_logs, alerts=alerts.of_run(run.id), logs=logs.tab_of(run.id) if tab == "logs" else None, of_system=OF_SYSTEM, charts_only=OF_SYSTEM if tab == "system" else NOT_OF_SYSTEM,
        differences=differences(run) if tab == "overview" and fragment_wanted() in (None, "differences") else None,
        beside=beside(run) if fragment_wanted() in (None, "head") else None,
        kept_query={name: values for name, values in request.args.to_dict(flat=False).items() if name not in OF_ONE_RUN},
        kept=[(name, value) for name, value in request.args.items() if name not in ("than", "edit")],
        progress=progress.of(run, every, heard_at), has_namesake=runs.has_namesake(run), gone_at=trash.gone_at(run),
        drawn_runs=[drawn_run(run, state)], charts_url=_here(run.id), edit_notes=_here(run.id, edit="notes"),
        charts_below="runs/_values.html",
        charts_empty="runs/_no_charts.html",
    )  # fmt: skip


def _tab(there: dict[str, bool]) -> str:
    """The one that the address names, as far as there is something in it."""
    tab = request.args.get("tab", "")
    return tab if tab == "overview" or there.get(tab) else "charts"


def _here(run_id: int, **changes: str) -> str:
    """The address of this page; what is being edited is of the moment."""
    query = {name: values for name, values in request.args.to_dict(flat=False).items() if name != "edit"} | changes
    encoded = urlencode(query, doseq=True)
    return url_for("web.run", run_id=run_id) + (f"?{encoded}" if encoded else "")


@web.app_template_filter("first_line")
def first_line(notes: str) -> str:
    """What the notes begin with, without the signs of Markdown."""
    line = next((line for line in notes.splitlines() if line.strip("#>*-_ \t")), "")
    return re.sub(r"\*\*|__|~~|`", "", line.lstrip("#>*-_ \t").rstrip("#*_ \t"))[:200]


@web.app_template_test("odd_number")
def odd_number(value: float) -> bool:
    return not math.isfinite(value)
