"""How a run comes to be on the server."""

from __future__ import annotations

from typing import Any

from ai_manager._notices import Notices
from ai_manager._transport import Transport, whole
from ai_manager.errors import ServerError


def create(transport: Transport, project_id: int, facts: dict[str, Any], notices: Notices) -> dict[str, Any]:
    """Make the run, or go on with the one that has its key. What the server does not take of it is said and left out.

    The answer has a whole number as `id`. May be repeated; raises what the transport raises.
    """
    path, key = f"/runs/?project_id={project_id}", str(facts["key"])
    described = facts["run"]
    plain = {field: value for field, value in described.items() if field not in ("key", "resume")}
    answer: dict[str, Any] = {}
    for suffix, body in (("", described), ("-plain", plain), ("-bare", {"config": {}, "tags": []})):
        if suffix == "-plain" and plain == described:
            continue
        try:
            answer = transport.call("POST", path, body, key=key + suffix)
            break
        except ServerError as error:
            is_missing = error.status == 404 and error.from_api and body.get("resume") == "must"
            if suffix == "-bare" or not (error.is_refusal or error.status == 413 or is_missing):
                raise
            # The points matter more than the description.
            what = "key" if "key" in body else "name, config or tags"
            notices.once(("about", suffix), "the server refused this run's %s (%s)", what, error.detail)
    whole(answer, "id")
    return answer
