"""How often somebody may ask: whom a limit counts, and which of the four budgets a view draws on.

`api` is the contract's limit and the default. `ingest` is bulk logging, by requests and by points, so that a
training loop is never starved by a browser or the other way round. `page` is what pages and their charts fetch.
`none` is for probes. Every budget counts a user, or an address when nobody is signed in.

Flask-Limiter counts them; the few routes of the fast path count in the same storage under the same keys.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar

from flask import Flask, Request, Response, current_app, g, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded
from limits import RateLimitItem, parse_many

from ..config import Settings
from ..errors import TooMany
from .client_address import client_address
from .counters import Counters, storage_uri

Budget = Literal["api", "ingest", "page", "none"]
View = TypeVar("View", bound=Callable[..., Any])


def budget(kind: Budget) -> Callable[[View], View]:
    """State on which budget a view draws."""

    def mark(view: View) -> View:
        view.budget = kind  # type: ignore[attr-defined]
        return view

    return mark


def budget_of(app: Flask, endpoint: str | None) -> Budget:
    """An address that nobody knows draws on none."""
    if endpoint is None:
        return "none"
    default: Budget = "page" if endpoint.startswith("web.") else "api"
    return getattr(app.view_functions[endpoint], "budget", default)


def rate_limit_key() -> str:
    """Who is counted."""
    principal = g.get("principal")
    if principal is not None and principal.signed_in:
        return f"user:{principal.user_id}"
    return f"address:{client_address()}"


class Window(NamedTuple):
    """How many requests a limit has left in its window, and when that ends, in seconds since 1970."""

    limit: RateLimitItem
    remaining: int
    until: float

    @property
    def wait(self) -> int:
        """Whole seconds until the window ends, at least one."""
        return max(1, math.ceil(self.until - time.time()))


class RateLimits:
    """The budgets of one application."""

    def __init__(self, settings: Settings) -> None:
        limits = {"api": settings.rate_limits, "ingest": settings.ingest_limits, "page": settings.page_limits}
        self._limits = {kind: _parsed(text) for kind, text in limits.items()}
        self._point_limits = _parsed(settings.ingest_points)
        # One limit for the whole application, of which the view's budget says how much and with which others it is shared.
        # So it is counted before the view's rule is checked, and refusals cost as much as answers.
        self.limiter = Limiter(
            rate_limit_key,
            storage_uri=storage_uri(settings),
            strategy="fixed-window",
            application_limits=[
                ApplicationLimit(lambda: limits.get(budget_of(current_app, request.endpoint), ""), scope=_budget)
            ],
        )

    @property
    def counters(self) -> Counters:
        return self.limiter.storage  # type: ignore[return-value]

    def count(self, request: Request, context: Any) -> None:
        """What Flask-Limiter does for the other routes, in one question a limit; raises TooMany."""
        who, kind = rate_limit_key(), budget_of(current_app, request.endpoint)
        for item in self._limits.get(kind, ()):
            used, until = self.counters.count(item.key_for(who, kind), item.get_expiry())
            # The tightest of the budget's limits, or the one that was exceeded.
            if used > item.amount or "window" not in context:
                context.window = Window(item, max(0, item.amount - used), until)
            if used > item.amount:
                raise _too_many(context.window, request)

    def say_what_is_left(self, response: Response, request: Request, context: Any) -> None:
        """Not by Flask-Limiter's own headers, which say `Retry-After` with every good answer too."""
        window: Window | None = context.get("window") or self._counted_by_library()
        if window:
            response.headers.add("X-RateLimit-Limit", str(window.limit.amount))
            response.headers.add("X-RateLimit-Remaining", str(window.remaining))
            response.headers.add("X-RateLimit-Reset", str(math.ceil(window.until)))

    def refusal(self, error: RateLimitExceeded, request: Request) -> TooMany:
        """Flask-Limiter's refusal in our words."""
        window = self._counted_by_library()
        return _too_many(window or Window(error.limit.limit, 0, time.time()), request)

    def _counted_by_library(self) -> Window | None:
        counted = self.limiter.current_limit
        return Window(counted.limit, counted.remaining, counted.window.reset_time) if counted else None

    def spend_points(self, count: int) -> None:
        """Take points from the caller's ingest budget; raises TooMany."""
        for item in self._point_limits:
            used, until = self.counters.count(item.key_for("points", rate_limit_key()), item.get_expiry(), count)
            if used > item.amount:
                raise TooMany(f"Too many points: the limit is {item}", Window(item, 0, until).wait)


def _budget(endpoint: str) -> str:
    return budget_of(current_app, endpoint)


def _too_many(window: Window, request: Request) -> TooMany:
    sentence = f"Too many requests: the limit is {window.limit}, try again in {window.wait} seconds"
    if request.path.startswith("/metrics") and request.method == "POST":
        sentence += " (POST /metrics/{run_id}/bulk logs many points at once and has limits of its own)"
    return TooMany(sentence, window.wait)


@cache
def _parsed(limits: str) -> tuple[RateLimitItem, ...]:
    return tuple(sorted(parse_many(limits))) if limits else ()
