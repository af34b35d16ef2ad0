"""What plain forms need: the message beside its field, and a safe way back."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, redirect, request

from ..errors import AIManagerError, Invalid


def text(name: str) -> str:
    return request.form.get(name, "").strip()


def errors_of(error: AIManagerError, *fields: str) -> dict[str, str]:
    """The messages of a refusal by field; what belongs to none of the fields stands above the form, as `form`."""
    if not isinstance(error, Invalid):
        return {"form": error.detail}
    found: dict[str, str] = {}
    for one in error.errors:
        name = str(one["loc"][-1])
        message = str(one["msg"])
        found.setdefault(name if name in fields else "form", message[:1].upper() + message[1:])
    return found


def safe_next(wanted: str | None) -> str | None:
    """A path of this site, or None: `//host`, `/\\host`, `https:host` and control characters lead elsewhere."""
    if not wanted or len(wanted) > 2000 or not wanted.startswith("/") or wanted[1:2] in {"/", "\\"}:
        return None
    if "\\" in wanted or any(ord(letter) < 33 or ord(letter) == 127 for letter in wanted):
        return None
    parts = urlsplit(wanted)
    return None if parts.scheme or parts.netloc else wanted


def see(url: str) -> Response:
    """After a change: go and look at it."""
    return redirect(url, 303)  # type: ignore[return-value]
