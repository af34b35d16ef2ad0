"""My keys, my password, my theme."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response, g, render_template, request, url_for

from ..errors import AIManagerError, Invalid, TooMany
from ..http import cookies
from ..http.auth import requires
from ..models.base import now
from ..services import accounts, api_keys, sessions, validation
from .blueprint import THEMES, web
from .forms import errors_of, safe_next, see, text

YEAR = 365 * 24 * 3600


@web.get("/settings")
@requires("session")
def settings() -> str:
    return _page()


@web.post("/settings/keys")
@requires("session")
def issue_key() -> str | tuple[str, int]:
    """The one answer that shows the key, so it is no redirect."""
    name, days = text("key_name"), request.form.get("days", type=int)
    try:
        validation.check_name("name", name, validation.LONGEST_KEY_NAME)
        if days is not None and not 1 <= days <= 3650:
            raise Invalid.field("days", "a key must expire within ten years, or never")
        scope = "read" if request.form.get("scope") == "read" else "write"
        new, secret = api_keys.issue(g.principal, name, scope, now() + timedelta(days=days) if days else None)
    except Invalid as error:
        return _page({"key_name": error.errors[0]["msg"]}), 400
    return _page(fresh=new, secret=secret)


@web.post("/settings/keys/<id:key_id>/revoke")
@requires("session")
def revoke_key(key_id: int) -> Response:
    api_keys.revoke(g.principal, key_id)
    return see(url_for("web.settings") + "#keys")


@web.post("/settings/email")
@requires("session")
def change_email() -> Response | tuple[str, int]:
    try:
        accounts.change(g.principal, request.form.get("email_password", ""), email=text("email"))
    except (Invalid, TooMany) as error:
        return _refused(error, {"password": "email_password"})
    return see(url_for("web.settings") + "#account")


@web.post("/settings/password")
@requires("session")
def change_password() -> Response | tuple[str, int]:
    """A new password ends every session, so this browser is given a new one."""
    form = request.form
    try:
        user = accounts.change(g.principal, form.get("old_password", ""), new_password=form.get("new_password", ""))
    except (Invalid, TooMany) as error:
        return _refused(error, {"password": "old_password"})
    answer = see(url_for("web.settings") + "#password")
    cookies.sign_in(answer, *sessions.issue(user, request.user_agent.string))
    return answer


@web.post("/settings/sessions/end")
@requires("session")
def end_session() -> Response:
    """End one login, or all but this one, which gets a new token."""
    if number := request.form.get("session", type=int):
        sessions.end_one(g.principal, number)
        return see(url_for("web.settings") + "#sessions")
    user = sessions.end_all(g.principal)
    answer = see(url_for("web.settings") + "#sessions")
    cookies.sign_in(answer, *sessions.issue(user, request.user_agent.string))
    return answer


@web.post("/settings/theme")
@requires("visitor")
def change_theme() -> Response:
    theme = text("theme")
    answer = see(safe_next(request.form.get("next")) or url_for("web.settings") + "#theme")
    if theme in THEMES:
        answer.set_cookie("theme", theme, max_age=YEAR, samesite="Lax", secure=cookies.is_secure())
    return answer


def _refused(error: AIManagerError, renamed: dict[str, str]) -> tuple[str, int]:
    """The page again, each message beside the field of this page that it is about."""
    errors = errors_of(error, "email", "password", "new_password")
    first = next(iter(renamed.values()))
    errors = {renamed.get(field, field): message for field, message in errors.items()}
    if "form" in errors:
        errors[first] = errors.pop("form")
    return _page(errors), error.status


def _page(errors: dict[str, str] | None = None, **context: Any) -> str:
    return render_template(
        "settings/show.html", errors=errors or {}, form=request.form, user=accounts.get(g.principal.user_id or 0),
        keys=api_keys.list_keys(g.principal), sessions=sessions.of(g.principal), themes=THEMES, now=now(), **context,
    )  # fmt: skip
