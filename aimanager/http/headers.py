"""What every answer carries, and what no address may hold."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import Request, Response

from ..errors import Invalid
from . import csrf

POLICY = "; ".join(
    [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:", "font-src 'self'",
        "connect-src 'self'", "manifest-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
        "object-src 'none'", "report-uri /csp-report",
    ]
)  # fmt: skip

ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def check_address(request: Request, context: Any) -> None:
    """Refuse a NUL, which no text of ours holds and not every database takes."""
    if "\0" in request.path or b"%00" in request.query_string:
        raise Invalid.field("address", "the address has a NUL character", "printable", source="query")


def name_request(request: Request, context: Any) -> None:
    offered = request.headers.get("X-Request-ID", "")
    # Names a line of the log and guards nothing, so it need not be a secret.
    context.request_id = offered if REQUEST_ID.fullmatch(offered) else f"{random.getrandbits(64):016x}"  # noqa: S311


def add_headers(response: Response, request: Request, context: Any) -> None:
    headers = response.headers
    headers.add("X-Request-ID", context.get("request_id", "-"))
    headers.add("Vary", "Cookie, Authorization")
    principal = context.get("principal")
    signed_in = principal is not None and principal.signed_in
    if signed_in or request.method not in csrf.SAFE or "Set-Cookie" in headers:
        headers["Cache-Control"] = "no-store"
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")


class SecurityHeaders:
    """WSGI middleware: what is always the same is added to the finished list, so that no answer can be without it."""

    def __init__(self, wsgi_app: Callable[..., Iterable[bytes]]) -> None:
        self._app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, headers + _ALWAYS, *error)

        return self._app(environ, start)


_ALWAYS = [*ALWAYS.items()]
