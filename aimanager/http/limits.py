"""How often somebody may ask: whom a limit counts, and which of the four budgets a view draws on.

`api` is the contract's limit and the default. `ingest` is bulk logging, by requests and by points, so that a
training loop is never starved by a browser or the other way round. `page` is what pages and their charts fetch.
`none` is for probes. Every budget counts a user, or an address when nobody is signed in.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from limits import RateLimitItem, parse, parse_many
from limits.strategies import FixedWindowRateLimiter

from ..config import Settings
from ..errors import TooMany
from ..extensions import here
from .counters import MEMORY, SQLITE, MemoryCounters, SQLiteCounters

Budget = Literal["api", "ingest", "page", "none"]
View = TypeVar("View", bound=Callable[..., Any])

# Wrong passwords: for a name from an address, for a name, for an address.
GUESSES = [("both", parse("10 per 10 minutes")), ("name", parse("30/hour")), ("address", parse("100/hour"))]


def budget(kind: Budget) -> Callable[[View], View]:
    """State on which budget a view draws."""

    def mark(view: View) -> View:
        view.budget = kind  # type: ignore[attr-defined]
        return view

    return mark


def rate_limit_key() -> str:
    """Who is counted."""
    principal = g.get("principal")
    if principal is not None and principal.signed_in:
        return f"user:{principal.user_id}"
    return f"address:{request.remote_addr}"


def init_limits(app: Flask, settings: Settings) -> None:
    """Give every view its budget. Call after the blueprints are registered."""
    limiter = Limiter(key_func=rate_limit_key, storage_uri=_storage(settings), strategy="fixed-window")
    # On an application of its own: its hooks look at each request with all their options, and two counters are all that
    # is asked here, for every logged point.
    limiter.init_app(Flask("limits"))
    parts = app.extensions["aimanager"]
    parts["counts"] = counts = Counts(limiter)
    parts["login_throttle"] = LoginThrottle(counts)
    limits = {"api": settings.rate_limits, "ingest": settings.ingest_limits, "page": settings.page_limits}
    budgets = {kind: _parsed(limit) for kind, limit in limits.items() if limit}

    @app.before_request
    def count() -> None:
        """Before the rule of the view is asked, so that refusals cost as much as answers."""
        asked, known = here()
        kind = budget_of(app, asked.endpoint) if asked.endpoint else "none"
        who = rate_limit_key() if kind in budgets else ""
        for item in budgets.get(kind, ()):
            window = counts.count(item, who, kind)
            # The tightest of the budget's limits, or the one that was exceeded.
            if window.exceeded or "window" not in known:
                known.window = window
            if window.exceeded:
                raise _exceeded(window)

    app.after_request(_say_what_is_left)


def budget_of(app: Flask, endpoint: str) -> Budget:
    default: Budget = "page" if endpoint.startswith("web.") else "api"
    return getattr(app.view_functions[endpoint], "budget", default)


def _storage(settings: Settings) -> str:
    if settings.redis_url:
        return settings.redis_url
    return f"{MEMORY}://" if settings.workers == 1 else f"{SQLITE}://{settings.data_dir / 'limits.db'}"


def _say_what_is_left(answer: Response) -> Response:
    window: Window | None = g.get("window")
    if window:
        add = answer.headers.add
        add("X-RateLimit-Limit", str(window.item.amount))
        add("X-RateLimit-Remaining", str(max(0, window.item.amount - window.used)))
        add("X-RateLimit-Reset", str(math.ceil(window.until)))
    return answer


def _exceeded(window: Window) -> TooMany:
    sentence = f"Too many requests: the limit is {window.item}, try again in {window.wait} seconds"
    if request.path.startswith("/metrics") and request.method == "POST":
        sentence += " (POST /metrics/{run_id}/bulk logs many points at once and has limits of its own)"
    return TooMany(sentence, window.wait)


def _counts() -> Counts:
    return current_app.extensions["aimanager"]["counts"]


class Window(NamedTuple):
    """How many were counted in a limit's window, and when it ends, in seconds since 1970."""

    item: RateLimitItem
    used: int
    until: float

    @property
    def exceeded(self) -> bool:
        return self.used > self.item.amount

    @property
    def wait(self) -> int:
        """Whole seconds until the window ends, at least one."""
        return max(1, math.ceil(self.until - time.time()))


class Counts:
    """Fixed windows in the shared storage; in this process while that is away, so that nobody is locked out by it."""

    def __init__(self, limiter: Limiter) -> None:
        self._shared = limiter.limiter
        self._own = FixedWindowRateLimiter(own := MemoryCounters())
        self._own_count = own.count
        shared = self._shared.storage
        self._count = shared.count if isinstance(shared, MemoryCounters | SQLiteCounters) else _counting(shared)

    def count(self, item: RateLimitItem, *keys: str, cost: int = 1) -> Window:
        """Count, and say how the window then stands: in one look, as every request is counted."""
        key, expiry = item.key_for(*keys), item.get_expiry()
        try:
            return Window(item, *self._count(key, expiry, cost))
        except Exception:  # Redis may be away in as many ways as there are.
            return Window(item, *self._own_count(key, expiry, cost))

    def hit(self, item: RateLimitItem, *keys: str) -> bool:
        """Count, and whether it was within the limit."""
        return not self.count(item, *keys).exceeded

    def test(self, item: RateLimitItem, *keys: str) -> bool:
        """Whether one more would be within the limit."""
        return self._ask("test", item, keys)

    def wait(self, item: RateLimitItem, *keys: str) -> int:
        """Whole seconds until the window ends, at least one."""
        return Window(item, 0, self._ask("get_window_stats", item, keys).reset_time).wait

    def _ask(self, what: str, item: RateLimitItem, keys: tuple[str, ...]) -> Any:
        try:
            return getattr(self._shared, what)(item, *keys)
        except Exception:
            return getattr(self._own, what)(item, *keys)


def _counting(storage: Any) -> Callable[[str, float, int], tuple[int, float]]:
    """Counting in a storage that is not ours, in two looks."""

    def count(key: str, expiry: float, cost: int) -> tuple[int, float]:
        return storage.incr(key, expiry, amount=cost), storage.get_expiry(key)

    return count


def spend_points(settings: Settings, count: int) -> None:
    """Take points from the caller's ingest budget; raises TooMany."""
    for item in _parsed(settings.ingest_points):
        window = _counts().count(item, "points", rate_limit_key(), cost=count)
        if window.exceeded:
            raise TooMany(f"Too many points: the limit is {item}", window.wait)


@cache
def _parsed(limits: str) -> tuple[RateLimitItem, ...]:
    return tuple(sorted(parse_many(limits))) if limits else ()


class LoginThrottle:
    """Wrong passwords. Counted apart from all else, and in this process too: a storage that forgets helps no guesser."""

    def __init__(self, counts: Counts) -> None:
        self._shared = counts
        self._own = FixedWindowRateLimiter(MemoryCounters())

    def check(self, name: str, address: str) -> None:
        """Raise TooMany when there were too many already; also for the right password."""
        for item, keys in self._buckets(name, address):
            if not (self._shared.test(item, *keys) and self._own.test(item, *keys)):
                wait = self._shared.wait(item, *keys)
                raise TooMany(f"Too many failed logins, try again in {wait} seconds", wait)

    def miss(self, name: str, address: str) -> None:
        """Count a wrong password."""
        for item, keys in self._buckets(name, address):
            self._shared.hit(item, *keys)
            self._own.hit(item, *keys)

    @staticmethod
    def _buckets(name: str, address: str) -> list[tuple[RateLimitItem, tuple[str, str, str]]]:
        keys = {"both": (name, address), "name": (name, ""), "address": ("", address)}
        return [(item, ("guess", *keys[kind])) for kind, item in GUESSES]
