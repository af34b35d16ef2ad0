"""How a project's page shares its space between the table of runs and their charts, as its address says."""

from __future__ import annotations

from typing import Any

from flask import Response, g, jsonify
from werkzeug.datastructures import MultiDict

from ..errors import Invalid
from ..http.auth import requires
from ..services import bulk
from ..services.run_list import pages
from . import list_request
from .blueprint import web

LAYOUTS = ("table", "both", "charts")
SPLIT = 45  # Percent that the table takes.
NARROWEST, WIDEST = 15, 85


def layout(args: MultiDict[str, str]) -> dict[str, Any]:
    """`layout` is what is shown, `split` the table's part in percent; `x` and `log` are those of the charts."""
    name = args.get("layout", "both")
    split = args.get("split", SPLIT, int)
    return {
        "layout": name if name in LAYOUTS else "both",
        "split": min(max(split, NARROWEST), WIDEST),
        "x": args.get("x", "step"),
        "log": args.get("log") == "1",
    }


@web.get("/app/projects/<id:project_id>/ids")
@requires("public_or_read")
def run_ids(project_id: int) -> Response:
    """The ids of all runs that the query of the project's page lists, as far as one change takes them."""
    listed = list_request.read()
    if listed.where is None:
        raise Invalid.field("q", listed.fault, source="query")
    found = pages.page(g.principal, project_id, listed.order, listed.where, None, bulk.MOST)
    return jsonify(ids=[run.id for run in found.items])
