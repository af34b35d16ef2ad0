"""What happens around every request, in order. Nothing else hooks into the application or wraps it.

From the outside in: the middleware, the hooks before the view, those of a blueprint, the view, the hooks after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response, g, request

from ..extensions import Parts
from ..live import SocketGuard
from ..services.run_list import direction
from . import csrf
from .assets import StaticFiles
from .auth import enforce, identify
from .compression import compress_page
from .fast_path import FastPath
from .headers import SecurityHeaders, add_headers, check_address, name_request
from .hosts import check_host

Before = Callable[[Request, Any], None]
After = Callable[[Response, Request, Any], None]


def forget_project(_error: BaseException | None) -> None:
    """What a request was about ends with it: its thread answers others."""
    direction.within(None)


BEFORE_LIMITS: tuple[Before, ...] = (
    name_request,  # First: whatever is refused below has a name in the log.
    check_host,  # Before anything is looked up for a page of another site.
    check_address,  # Before a NUL comes near a database.
    identify,  # Limits count users; what a refused credential means is decided by the rule.
)
# Here the limits are counted, by Flask-Limiter or on the fast path: after we know whom to count, and before the rule
# is asked, so that guesses count too.
AFTER_LIMITS: tuple[Before, ...] = (
    enforce,  # The rule of the view, and whether one of our own pages sent this.
)

AFTER_VIEW: tuple[After, ...] = (
    csrf.keep_token,  # A form that was rendered needs its cookie;
    add_headers,  # after it, as an answer that sets a cookie is not to be kept by caches.
    compress_page,  # Last: nobody looks into a compressed page.
)


def install(app: FastPath, parts: Parts, static: StaticFiles) -> None:
    """Put all hooks and middleware in place; call once, after the routes are registered."""
    for hook in BEFORE_LIMITS:
        app.before_request(_before(hook))
    parts.rate_limits.limiter.init_app(app)
    for hook in AFTER_LIMITS:
        app.before_request(_before(hook))
    after: tuple[After, ...] = (parts.rate_limits.say_what_is_left, *AFTER_VIEW)
    for finish in reversed(after):  # Flask calls them from the last to the first.
        app.after_request(_after(finish))
    app.teardown_appcontext(forget_project)
    app.take_fast_path(before=(*BEFORE_LIMITS, parts.rate_limits.count, *AFTER_LIMITS), after=after)
    _wrap(app, parts, static)


def _wrap(app: Flask, parts: Parts, static: StaticFiles) -> None:
    """The middleware, from the inside out."""
    wrapped: Any = app.wsgi_app
    wrapped = SecurityHeaders(wrapped)  # Inside the guard: a socket's answer is not HTTP any more.
    wrapped = SocketGuard(wrapped)  # Hands a socket's connection to the hub.
    wrapped = static.wrap(wrapped)  # Files that exist are answered without asking the application.
    if hops := parts.settings.trusted_proxies:
        from werkzeug.middleware.proxy_fix import ProxyFix

        # Outside of all: from here on the address and the scheme are the client's.
        wrapped = ProxyFix(wrapped, x_for=hops, x_proto=hops, x_host=hops)
    app.wsgi_app = wrapped  # type: ignore[method-assign]


def _before(hook: Before) -> Callable[[], None]:
    return lambda: hook(request._get_current_object(), g._get_current_object())  # type: ignore[attr-defined]


def _after(hook: After) -> Callable[[Response], Response]:
    def call(response: Response) -> Response:
        hook(response, request._get_current_object(), g._get_current_object())  # type: ignore[attr-defined]
        return response

    return call
