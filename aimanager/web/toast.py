"""What a page says about something that was just done, with a way to take it back."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from flask import Response, jsonify

from ..http.cookies import is_secure
from ..services.bulk import Done
from .ids import in_words

COOKIE = "toast"
SHOWN_WITHIN = 60  # Seconds: a page that opens later is not about it any more.
LONGEST = 2000  # Characters of ids in a cookie, of which a browser keeps four kilobytes.


def say(done: Done) -> Response:
    """For a page that stays: its scripts get the event `toast`. In the body, as the undo may be of ten thousand runs."""
    return jsonify(toast=_toast(done))


def say_on_next_page(answer: Response, done: Done) -> Response:
    """For an answer that leads to another page, whose scripts find it in a cookie."""
    toast = _toast(done)
    if len(toast.get("undo", {}).get("ids", "")) + len(toast.get("undo", {}).get("value", "")) > LONGEST:
        del toast["undo"]
    text = quote(json.dumps(toast))
    answer.set_cookie(COOKIE, text, max_age=SHOWN_WITHIN, secure=is_secure(), samesite="Lax")
    return answer


def _toast(done: Done) -> dict[str, Any]:
    toast: dict[str, Any] = {"text": done.text}
    if done.undo:
        toast["undo"] = {"action": done.undo.action, "ids": in_words(done.undo.run_ids), "value": done.undo.value}
    return toast
