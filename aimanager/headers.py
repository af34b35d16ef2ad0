"""What every answer carries, and for which host names we answer at all."""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
from functools import lru_cache
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from . import csrf
from .config import Settings
from .errors import SENTENCES, AIManagerError, Invalid
from .extensions import settings

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
    if not host_is_ours(request.headers.get("Host", ""), settings._get_current_object()):  # type: ignore[attr-defined]
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
    if "\0" in request.path or "%00" in request.query_string.decode("latin-1"):
        raise Invalid.field("address", "the address has a NUL character", "printable", source="query")


def name_request() -> None:
    offered = request.headers.get("X-Request-ID", "")
    g.request_id = offered if REQUEST_ID.fullmatch(offered) else secrets.token_hex(8)


def add_headers(answer: Response) -> Response:
    headers = answer.headers
    headers.extend(ALWAYS)
    headers.add("X-Request-ID", g.get("request_id", "-"))
    headers.add("Vary", "Cookie, Authorization")
    principal = g.get("principal")
    signed_in = principal is not None and principal.signed_in
    if signed_in or "Set-Cookie" in answer.headers or request.method not in csrf.SAFE:
        answer.headers["Cache-Control"] = "no-store"
    if request.is_secure:
        answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return answer


def init_headers(app: Flask) -> None:
    app.before_request(name_request)
    app.before_request(check_host)
    app.before_request(check_address)
    app.after_request(add_headers)
