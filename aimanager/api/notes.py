from __future__ import annotations

from typing import Any

from flask import Blueprint, g

from ..http.auth import requires
from ..http.route_docs import refuses
from ..services import marks as service
from .decorators import body, returns
from .requests import NoteChanges, NoteIn
from .responses import NoteOut, note_out

notes = Blueprint("notes", __name__)


@notes.get("/runs/<id:run_id>/notes")
@requires("public_or_read")
@returns(NoteOut, many=True)
def index(run_id: int) -> Any:
    """List the notes of a run, oldest first."""
    return [note_out(mark, author) for mark, author in service.of_runs(g.principal, [run_id]) if mark.kind == "note"]


@notes.post("/runs/<id:run_id>/notes")
@requires("write")
@refuses(409)
@body(NoteIn)
@returns(NoteOut, 201)
def create(new: NoteIn, run_id: int) -> Any:
    """Write a note about a run, in Markdown. With `metric` and `step` it is pinned to a point of a chart."""
    mark = service.pin(g.principal, run_id, new.text, new.metric, new.step, new.time)
    return note_out(mark, g.principal.username)


@notes.put("/notes/<id:note_id>")
@requires("write")
@body(NoteChanges)
@returns(NoteOut)
def update(sent: NoteChanges, note_id: int) -> Any:
    """Change the text of a note."""
    return note_out(*service.edit(g.principal, note_id, sent.text))


@notes.delete("/notes/<id:note_id>")
@requires("write")
@returns(None, 204)
def delete(note_id: int) -> None:
    """Delete a note."""
    service.remove(g.principal, note_id)
