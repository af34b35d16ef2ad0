"""The blueprint of the pages: what every template gets, and what happens to a visitor who has to log in."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from flask import Blueprint, Response, g, redirect, request, url_for

from ..errors import Unauthorized
from ..http import cookies
from ..http.errors import error_response
from ..services import passwords, validation
from . import template_filters
from .forms import check_text
from .htmx import fragment_wanted

# Of text fields in characters: what the server takes is what the form takes.
LIMITS = {
    "name": validation.LONGEST_NAME,
    "prose": validation.LONGEST_PROSE,
    "email": validation.LONGEST_EMAIL,
    "username": validation.LONGEST_USERNAME,
    "key_name": validation.LONGEST_KEY_NAME,
    "password": passwords.LONGEST,
    "search": 1000,
}
THEMES = ("system", "light", "dark")

web = Blueprint("web", __name__)
template_filters.register(web)


@web.before_request
def check_form() -> None:
    if request.method == "POST":
        check_text()


@web.app_context_processor
def template_globals() -> dict[str, Any]:
    """What each template needs: who is logged in, the theme, and the name of the CSRF cookie for the scripts."""
    theme = request.cookies.get("theme", "system")
    principal = g.get("principal")
    return {
        "theme": theme if theme in THEMES else "system",
        "signed_in": bool(principal and principal.signed_in),
        "csrf_cookie": cookies.csrf_cookie(),
        "limits": LIMITS,
        "whole_page": fragment_wanted() is None,
        # Projects, or views of them, whose cards this browser puts in other places once its scripts run.
        "kept_layouts": unquote(request.cookies.get("layouts", "")).split(),
    }


@web.errorhandler(Unauthorized)
def redirect_to_login(error: Unauthorized) -> Response:
    """Send a visitor who must log in to the login page, and back afterwards. Scripts get the error itself."""
    is_script = request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate" or "HX-Request" in request.headers
    if request.method != "GET" or is_script:
        return error_response(error)
    path = request.full_path.rstrip("?")
    return redirect(url_for("web.login", next=None if path == "/" else path), 303)  # type: ignore[return-value]
