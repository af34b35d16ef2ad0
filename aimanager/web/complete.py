"""What the search box of a project offers while one types."""

from __future__ import annotations

from typing import Any

from flask import g, jsonify, request

from ..http.auth import requires
from ..services.run_list.completing import completions
from .blueprint import LIMITS, web


@web.get("/app/projects/<id:project_id>/complete")
@requires("public_or_read")
def complete(project_id: int) -> Any:
    """A list of `{text, from, to, kind, detail}`: texts that may stand in the place of these letters, and what they are."""
    typed = request.args.get("q", "")[: LIMITS["search"]]
    at = max(0, min(request.args.get("at", len(typed), int), len(typed)))
    found = completions(g.principal, project_id, typed, at)
    return jsonify(
        [
            {
                "text": one.offer.text,
                "from": one.start,
                "to": one.end,
                "kind": one.offer.kind,
                "detail": one.offer.detail,
            }
            for one in found
        ]
    )
