"""Whether an unsafe request really comes from one of our own pages.

Two independent answers: the browser's own word (`Origin`, `Sec-Fetch-Site`), checked on every unsafe request, and a
token that only our pages can read, needed by everything that is signed in by cookie and of our forms.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Request, Response, g, request

from ..errors import Forbidden
from ..extensions import settings
from ..principal import ANONYMOUS
from .cookies import csrf_cookie, set_csrf_cookie

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def same_origin(origin: str) -> bool:
    """Whether an `Origin` header names this server."""
    our_origins = {(request.scheme, request.host)}
    if settings.public_url:
        public = urlsplit(settings.public_url)
        our_origins.add((public.scheme, public.netloc))
    try:
        parts = urlsplit(origin)
    except ValueError:  # Brackets that do not close, letters that only look like a host.
        return False
    return (parts.scheme, parts.netloc) in our_origins


def check_origin(request: Request) -> None:
    """Refuse an unsafe request that another site sent. Raises Forbidden."""
    if request.method in SAFE:
        return
    origin = request.headers.get("Origin")
    if origin is not None and not same_origin(origin):
        raise Forbidden("Not enough permissions: the request comes from another site")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden("Not enough permissions: the request comes from another site")


def check_token(expected: str) -> None:
    """Compare the token of the page with the one of the session. Raises Forbidden."""
    if request.method in SAFE:
        return
    offered = request.headers.get("X-CSRF-TOKEN") or unmasked(request.form.get("csrf_token", ""))
    if not expected or not hmac.compare_digest(offered.encode(), expected.encode()):
        raise Forbidden("Not enough permissions: the page is out of date, please reload it")


def check_form() -> None:
    """For forms of people who are not signed in: the token is compared with its cookie (double submit)."""
    check_token(request.cookies.get(csrf_cookie(), ""))


def csrf_token() -> str:
    """The token for one form, each time other letters; a visitor without one is given one with the answer."""
    principal = g.get("principal", ANONYMOUS)
    if principal.kind == "cookie":
        return masked(principal.csrf)
    if "csrf_token" not in g:
        g.csrf_token = request.cookies.get(csrf_cookie()) or secrets.token_urlsafe(24)
    return masked(g.csrf_token)


def masked(token: str) -> str:
    """The token in letters that no other page has: pages are compressed, and the size of many that hold the same secret
    beside what somebody else chose would give it away."""
    secret = token.encode()
    pad = secrets.token_bytes(len(secret))
    return (pad + bytes(a ^ b for a, b in zip(pad, secret, strict=True))).hex()


def unmasked(text: str) -> str:
    """The token that was masked; what was not is returned as it is."""
    try:
        both = bytes.fromhex(text)
        middle = len(both) // 2
        return bytes(a ^ b for a, b in zip(both[:middle], both[middle:], strict=True)).decode()
    except ValueError:
        return text


def keep_token(response: Response, request: Request, context: Any) -> None:
    """Set the cookie that goes with a form that was just rendered."""
    token = context.get("csrf_token")
    if token and request.cookies.get(csrf_cookie()) != token:
        set_csrf_cookie(response, token)
