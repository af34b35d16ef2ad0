"""The address of a project's page, which is all the state that there is: its own query over the one of a saved view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

from flask import g, request, url_for
from werkzeug.datastructures import MultiDict

from ..models import View
from ..services import views

# An address with nothing but these shows the default view, too.
OF_THE_MOMENT = views.NOT_SAVED - {"view"}


@dataclass(frozen=True)
class Applied:
    """The views that the caller may choose from, the one that is shown, and what it says of the query."""

    views: Sequence[View]
    view: View | None
    query: dict[str, list[str]]


def applied(project_id: int) -> Applied:
    """The view that the address names, or the default where it names nothing at all. `view=` is none."""
    if "applied_view" not in g:
        seen = views.listed(g.principal, project_id)
        if "view" in request.args:
            number = request.args.get("view", type=int)
            view = next((one for one in seen if one.id == number), None)
        else:
            says_nothing = request.method == "GET" and set(request.args) <= OF_THE_MOMENT
            view = views.default_of(seen, g.principal) if says_nothing else None
        g.applied_view = Applied(seen, view, parse_qs(view.query) if view else {})
    return g.applied_view


def args() -> MultiDict[str, str]:
    """The query of the page as it is meant: what the address says, and for the rest what its view says."""
    return MultiDict(_view_query() | _own())


def here(**changes: str | int | list[str] | None) -> str:
    """The page's address with some of its query changed."""
    return url_for("web.project", project_id=_project_id()) + query_with(**changes)


def query_with(**changes: str | int | list[str] | None) -> str:
    """The page's query with its `?`, and with changes; what is None or empty is left out. Where it must not be as the view says,
    it is there and empty."""
    query: dict[str, Any] = _own()
    if view := applied(_project_id()).view:
        query["view"] = view.id
    query |= changes
    kept = _view_query()
    pairs = {
        name: value or ""
        for name, value in query.items()
        if value not in (None, "", [], [""]) or name in kept or (name == "view" and value is not None)
    }
    text = urlencode(pairs, doseq=True)
    return "?" + text if text else ""


def _own() -> dict[str, Any]:
    return request.args.to_dict(flat=False) if request.method == "GET" else {}


def _view_query() -> dict[str, list[str]]:
    return applied(_project_id()).query


def _project_id() -> int:
    return (request.view_args or {})["project_id"]
