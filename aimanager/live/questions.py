"""What a viewer may ask for through its socket."""

from __future__ import annotations

import orjson

LARGEST_ID = 2**63 - 1


def runs_to_watch(message: str | bytes) -> dict[int, int] | None:
    """The runs of `{"type": "watch", "runs": {"7": 120}}` and the last ids that the viewer has; None for other messages."""
    try:
        question = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(question, dict) or question.get("type") != "watch" or not isinstance(question.get("runs"), dict):
        return None
    runs = {_number(key): since for key, since in question["runs"].items() if type(since) is int and since >= 0}
    return {run: since for run, since in runs.items() if 0 < run <= LARGEST_ID and since <= LARGEST_ID}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else 0
