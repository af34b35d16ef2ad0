"""The pages: HTML first, htmx for what changes, scripts only where drawing needs them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, redirect, request, url_for

from ..errors import Unauthorized
from ..http import cookies
from ..http.errors import error_response
from . import filters

THEMES = ("system", "light", "dark")

web = Blueprint("web", __name__)
filters.register(web)


@web.app_context_processor
def everywhere() -> dict[str, Any]:
    """What each template needs: who is looking, in which theme, and where the script finds the CSRF token."""
    theme = request.cookies.get("theme", "system")
    principal = g.get("principal")
    return {
        "theme": theme if theme in THEMES else "system",
        "signed_in": bool(principal and principal.signed_in),
        "csrf_cookie": cookies.csrf_cookie(),
    }


@web.errorhandler(Unauthorized)
def ask_who(error: Unauthorized) -> Response:
    """Send a person who must sign in to the login page, and back afterwards."""
    asked_by_script = request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate" or "HX-Request" in request.headers
    if request.method != "GET" or asked_by_script:
        return error_response(error)
    wanted = request.full_path.rstrip("?")
    return redirect(url_for("web.login", next=None if wanted == "/" else wanted), 303)  # type: ignore[return-value]


# They add their routes to the blueprint.
from . import (  # noqa: E402, F401
    charts,
    client,
    docs,  # noqa: E402  (by this spelling mypy tells the module from its view)
    home,
    projects,
    runs,
    session,
    settings,
)
