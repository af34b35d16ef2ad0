"""The one place that reads the HX-* headers of htmx 4."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from flask import Response, make_response, render_template, request


def fragment_wanted() -> str | None:
    """The id of the element that htmx replaces, or None when it is a request for a whole page."""
    if request.headers.get("HX-Request-Type") != "partial":
        return None
    return request.headers.get("HX-Target", "").partition("#")[2] or None


def page_or_fragment(page: str, /, *fragments: str, **context: Any) -> Response:
    """Render the page, or one of its fragments when htmx asks for that one.

    A fragment's root element has the fragment's name as its id: `runs/_head.html` renders `<... id="head">`.
    """
    by_id = {PurePosixPath(name).stem.lstrip("_"): name for name in fragments}
    answer = make_response(render_template(by_id.get(fragment_wanted() or "", page), **context))
    answer.vary.update(["HX-Request-Type", "HX-Target"])
    return answer
