"""Which run is best? One project and the table of its runs."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Response, g, url_for

from ..errors import Forbidden, Invalid
from ..extensions import metric_store, settings
from ..http.auth import requires
from ..models import ApiKey, Project
from ..services import api_keys, definitions, projects, views
from ..services.run_list import names, table
from ..services.run_list.columns import automatic
from ..services.run_list.columns import read as read_column
from ..services.run_list.filters import Filter
from ..services.run_list.order import Order
from ..services.run_list.table import Row
from . import (
    address,
    alerts,
    came_from,
    client,
    columns,
    drawn,
    grouped,
    list_request,
    snippet,
    table_version,
    widths,
    workspace,
)
from .address import here
from .blueprint import web
from .cards import sections_of
from .grouped import ShownGroups
from .htmx import fragment_wanted, page_or_fragment

PAGE = 50  # More than a high window shows; and as many more as are drawn.
LOOKED_AT = 20
MOST_GROUP_KEYS = 60  # Config keys that the menu of groups offers.
MOST = 1000  # Rows of one page; further ones are on the next.


@web.get("/app/projects/<id:project_id>")
@requires("public_or_read")
def project(project_id: int) -> Response:
    """The table alone when htmx asks for it."""
    return _page(projects.get(project_id, g.principal))


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
    read_at = time.time_ns() // 1_000_000  # What changes from now on may not be in what is read.
    table = _table(project.id)
    version = table_version.of(table)
    if fragment_wanted() == "runs" and (unchanged := table_version.unchanged(version)):
        return unchanged
    return page_or_fragment(
        "projects/show.html", "projects/_runs.html", "projects/_rows.html", "projects/_snippet.html",
        "charts/_charts.html",
        **{"errors": {}, "form": {}} | context, **table, **_views(project), project=project, version=version, read_at=read_at,
        may_write=projects.may(g.principal, project, "write"), api_key=key, install=client.install(),
        snippet=snippet.lines(project.name, secret),
        alerts=None if fragment_wanted() else alerts.of_project(project.id),
    )  # fmt: skip


def _table(project_id: int) -> dict[str, Any]:
    """What the address asks for. With a filter that cannot be understood no run is shown, and why."""
    args = address.args()
    listed = list_request.read()
    where, fault, order, chosen = listed.where, listed.fault, listed.order, listed.chosen
    limit = min(max(args.get("limit", max(PAGE, drawn.how_many()), int), 1), MOST)
    if grouped.keys(args):
        limit = LOOKED_AT  # The rows are of groups: runs say only what columns there are.
    after = args.get("after")
    try:
        runs_table = table.table(g.principal, project_id, order, where, chosen, after, limit)
    except Invalid:  # The cursor of another list: the first page of this one.
        after = None
        runs_table = table.table(g.principal, project_id, order, where, chosen, after, limit)
    if not runs_table.rows and where and (name := _half_condition(project_id, where)):
        fault = f"expected <, > or = after {name}"
    pins = args.getlist("pin")[: columns.MOST]
    name_head, heads = columns.heads(runs_table, order, pins, columns.widths(args.getlist("width")), here)
    groups = grouped.shown(project_id, listed, args, [one for head in heads if (one := read_column(head.key))])
    if groups and "in" in args:
        runs_table = grouped.members(groups, args["in"], runs_table)
    return {
        "natural": widths.natural(heads, runs_table, groups is not None),
        "rows": columns.with_cells(runs_table, heads), "columns": heads, "name_column": name_head, "name_width": widths.of_name(groups), "grouped": groups,
        # What a search leaves as it is.
        "kept": [(name, value) for name in args if name not in {"q", "after", "limit"} for value in args.getlist(name)],
        "q": listed.search, "fault": fault, "fault_letter": listed.letter, "total": runs_table.page.total, "empty": runs_table.runs == 0, "here": here(),
        "in_trash": args.get("trash") == "1", "trash_days": settings.trash_days,
        "csv_url": url_for("web.runs_csv", project_id=project_id) + address.query_with(after=None, limit=None),
        "sort_keys": columns.sort_keys(order), **workspace.layout(args),
        # Made once for all rows.
        "run_path": url_for("web.run", run_id=0).removesuffix("0"), "run_query": came_from.this_list(),
        "next_cursor": runs_table.page.next_cursor, **_drawn(project_id, runs_table.rows, groups),
        **_further(runs_table.page.next_cursor, after, limit),
    }  # fmt: skip


def _drawn(project_id: int, rows: Sequence[Row], groups: ShownGroups | None) -> dict[str, Any]:
    """What the charts draw at first; the rows of a further page change nothing of it."""
    if fragment_wanted() == "rows":
        return {}
    if groups:
        lines = drawn.lines_of_groups(project_id, [grouped.line(group) for group in groups.groups])
    else:
        lines = drawn.lines(project_id, rows)
    ids = [run_id for line in lines for run_id in line.get("members", [line["id"]])]
    metrics = metric_store.names(ids)
    return {
        "drawn_runs": lines,
        "drawn_ids": {line["id"] for line in lines},
        "sections": sections_of(metrics),
        "own_axes": definitions.axes_of(project_id, ids, metrics),
        "charts_url": here(),
        "charts_empty": "projects/_no_charts.html",
    }


def _views(project: Project) -> dict[str, Any]:
    """The saved views, the one that is shown, and what the page shows in all, by the view and by its address."""
    applied = address.applied(project.id)
    return {
        "views": applied.views,
        "view": applied.view,
        "query": urlencode(address.args(), doseq=True),
        "view_query": applied.view.query if applied.view else "",
        "group_keys": [] if fragment_wanted() else names.config_keys(project.id)[:MOST_GROUP_KEYS],
        "changeable_views": {view.id for view in applied.views if views.may_change(g.principal, view, project)},
    }


def _half_condition(project_id: int, where: Filter) -> str:
    """The last word, if it is in the name of a main metric: a condition may be on its way."""
    metrics = (column.name for column in automatic(project_id, Order(), Filter()) if column.kind == "metric")
    return next((word for word in where.words[-1:] if any(word in name for name in metrics)), "")


def _further(next_cursor: str | None, after: str | None, limit: int) -> dict[str, Any]:
    """The link to more rows below these, and beyond a thousand the links to the pages."""
    links: dict[str, Any] = {"first_url": here(after=None, limit=None) if after else None}
    if next_cursor and limit < MOST:
        links["more_url"] = here(limit=min(limit + PAGE, MOST))
    elif next_cursor:
        links["next_url"] = here(after=next_cursor, limit=None)
    return links


@web.app_template_filter("pattern")
def pattern(literal: str) -> str:
    """A regular expression of HTML's `pattern` that matches exactly this text."""
    return re.sub(r"[\\^$.*+?()[\]{}|/&\-!#%,:;<=>@`~]", lambda match: f"\\u{ord(match[0]):04x}", literal)
