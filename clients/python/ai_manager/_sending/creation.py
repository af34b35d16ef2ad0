"""How a run comes to be on the server."""

from __future__ import annotations

from typing import Any

from ai_manager._notices import Notices
from ai_manager._transport import Transport, whole
from ai_manager.errors import ServerError

DESCRIPTION = "this run's name, config or tags"


def create(transport: Transport, project_id: int, facts: dict[str, Any], notices: Notices) -> dict[str, Any]:
    """Make the run: as a fork of another one, or by going on with one, or anew.

    What the server does not take of that is said and left out, for the points matter more: a run that cannot be forked or
    go on becomes a new one. The answer has a whole number as `id`. May be repeated; raises what the transport raises.
    """
    answer = None
    if facts.get("fork"):
        answer = _fork(transport, project_id, facts, notices)
    elif facts.get("continues"):
        path = f"/runs/{facts['continues']}/resume"
        answer = _first_taken(transport, path, [("the wish to go on with a run", "", {})], notices)
    answer = answer or _new(transport, project_id, str(facts["key"]), facts["run"], notices)
    whole(answer, "id")
    return answer


def goes_on_with_another(facts: dict[str, Any]) -> bool:
    """Whether the run begins with what another process has logged."""
    return bool(facts.get("fork") or facts.get("continues") or facts["run"].get("resume") in ("allow", "must"))


def fork_request(described: dict[str, Any], step: int) -> dict[str, Any]:
    """What is sent to fork a run."""
    return {**{field: described[field] for field in ("name", "config", "tags") if field in described}, "step": step}


def _new(
    transport: Transport, project_id: int, key: str, described: dict[str, Any], notices: Notices
) -> dict[str, Any]:
    """Make the run, or go on with the one that has its key, or join it."""
    if described.get("resume") == "join":
        key += "-join"  # Its owner says something else.
    plain = {field: value for field, value in described.items() if field not in ("key", "resume")}
    tries = [("this run's key" if plain != described else DESCRIPTION, key, described)]
    tries += [(DESCRIPTION, f"{key}-plain", plain)] if plain != described else []
    path = f"/runs/?project_id={project_id}"
    answer = _first_taken(transport, path, tries, notices)
    return answer or transport.call("POST", path, {"config": {}, "tags": []}, key=f"{key}-bare")


def _fork(transport: Transport, project_id: int, facts: dict[str, Any], notices: Notices) -> dict[str, Any] | None:
    """A run with the points of its parent; None if the server does not fork that one."""
    fork, key = facts["fork"], str(facts["key"])
    parent = fork["run_id"] or whole(_new(transport, project_id, fork["key"], fork["run"], notices), "id")
    tries = [(DESCRIPTION, key, fork_request(facts["run"], fork["step"]))]
    tries += [("the wish to fork a run", f"{key}-bare", {"step": fork["step"]})]
    return _first_taken(transport, f"/runs/{parent}/fork", tries, notices)


def _first_taken(
    transport: Transport, path: str, tries: list[tuple[str, str, dict[str, Any]]], notices: Notices
) -> dict[str, Any] | None:
    """The answer to the first body that the server takes, None if it refuses all. Each comes with what is refused with it and
    with its key."""
    is_of_a_run = "?" not in path
    for what, key, body in tries:
        try:
            return transport.call("POST", path, body, key=key or None)
        except ServerError as error:
            # Of a run that is not there, or is somebody else's; a project that is not there will be made.
            is_none = error.from_api and (is_of_a_run or body.get("resume") == "must") and error.status in (403, 404)
            if not (error.is_refusal or error.status == 413 or is_none):
                raise
            notices.once(("about", what), "the server refused %s (%s)", what, error.detail)
    return None
