"""The address of a project's page, which is all the state that there is."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import request, url_for


def here(**changes: str | int | list[str] | None) -> str:
    """The page's address with some of its query changed; what is None or empty is left out."""
    current: dict[str, Any] = request.args.to_dict(flat=False) if request.method == "GET" else {}
    query = {name: value for name, value in (current | changes).items() if value not in (None, "", [""])}
    path = url_for("web.project", project_id=(request.view_args or {})["project_id"])
    text = urlencode(query, doseq=True)
    return path + ("?" + text if text else "")
