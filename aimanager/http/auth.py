"""Who is asking, and may they come in at this door at all.

Who: an API key (in `Authorization: Bearer`, or as the password of HTTP Basic), else a token in the same header,
else the session cookie. A credential that is offered and refused is never read as "nobody": it is a 401.
Which door: every view states a rule with `@requires`; one that does not stops the start of the application. What
may be done to the run or the project behind the door is decided in the services.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_args

from flask import Flask, Request, current_app

from ..errors import Forbidden, Unauthorized
from ..principal import ANONYMOUS, KEY_PREFIX, Principal
from ..services import api_keys, sessions
from . import csrf
from .cookies import session_cookie

Rule = Literal["anyone", "visitor", "public_or_read", "user", "write", "session"]
View = TypeVar("View", bound=Callable[..., Any])


def requires(rule: Rule) -> Callable[[View], View]:
    """State who may call a view.

    `anyone`: credentials are ignored. `visitor`: a signed-in caller is recognised, an expired credential counts as none.
    `public_or_read`: the object in the URL decides; a public one is for everybody, others for those who may read them.
    `user`: somebody signed in. `write`: signed in, and not with a key for reading only; the object in the URL decides.
    `session`: signed in by password, as an API key must not make keys or change the password.
    """
    if rule not in get_args(Rule):
        raise ValueError(f"unknown rule {rule!r}")

    def mark(view: View) -> View:
        view.rule = rule  # type: ignore[attr-defined]
        return view

    return mark


def rule_of(app: Flask, endpoint: str | None) -> Rule | None:
    return getattr(app.view_functions.get(endpoint or ""), "rule", None)


def identify(request: Request, context: Any) -> None:
    """Put the caller into `g.principal`; a refused credential is noted and raised when the view's rule is checked."""
    context.principal, context.credential_refused = ANONYMOUS, False
    if rule_of(current_app, request.endpoint) == "anyone":
        return  # A probe answers for the process alone, also while the database that knows callers is away.
    try:
        context.principal = _principal(request)
    except Unauthorized:
        context.credential_refused = True


def enforce(request: Request, context: Any) -> None:
    """Ask the rule of the view; nothing runs behind a door that has none."""
    if request.endpoint is None:
        return  # An unknown path: the router answers 404 or 405.
    rule = rule_of(current_app, request.endpoint)
    csrf.check_origin(request)
    if rule in {"anyone", "visitor"}:
        return
    if rule is None:
        raise Forbidden()
    principal: Principal = context.principal
    if context.credential_refused or (rule != "public_or_read" and not principal.signed_in):
        raise Unauthorized()
    if rule == "session" and principal.kind not in {"token", "cookie"}:
        raise Forbidden("Not enough permissions: sign in with a password for this")
    if rule == "write" and principal.scope != "write":
        raise Forbidden("Not enough permissions: this API key may only read")
    if principal.kind == "cookie":
        csrf.check_token(principal.csrf)


def _principal(request: Request) -> Principal:
    header = request.headers.get("Authorization")
    if header is None:
        cookie = request.cookies.get(session_cookie())
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


def check_every_route_has_a_rule(app: Flask) -> None:
    """Default deny at build time; raises RuntimeError naming the routes that forgot."""
    forgotten = sorted(
        f"{rule.rule} ({rule.endpoint})" for rule in app.url_map.iter_rules() if rule_of(app, rule.endpoint) is None
    )
    if forgotten:
        raise RuntimeError(f"these routes state no rule with @requires: {', '.join(forgotten)}")
