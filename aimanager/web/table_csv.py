"""The table of runs as a CSV file: all runs that pass the filter, however many, with the columns that are shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Response, g, stream_with_context

from ..errors import Invalid
from ..extensions import db
from ..http.auth import requires
from ..principal import Principal
from ..services import projects
from ..services.run_list import table
from ..services.run_list.columns import Column
from ..services.run_list.table import Row, Table
from ..wire.numbers import to_json
from . import list_request, template_filters
from .blueprint import web
from .list_request import ListRequest

AT_ONCE = 1000  # Rows that are in memory.


@web.get("/app/projects/<id:project_id>/runs.csv")
@requires("public_or_read")
def runs_csv(project_id: int) -> Response:
    """Takes the query of the project's page."""
    project = projects.get(project_id, g.principal)
    listed = list_request.read()
    if listed.where is None:
        raise Invalid.field("q", listed.fault, source="query")
    first = _page(g.principal, project_id, listed, listed.chosen, None)
    answer = Response(stream_with_context(_lines(g.principal, project_id, listed, first)), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{project.name} runs.csv".replace("/", "-"))
    return answer


def _page(
    principal: Principal, project_id: int, listed: ListRequest, shown: Sequence[Column], after: str | None
) -> Table:
    return table.table(principal, project_id, listed.order, listed.where, shown, after, AT_ONCE)


def _lines(principal: Principal, project_id: int, listed: ListRequest, page: Table) -> Iterator[str]:
    """The head, then page after page, each in a transaction of its own."""
    shown = page.columns
    yield _line(["id", "name", *(column.key for column in shown)])
    while True:
        yield "".join(_line(_cells(row, shown)) for row in page.rows)
        db.session.remove()
        if page.page.next_cursor is None:
            return
        page = _page(principal, project_id, listed, shown, page.page.next_cursor)


def _cells(row: Row, shown: Sequence[Column]) -> list[Any]:
    run = row.run
    facts = {
        "status": str(row.state), "tags": ", ".join(run.tags), "created": run.created_at, "duration": run.duration, "notes": run.notes,
    }  # fmt: skip
    cells = [
        facts[column.name] if column.kind == "fact" else value for column, value in zip(shown, row.values, strict=True)
    ]
    return [run.id, run.name, *cells]


def _line(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_written(cell) for cell in cells])
    return line.getvalue()


def _written(cell: Any) -> Any:
    """Numbers as the shortest digits that read back to the same; a text that a sheet would take for a formula with a quote."""
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).lower()
        case float():
            return to_json(cell)
        case datetime():
            return template_filters.iso(cell)
        case timedelta():
            return cell.total_seconds()
        case int():
            return cell
    text = template_filters.plain(cell)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
