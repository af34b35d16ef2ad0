"""Who am I: log in, register, log out. Plain forms, so that a password manager and a reader know them."""

from __future__ import annotations

from flask import Response, g, render_template, request, url_for

from ..errors import AIManagerError, Forbidden, Invalid, TooMany, Unauthorized
from ..http import cookies, csrf
from ..http.auth import requires
from ..http.client_address import client_address
from ..models import User
from ..services import accounts, projects, sessions
from .blueprint import web
from .forms import errors_of, missing, safe_next, see, text


@web.get("/login")
@requires("visitor")
def login() -> Response | str:
    """A caller who is signed in already is redirected to the target of the link."""
    if g.principal.signed_in:
        return see(safe_next(request.args.get("next")) or url_for("web.home"))
    return render_template("session/login.html", errors={}, next=safe_next(request.args.get("next")))


@web.post("/login")
@requires("visitor")
def log_in() -> Response | tuple[str, int] | tuple[str, int, dict[str, str]]:
    csrf.check_form()
    next_url = safe_next(request.form.get("next"))
    if errors := missing(username="user name or email", password="password"):  # noqa: S106 - what the field is called
        return render_template("session/login.html", errors=errors, next=next_url, username=text("username")), 400
    try:
        user = accounts.authenticate(text("username"), request.form["password"], client_address())
    except (Unauthorized, Invalid, TooMany) as error:
        page = render_template("session/login.html", errors=errors_of(error), next=next_url, username=text("username"))
        # A 401 would make browsers ask for a password of their own.
        return page, 400 if error.status == 401 else error.status, _retry(error)
    return _signed_in(user, next_url)


@web.get("/register")
@requires("visitor")
def register() -> Response | str:
    if g.principal.signed_in:
        return see(url_for("web.home"))
    return render_template("session/register.html", errors={}, next=safe_next(request.args.get("next")))


@web.post("/register")
@requires("visitor")
def sign_up() -> Response | tuple[str, int, dict[str, str]]:
    csrf.check_form()
    next_url = safe_next(request.form.get("next"))
    filled_in = {"next": next_url, "email": text("email"), "username": text("username")}
    if errors := missing(email="email", username="user name", password="password"):  # noqa: S106
        return render_template("session/register.html", errors=errors, **filled_in), 400, {}
    try:
        user = accounts.register(text("email"), text("username"), request.form["password"])
    except (Invalid, Forbidden, TooMany) as error:
        errors = errors_of(error, "email", "username", "password")
        return render_template("session/register.html", errors=errors, **filled_in), error.status, _retry(error)
    return _signed_in(user, next_url)


@web.post("/logout")
@requires("session")
def logout() -> Response:
    sessions.end(g.principal)
    answer = see(url_for("web.login"))
    cookies.sign_out(answer)
    return answer


def _signed_in(user: User, next_url: str | None) -> Response:
    token, secret = sessions.issue(user, request.user_agent.string)
    only = projects.only_one_of(user.id)
    answer = see(next_url or (url_for("web.project", project_id=only) if only else url_for("web.home")))
    cookies.sign_in(answer, token, secret)
    return answer


def _retry(error: AIManagerError) -> dict[str, str]:
    return {name: value for name, value in error.headers.items() if name == "Retry-After"}
