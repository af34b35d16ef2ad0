"""Which run is best? One project and the table of its runs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from flask import Response, g, request, url_for

from ..auth import requires
from ..errors import Forbidden, Invalid
from ..models import ApiKey, Project
from ..services import api_keys, projects, table
from . import client, snippet, web
from .columns import columns_of, with_cells
from .forms import errors_of, see, text
from .htmx import page_or_fragment

PAGE = 100
MOST = 1000  # Rows of one page; further ones are on the next.


@web.get("/app/projects/<id:project_id>")
@requires("read")
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
        found = projects.get(project_id, g.principal)
        answer = _page(found, errors=errors_of(error, "name", "description"), form=request.form)
        answer.status_code = 400
        return answer
    return see(url_for("web.project", project_id=project_id))


@web.post("/app/projects/<id:project_id>/delete")
@requires("write")
def delete_project(project_id: int) -> Response:
    found = projects.get(project_id, g.principal, "own")
    if request.form.get("sure") != found.name:
        answer = _page(found, errors={"form": "The name was not the project's: nothing was deleted."})
        answer.status_code = 400
        return answer
    projects.delete(g.principal, project_id)
    return see(url_for("web.home"))


@web.post("/app/projects/<id:project_id>/key")
@requires("session")
def snippet_key(project_id: int) -> Response:
    """Make an API key and show the snippet with it: the only time that it can be read."""
    found = projects.get(project_id, g.principal)
    if not projects.may(g.principal, found, "write"):
        raise Forbidden()
    key, secret = api_keys.issue(g.principal, f"snippet of {found.name}"[:100], "write", None)
    return _page(found, key=key, secret=secret)


def _page(project: Project, key: ApiKey | None = None, secret: str | None = None, **context: Any) -> Response:
    return page_or_fragment(
        "projects/show.html", "projects/_runs.html", "projects/_snippet.html",
        **{"errors": {}, "form": {}} | context, **_table(project.id), project=project,
        may_write=projects.may(g.principal, project, "write"), api_key=key, install=client.install(),
        snippet=snippet.lines(project.name, secret),
    )  # fmt: skip


def _table(project_id: int) -> dict[str, Any]:
    wanted = request.args.get("sort", "-created")[:300]
    sort, descending = wanted.removeprefix("-"), wanted.startswith("-")
    words = request.args.get("q", "").strip()[:200]
    skip = max(request.args.get("skip", 0, int), 0)
    limit = min(max(request.args.get("limit", PAGE, int), 1), MOST)
    found = table.table(g.principal, project_id, sort, descending, words, min(skip, 2**31), limit)
    columns = columns_of(found, sort, descending, _here)
    return {
        "rows": with_cells(found, columns), "columns": columns, "sort": sort, "descending": descending, "q": words,
        "total": found.found, "empty": found.total == 0, "here": _here(), **_further(found, skip, limit),
    }  # fmt: skip


def _here(**changes: str | int | None) -> str:
    """This page's address with some of its query changed; the address is all the state that there is."""
    query = {**request.args.to_dict(), **changes} if request.method == "GET" else dict(changes)
    query = {name: value for name, value in query.items() if value not in (None, "")}
    path = url_for("web.project", project_id=(request.view_args or {})["project_id"])
    return path + ("?" + urlencode(query) if query else "")


def _further(found: table.Table, skip: int, limit: int) -> dict[str, Any]:
    """The link to more rows, and beyond a thousand the links to the pages."""
    shown = skip + len(found.rows)
    if skip == 0 and shown < found.found and limit < MOST:
        return {"more_url": _here(limit=min(limit + PAGE, MOST))}
    if skip == 0 and shown >= found.found:
        return {}
    before = _here(skip=max(skip - limit, 0) or None) if skip else None
    after = _here(skip=skip + limit) if shown < found.found else None
    return {"pages": {"first": skip + 1, "last": shown, "before": before, "after": after}}


@web.app_template_filter("pattern")
def pattern(literal: str) -> str:
    """A regular expression of HTML's `pattern` that matches exactly this text."""
    return re.sub(r"[\\^$.*+?()[\]{}|/&\-!#%,:;<=>@`~]", lambda found: f"\\u{ord(found[0]):04x}", literal)
