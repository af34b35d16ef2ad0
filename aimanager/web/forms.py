"""What plain forms need: the message beside its field, and a safe way back."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, redirect, request

from ..errors import AIManagerError, Invalid
from ..wire.text import name_of, not_text


def text(name: str) -> str:
    """What was typed, without blanks around it; a browser sends two characters for each line break that it counts as one."""
    return request.form.get(name, "").replace("\r\n", "\n").strip()


def check_text() -> None:
    """Refuse a form with a character that no text has, whatever the field. Raises Invalid."""
    for name, value in request.form.items(multi=True):
        character = not_text(name) or not_text(value)
        if character is not None:
            field = "field" if not_text(name) else name[:80]
            raise Invalid.field(field, f"{field} has a character that is not text: {name_of(character)}", "printable")


def missing(**labels: str) -> dict[str, str]:
    """For each field of the form that is empty, what to do about it."""
    return {name: f"Enter your {label}" for name, label in labels.items() if not request.form.get(name, "").strip()}


def errors_of(error: AIManagerError, *fields: str) -> dict[str, str]:
    """The messages of a refusal by field; what belongs to none of the fields is shown above the form, as `form`."""
    if not isinstance(error, Invalid):
        return {"form": error.detail}
    messages: dict[str, str] = {}
    for one in error.errors:
        name = str(one["loc"][-1])
        message = str(one["msg"])
        messages.setdefault(name if name in fields else "form", message[:1].upper() + message[1:])
    return messages


def safe_next(url: str | None) -> str | None:
    """A path of this site, or None: `//host`, `/\\host`, `https:host` and control characters lead elsewhere."""
    if not url or len(url) > 2000 or not url.startswith("/") or url[1:2] in {"/", "\\"}:
        return None
    if "\\" in url or any(ord(letter) < 33 or ord(letter) == 127 for letter in url):
        return None
    parts = urlsplit(url)
    return None if parts.scheme or parts.netloc else url


def see(url: str) -> Response:
    """After a change: go and look at it."""
    return redirect(url, 303)  # type: ignore[return-value]
