"""What is marked in the charts: notes at points, and where runs went on."""

from __future__ import annotations

from typing import Any

from flask import Response, g, jsonify, request, url_for

from ..errors import Invalid
from ..http.auth import requires
from ..models import RunMark
from ..services import marks as service
from ..services import projects, runs
from ..wire import times
from . import ids
from .blueprint import web
from .forms import see, text
from .markdown import rendered

MOST_RUNS = 100


@web.get("/app/runs/marks")
@requires("public_or_read")
def marks() -> Response:
    """The marks of the runs that are drawn, as the charts take them."""
    run_ids = ids.read("runs", request.args.get("runs", ""), MOST_RUNS)
    found = service.of_runs(g.principal, run_ids)
    may_edit = {run_id: _may_edit(run_id) for run_id in {mark.run_id for mark, _ in found}}
    return jsonify([mark_out(mark, author, may_edit[mark.run_id]) for mark, author in found])


@web.post("/app/runs/<id:run_id>/notes")
@requires("write")
def create_note(run_id: int) -> Response:
    """Write a note about the run, or at a point of a metric. A script gets the mark, a form its page back."""
    try:
        step = int(text("step")) if text("step") else None
        time = times.parse(text("time")) if text("time") else None
    except ValueError:
        raise Invalid.field("step", "step must be a whole number and time an ISO 8601 time") from None
    if step is not None and not -(2**63) <= step < 2**63:
        raise Invalid.field("step", "step must be a whole number of at most 64 bits")
    mark = service.pin(g.principal, run_id, text("text"), text("metric") or None, step, time)
    return _answer(mark, g.principal.username, 201)


@web.post("/app/notes/<id:note_id>")
@requires("write")
def update_note(note_id: int) -> Response:
    return _answer(*service.edit(g.principal, note_id, text("text")))


@web.post("/app/notes/<id:note_id>/delete")
@requires("write")
def delete_note(note_id: int) -> Response:
    run_id = service.remove(g.principal, note_id)
    return Response(status=204) if _is_script() else see(url_for("web.run", run_id=run_id))


def mark_out(mark: RunMark, author: str | None, may_edit: bool) -> dict[str, Any]:
    """A mark as the charts take it; times are seconds since 1970."""
    return {
        "id": mark.id,
        "run_id": mark.run_id,
        "kind": mark.kind,
        "metric": mark.metric,
        "step": mark.step,
        "time": mark.time and times.to_microseconds(mark.time) / times.SECOND,
        "text": mark.text,
        "html": rendered(mark.text),
        "author": author,
        "created": times.to_microseconds(mark.created_at) / times.SECOND,
        "may_edit": may_edit and mark.kind == "note",
    }


def _answer(mark: RunMark, author: str | None, status: int = 200) -> Response:
    if not _is_script():
        return see(url_for("web.run", run_id=mark.run_id))
    answer = jsonify(mark_out(mark, author, may_edit=True))
    answer.status_code = status
    return answer


def _is_script() -> bool:
    return request.accept_mimetypes.best == "application/json"


def _may_edit(run_id: int) -> bool:
    project = projects.get(runs.project_of(run_id, g.principal), g.principal)
    return projects.may(g.principal, project, "write")
