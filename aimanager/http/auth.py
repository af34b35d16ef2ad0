"""Who is asking, and may they come in at this door at all.

Who: an API key (in `Authorization: Bearer`, or as the password of HTTP Basic), else a token in the same header,
else the session cookie. A credential that is offered and refused is never read as "nobody": it is a 401.
Which door: every view states a rule with `@requires`; one that does not stops the start of the application. What
may be done to the run or the project behind the door is asked in the services.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from flask import Flask, Request, current_app

from ..errors import Forbidden, Unauthorized
from ..extensions import here
from ..principal import ANONYMOUS, KEY_PREFIX, Principal
from ..services import api_keys, sessions
from . import csrf

Rule = Literal["anyone", "read", "user", "write", "session"]
RULES: tuple[Rule, ...] = ("anyone", "read", "user", "write", "session")
View = TypeVar("View", bound=Callable[..., Any])


def requires(rule: Rule) -> Callable[[View], View]:
    """State who may call a view.

    `anyone`: no credential is looked at. `read`: the object in the URL decides, public ones for everybody.
    `user`: somebody signed in. `write`: signed in, and not with a key for reading only; the object in the URL decides.
    `session`: signed in by password, as an API key must not make keys or change the password.
    """
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule!r}")

    def mark(view: View) -> View:
        view.rule = rule  # type: ignore[attr-defined]
        return view

    return mark


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    return getattr(app.view_functions.get(endpoint), "rule", None)


def identify() -> None:
    """Put the caller into `g.principal`; a refused credential is kept in `g.refused` until the rule is asked."""
    asked, known = here()
    known.principal, known.refused = ANONYMOUS, False
    view = current_app.view_functions.get(asked.endpoint or "")
    if getattr(view, "budget", None) == "none":
        return  # A probe answers for the process alone, also while the database that knows callers is away.
    try:
        known.principal = _principal(asked)
    except Unauthorized:
        known.refused = True


def enforce() -> None:
    """Ask the rule of the view; nothing runs behind a door that has none."""
    asked, known = here()
    if asked.endpoint is None:
        return  # An unknown path: the router answers 404 or 405.
    rule = rule_of(current_app, asked.endpoint)
    csrf.check_origin(asked)
    if rule == "anyone":
        return
    if rule is None:
        raise Forbidden()
    principal: Principal = known.principal
    if known.refused or (rule != "read" and not principal.signed_in):
        raise Unauthorized()
    if rule == "session" and principal.kind not in {"token", "cookie"}:
        raise Forbidden("Not enough permissions: sign in with a password for this")
    if rule == "write" and principal.scope != "write":
        raise Forbidden("Not enough permissions: this API key may only read")
    if principal.kind == "cookie":
        csrf.check_token(principal.csrf)


def _principal(asked: Request) -> Principal:
    header = asked.headers.get("Authorization")
    if header is None:
        cookie = asked.cookies.get(csrf.session_cookie())
        return sessions.resolve(cookie, "cookie") if cookie else ANONYMOUS
    scheme, _, value = header.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        value = _basic_password(value)
        if not value.startswith(KEY_PREFIX):
            raise Unauthorized()
    elif scheme.lower() != "bearer":
        raise Unauthorized()
    if value.startswith(KEY_PREFIX):
        return api_keys.resolve(value)
    return sessions.resolve(value, "token")


def _basic_password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthorized() from None


def init_auth(app: Flask) -> None:
    app.before_request(enforce)


def check_every_route_has_a_rule(app: Flask) -> None:
    """Default deny at build time; raises RuntimeError naming the routes that forgot."""
    forgotten = sorted(
        f"{rule.rule} ({rule.endpoint})" for rule in app.url_map.iter_rules() if rule_of(app, rule.endpoint) is None
    )
    if forgotten:
        raise RuntimeError(f"these routes state no rule with @requires: {', '.join(forgotten)}")
