"""Saving, changing and deleting the views of a project's page."""

from __future__ import annotations

import json
from typing import Any

import orjson
from flask import Response, g, request, url_for

from ..errors import Invalid
from ..http.auth import requires
from ..models import View
from ..services import views
from .blueprint import web
from .forms import see, text


@web.post("/app/projects/<id:project_id>/views")
@requires("write")
def create_view(project_id: int) -> Response:
    """Save what the page shows: its query and how its charts are laid out."""
    fields = _fields()
    view = views.create(g.principal, project_id, fields.pop("name", ""), **fields)
    return _done(f"{view.name} saved", project_id, view)


@web.post("/app/views/<id:view_id>")
@requires("write")
def update_view(view_id: int) -> Response:
    """Rename, replace, share, or make the default: whatever of it the form holds."""
    view = views.update(g.principal, view_id, **_fields())
    return _done(f"{view.name} saved", view.project_id, view)


@web.post("/app/views/<id:view_id>/delete")
@requires("write")
def delete_view(view_id: int) -> Response:
    return _done("View deleted", views.delete(g.principal, view_id), None)


def _fields() -> dict[str, Any]:
    """What the form holds; a checkbox is sent with an empty field of the same name before it."""
    fields: dict[str, Any] = {name: text(name) for name in ("name", "query") if name in request.form}
    fields |= {name: "1" in request.form.getlist(name) for name in ("is_shared", "is_default") if name in request.form}
    if "layout" in request.form:
        try:
            fields["layout"] = orjson.loads(text("layout") or "{}")
        except orjson.JSONDecodeError:
            raise Invalid.field("layout", "layout must be JSON") from None
    return fields


def _done(words: str, project_id: int, view: View | None) -> Response:
    """A form leads to the view; scripts get the events `view:saved` or `view:deleted`, and a toast."""
    url = url_for("web.project", project_id=project_id, view=view.id if view else None)
    if request.headers.get("Sec-Fetch-Mode") == "navigate":
        return see(url)
    event = {"view:saved": {"id": view.id, "url": url}} if view else {"view:deleted": {"url": url}}
    return Response(status=204, headers={"HX-Trigger": json.dumps(event | {"toast": {"text": words}})})
