"""What every answer carries, and for which host names we answer at all."""

from __future__ import annotations

import ipaddress
import random
import re
import socket
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response

from ..config import Settings
from ..errors import SENTENCES, AIManagerError, Invalid
from ..extensions import here, settings
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


class WrongHost(AIManagerError):
    status = 421

    def __init__(self) -> None:
        super().__init__(f"{SENTENCES[421]}: set AI_MANAGER_ALLOWED_HOSTS to the names that it has")


def check_host() -> None:
    """Refuse other names than ours: a page of another site may have pointed its own name at this address."""
    asked, _ = here()
    if not host_is_ours(asked.headers.get("Host", ""), settings._get_current_object()):  # type: ignore[attr-defined]
        raise WrongHost()


@lru_cache(maxsize=1024)  # Bounded: the header is anybody's.
def host_is_ours(header: str, ours: Settings) -> bool:
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?", header)
    if not match:
        return False
    host = match[1].lower().rstrip(".")
    known = {"localhost", "127.0.0.1", "[::1]", ours.host.lower(), *(name.lower() for name in ours.allowed_hosts)}
    if ours.public_url:
        known.add((urlsplit(ours.public_url).hostname or "").lower())
    if host in known:
        return True
    # Whoever opens the server to a network may call it by address or by the machine's own name: neither can be rebound.
    return not ours.loopback and (_is_address(host) or host == socket.gethostname().lower())


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def check_address() -> None:
    """Refuse a NUL, which no text of ours holds and not every database takes."""
    asked, _ = here()
    if "\0" in asked.path or b"%00" in asked.query_string:
        raise Invalid.field("address", "the address has a NUL character", "printable", source="query")


def name_request() -> None:
    asked, known = here()
    offered = asked.headers.get("X-Request-ID", "")
    # Names a line of the log and guards nothing, so it need not be a secret.
    known.request_id = offered if REQUEST_ID.fullmatch(offered) else f"{random.getrandbits(64):016x}"  # noqa: S311


def add_headers(answer: Response) -> Response:
    asked, known = here()
    headers = answer.headers
    headers.add("X-Request-ID", known.get("request_id", "-"))
    headers.add("Vary", "Cookie, Authorization")
    principal = known.get("principal")
    signed_in = principal is not None and principal.signed_in
    if signed_in or asked.method not in csrf.SAFE or "Set-Cookie" in headers:
        headers["Cache-Control"] = "no-store"
    if asked.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return answer


class Always:
    """WSGI middleware: what is always the same is added to the finished list, where it costs nothing."""

    def __init__(self, wsgi_app: Callable[..., Iterable[bytes]]) -> None:
        self._app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, headers + _ALWAYS, *error)

        return self._app(environ, start)


_ALWAYS = [*ALWAYS.items()]


def init_headers(app: Flask) -> None:
    """Call before other middleware is wrapped around the application."""
    app.before_request(name_request)
    app.before_request(check_host)
    app.before_request(check_address)
    app.after_request(add_headers)
    app.wsgi_app = Always(app.wsgi_app)  # type: ignore[method-assign]
