"""The list from which columns are added to a table of runs, looked through on the server: there may be thousands."""

from __future__ import annotations

from typing import Any

from flask import Response, g, jsonify, make_response, render_template, request

from ..http.auth import requires
from ..services import projects
from ..services.run_list import columns, names
from ..services.run_list.filters import Filter
from ..services.run_list.names import Found
from ..services.run_list.order import Order
from .address import args, here
from .blueprint import web
from .columns import LABELS, chosen

MOST = 50


@web.get("/app/projects/<id:project_id>/columns")
@requires("public_or_read")
def find_columns(project_id: int) -> Response:
    """The columns with `find` in their names, beside the query of the page that asks; JSON for whoever prefers it."""
    projects.get(project_id, g.principal)
    text = request.args.get("find", "")[:400]
    found, total = names.find(project_id, text, MOST)
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        return jsonify(columns=[_as_json(one) for one in found], total=total)
    shown = chosen(args().getlist("show")) or columns.automatic(project_id, Order(), Filter())
    keys = [column.key for column in shown]
    items = [
        {**_as_json(one), "label": LABELS.get(one.column.name, one.column.name) if one.column.kind == "fact" else one.column.name,
         "shown": one.column.key in keys, "many": one.runs == names.COUNTED,
         "url": here(find=None, show=[*keys, one.column.key])}
        for one in found
    ]  # fmt: skip
    answer = make_response(render_template("projects/_columns.html", items=items, find=text, total=total))
    answer.vary.add("Accept")
    return answer


def _as_json(found: Found) -> dict[str, Any]:
    """`runs` is how many runs have it, counted up to a thousand; null for a fact, which every run has."""
    return {"key": found.column.key, "kind": found.column.kind, "name": found.column.name, "runs": found.runs}
