"""How often somebody may ask: whom a limit counts, and which of the four budgets a view draws on.

`api` is the contract's limit and the default. `ingest` is bulk logging, by requests and by points, so that a
training loop is never starved by a browser or the other way round. `page` is what pages and their charts fetch.
`none` is for probes. Every budget counts a user, or an address when nobody is signed in.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeVar

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter, RateLimitExceeded
from limits import RateLimitItem, parse, parse_many
from limits.strategies import FixedWindowRateLimiter

from .config import Settings
from .counters import MEMORY, SQLITE, MemoryCounters
from .errors import TooMany

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


def whom() -> str:
    """Who is counted."""
    principal = g.get("principal")
    if principal is not None and principal.signed_in:
        return f"user:{principal.user_id}"
    return f"address:{request.remote_addr}"


def init_limits(app: Flask, settings: Settings) -> None:
    """Give every view its budget. Call after the blueprints are registered."""
    limiter = Limiter(
        key_func=whom,
        storage_uri=_storage(settings),
        strategy="fixed-window",
        headers_enabled=True,
        # Without Redis the general limits count in each process; nobody is locked out because a cache is away.
        in_memory_fallback_enabled=bool(settings.redis_url),
        swallow_errors=True,
    )
    # The limiter looks at each request by itself; until we say which budget it draws on there is nothing to see.
    limiter.request_filter(lambda: not g.get("counting", False))
    # Registered before the limiter's own, to run after it.
    app.after_request(_tidy_headers)
    limiter.init_app(app)
    app.extensions["aimanager"]["limiter"] = limiter
    app.extensions["aimanager"]["guesses"] = Guesses(limiter)
    limits = {"api": settings.rate_limits, "ingest": settings.ingest_limits, "page": settings.page_limits}
    spend = {kind: _spender(limiter, kind, limit) for kind, limit in limits.items() if limit}

    @app.before_request
    def count() -> None:
        """Before the rule of the view is asked, so that refusals cost as much as answers."""
        kind = budget_of(app, request.endpoint) if request.endpoint else "none"
        if kind in spend:
            g.counting = True
            spend[kind]()

    app.register_error_handler(RateLimitExceeded, _exceeded)


def budget_of(app: Flask, endpoint: str) -> Budget:
    default: Budget = "page" if endpoint.startswith("web.") else "api"
    return getattr(app.view_functions[endpoint], "budget", default)


def _spender(limiter: Limiter, kind: str, limit: str) -> Callable[[], None]:
    def spend() -> None:
        """Flask-Limiter counts what it decorates."""

    spend.__qualname__ = f"spend.{kind}"  # It tells them apart by name.
    return limiter.shared_limit(limit, scope=kind)(spend)


def _storage(settings: Settings) -> str:
    if settings.redis_url:
        return settings.redis_url
    return f"{MEMORY}://" if settings.workers == 1 else f"{SQLITE}://{settings.data_dir / 'limits.db'}"


def _tidy_headers(answer: Response) -> Response:
    if answer.status_code not in {429, 503}:
        answer.headers.pop("Retry-After", None)
    return answer


def _exceeded(error: RateLimitExceeded) -> Response:
    from .errors import dressed

    window = current_app.extensions["aimanager"]["limiter"].current_limit
    wait = int(window.reset_at - time.time()) if window else 60
    sentence = f"Too many requests: the limit is {error.limit.limit}, try again in {max(1, wait)} seconds"
    if request.path.startswith("/metrics") and request.method == "POST":
        sentence += " (POST /metrics/{run_id}/bulk logs many points at once and has limits of its own)"
    return dressed(TooMany(sentence, wait))


def spend_points(settings: Settings, count: int) -> None:
    """Take points from the caller's ingest budget; raises TooMany."""
    if not settings.ingest_points:
        return
    strategy = current_app.extensions["aimanager"]["limiter"].limiter
    for item in parse_many(settings.ingest_points):
        if not _asked(strategy.hit, item, ("points", whom()), otherwise=True, cost=count):
            wait = _asked(partial(_wait, strategy), item, ("points", whom()), otherwise=60)
            raise TooMany(f"Too many points: the limit is {item}", wait)


def _wait(strategy: Any, item: RateLimitItem, *keys: str) -> int:
    return math.ceil(strategy.get_window_stats(item, *keys).reset_time - time.time())


def _asked(ask: Callable[..., Any], item: RateLimitItem, keys: tuple[str, ...], otherwise: Any, **options: Any) -> Any:
    try:
        return ask(item, *keys, **options)
    except Exception:  # Redis may be away in as many ways as there are, and nobody is locked out because of that.
        return otherwise


class Guesses:
    """Wrong passwords. Counted apart from all else, and in this process when the shared storage is away."""

    def __init__(self, limiter: Limiter) -> None:
        self._shared = limiter.limiter
        self._own = FixedWindowRateLimiter(MemoryCounters())

    def check(self, name: str, address: str) -> None:
        """Raise TooMany when there were too many already; also for the right password."""
        for item, keys in self._buckets(name, address):
            for strategy in (self._shared, self._own):
                if not _asked(strategy.test, item, keys, otherwise=True):
                    wait = _asked(partial(_wait, strategy), item, keys, otherwise=60)
                    raise TooMany(f"Too many failed logins, try again in {max(1, wait)} seconds", wait)

    def miss(self, name: str, address: str) -> None:
        """Count a wrong password."""
        for item, keys in self._buckets(name, address):
            for strategy in {self._shared, self._own}:
                _asked(strategy.hit, item, keys, otherwise=True)

    @staticmethod
    def _buckets(name: str, address: str) -> list[tuple[RateLimitItem, tuple[str, str, str]]]:
        keys = {"both": (name, address), "name": (name, ""), "address": ("", address)}
        return [(item, ("guess", *keys[kind])) for kind, item in GUESSES]
