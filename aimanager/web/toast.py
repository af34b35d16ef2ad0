"""What a page says about something that was just done, with a way to take it back."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from flask import Response

from ..http.cookies import is_secure
from ..services.bulk import Done
from .ids import in_words

COOKIE = "toast"
SHOWN_WITHIN = 60  # Seconds: a page that opens later is not about it any more.
LONGEST = (
    2000  # Characters of ids: proxies take headers of four kilobytes. Deleted runs can be restored from the trash, too.
)


def say(answer: Response, done: Done) -> Response:
    """For a page that stays: its scripts get the event `toast`."""
    answer.headers["HX-Trigger"] = json.dumps({"toast": _toast(done)})  # In ASCII, as a header has no other letters.
    return answer


def say_on_next_page(answer: Response, done: Done) -> Response:
    """For an answer that leads to another page, whose scripts find it in a cookie."""
    text = quote(json.dumps(_toast(done)))
    answer.set_cookie(COOKIE, text, max_age=SHOWN_WITHIN, secure=is_secure(), samesite="Lax")
    return answer


def _toast(done: Done) -> dict[str, Any]:
    toast: dict[str, Any] = {"text": done.text}
    if done.undo and len(ids := in_words(done.undo.run_ids)) + len(done.undo.value) <= LONGEST:
        toast["undo"] = {"action": done.undo.action, "ids": ids, "value": done.undo.value}
    return toast
