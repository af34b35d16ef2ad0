"""The cookies of a signed-in browser: the session, and the CSRF token that its scripts read."""

from __future__ import annotations

from flask import Response, current_app, request

from ..extensions import settings


def is_secure() -> bool:
    return request.is_secure or settings.public_url.startswith("https://")


def session_cookie() -> str:
    """The name that browsers bind to this host and to https, where there is https."""
    return "__Host-session" if is_secure() else "session"


def csrf_cookie() -> str:
    return "__Host-csrf" if is_secure() else "csrf"


def set_csrf_cookie(response: Response, token: str) -> None:
    # Not HttpOnly: the page's script reads it at request time, as a rendered one goes stale with a new session.
    response.set_cookie(csrf_cookie(), token, secure=is_secure(), samesite="Lax", max_age=_lifetime())


def sign_in(response: Response, token: str, csrf_token: str) -> None:
    """Give the browser its session."""
    response.set_cookie(session_cookie(), token, httponly=True, secure=is_secure(), samesite="Lax", max_age=_lifetime())
    set_csrf_cookie(response, csrf_token)


def sign_out(response: Response) -> None:
    for name in (session_cookie(), csrf_cookie()):
        response.delete_cookie(name, secure=is_secure(), samesite="Lax")


def _lifetime() -> int:
    """Of both, in seconds."""
    return int(current_app.config["JWT_ACCESS_TOKEN_EXPIRES"].total_seconds())
