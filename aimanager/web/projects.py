"""Which run is best? One project and the table of its runs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from flask import Response, g, request, url_for

from ..errors import Forbidden, Invalid
from ..http.auth import requires
from ..models import ApiKey, Project
from ..services import api_keys, projects
from ..services.run_list import filters, table
from ..services.run_list import order as orders
from ..services.run_list.filters import Filter
from ..services.run_list.order import Order
from . import client, snippet
from .blueprint import LIMITS, web
from .columns import columns_of, values_shown, with_cells
from .forms import errors_of, see, text
from .htmx import page_or_fragment

PAGE = 100
MOST = 1000  # Rows of one page; further ones are on the next.
MOST_METRICS = 50  # Of which an address says what to show.


@web.get("/app/projects/<id:project_id>")
@requires("public_or_read")
def project(project_id: int) -> Response:
    """The table alone when htmx asks for it."""
    return _page(projects.get(project_id, g.principal))


@web.post("/app/projects/<id:project_id>")
@requires("write")
def update_project(project_id: int) -> Response:
    is_public = request.form.get("is_public") == "1"
    try:
        projects.update(
            g.principal, project_id, name=text("name"), description=text("description"), is_public=is_public
        )
    except Invalid as error:
        project = projects.get(project_id, g.principal)
        answer = _page(project, errors=errors_of(error, "name", "description"), form=request.form)
        answer.status_code = 400
        return answer
    return see(url_for("web.project", project_id=project_id))


@web.post("/app/projects/<id:project_id>/delete")
@requires("write")
def delete_project(project_id: int) -> Response:
    project = projects.get(project_id, g.principal, "own")
    if request.form.get("sure") != project.name:
        answer = _page(project, errors={"form": "That is not the name of this project. Nothing was deleted."})
        answer.status_code = 400
        return answer
    projects.delete(g.principal, project_id)
    return see(url_for("web.home"))


@web.post("/app/projects/<id:project_id>/key")
@requires("session")
def snippet_key(project_id: int) -> Response:
    """Make an API key and show the snippet with it: the only time that it can be read."""
    project = projects.get(project_id, g.principal)
    if not projects.may(g.principal, project, "write"):
        raise Forbidden()
    key, secret = api_keys.issue(g.principal, f"snippet of {project.name}"[:100], "write", None)
    return _page(project, key=key, secret=secret)


def _page(project: Project, key: ApiKey | None = None, secret: str | None = None, **context: Any) -> Response:
    return page_or_fragment(
        "projects/show.html", "projects/_runs.html", "projects/_snippet.html",
        **{"errors": {}, "form": {}} | context, **_table(project.id), project=project,
        may_write=projects.may(g.principal, project, "write"), api_key=key, install=client.install(),
        snippet=snippet.lines(project.name, secret),
    )  # fmt: skip


def _table(project_id: int) -> dict[str, Any]:
    """What the address asks for. With a filter that cannot be understood no run is shown, and why."""
    search = request.args.get("q", "").strip()[: LIMITS["search"]]
    where, fault = _filter(search)
    order = _order(request.args.get("sort", "-created")[:300])
    limit = min(max(request.args.get("limit", PAGE, int), 1), MOST)
    after = request.args.get("after")
    try:
        runs_table = table.table(g.principal, project_id, order, where, after, limit)
    except Invalid:  # The cursor of another list: the first page of this one.
        after = None
        runs_table = table.table(g.principal, project_id, order, where, after, limit)
    if not runs_table.rows and where and any(word in name for word in where.words[-1:] for name in runs_table.metrics):
        # The name of a metric, to which a condition may be on its way.
        fault = f"expected <, > or = after {where.words[-1]}"
    shown_metrics = [text[:300] for text in request.args.getlist("show")[:MOST_METRICS]]
    columns = columns_of(runs_table, order, values_shown(order, where.metrics if where else {}, shown_metrics), _here)
    return {
        "rows": with_cells(runs_table, columns), "columns": columns, "sort": order.text, "descending": order.descending,
        # What a search leaves as it is.
        "kept": [(name, value) for name in ("sort", "show") for value in request.args.getlist(name)],
        "q": search, "fault": fault, "total": runs_table.page.total, "empty": runs_table.runs == 0, "here": _here(),
        **_further(runs_table.page.next_cursor, after, limit),
    }  # fmt: skip


def _filter(typed: str) -> tuple[Filter | None, str]:
    """The filter, or None and what is wrong with it."""
    try:
        return filters.read(typed), ""
    except Invalid as error:
        return None, error.errors[0]["msg"].removeprefix("filter: ")


def _order(text: str) -> Order:
    try:
        return orders.read(text.removeprefix("-"), text.startswith("-"))
    except Invalid:
        return Order()


def _here(**changes: str | int | list[str] | None) -> str:
    """This page's address with some of its query changed; the address is all the state that there is."""
    current: dict[str, Any] = request.args.to_dict(flat=False) if request.method == "GET" else {}
    query = {name: value for name, value in (current | changes).items() if value not in (None, "", [""])}
    path = url_for("web.project", project_id=(request.view_args or {})["project_id"])
    text = urlencode(query, doseq=True)
    return path + ("?" + text if text else "")


def _further(next_cursor: str | None, after: str | None, limit: int) -> dict[str, Any]:
    """The link to more rows below these, and beyond a thousand the links to the pages."""
    links: dict[str, Any] = {"first_url": _here(after=None, limit=None) if after else None}
    if next_cursor and limit < MOST:
        links["more_url"] = _here(limit=min(limit + PAGE, MOST))
    elif next_cursor:
        links["next_url"] = _here(after=next_cursor, limit=None)
    return links


@web.app_template_filter("pattern")
def pattern(literal: str) -> str:
    """A regular expression of HTML's `pattern` that matches exactly this text."""
    return re.sub(r"[\\^$.*+?()[\]{}|/&\-!#%,:;<=>@`~]", lambda match: f"\\u{ord(match[0]):04x}", literal)
