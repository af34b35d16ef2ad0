"""How many wrong passwords: for a name from an address, for a name, for an address."""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, parse
from limits.strategies import FixedWindowRateLimiter, RateLimiter

from ..errors import TooMany
from .counters import MemoryCounters
from .rate_limits import RateLimits

PAIR, NAME, ADDRESS = parse("10 per 10 minutes"), parse("30/hour"), parse("100/hour")


class LoginThrottle:
    """Counted apart from all else, and in this process too: a shared storage that forgets helps no guesser."""

    def __init__(self, rate_limits: RateLimits) -> None:
        self._rate_limits = rate_limits
        self._own = FixedWindowRateLimiter(MemoryCounters())

    @property
    def _limiters(self) -> tuple[RateLimiter, RateLimiter]:
        return self._rate_limits.limiter.limiter, self._own

    def check(self, name: str, address: str) -> None:
        """Raise TooMany when there were too many already; also for the right password."""
        for item, keys in _buckets(name, address):
            for limiter in self._limiters:
                if not limiter.test(item, *keys):
                    wait = max(1, math.ceil(limiter.get_window_stats(item, *keys).reset_time - time.time()))
                    raise TooMany(f"Too many failed logins, try again in {wait} seconds", wait)

    def miss(self, name: str, address: str) -> None:
        """Count a wrong password."""
        for item, keys in _buckets(name, address):
            for limiter in self._limiters:
                limiter.hit(item, *keys)


def _buckets(name: str, address: str) -> list[tuple[RateLimitItem, tuple[str, str, str]]]:
    return [(PAIR, ("guess", name, address)), (NAME, ("guess", name, "")), (ADDRESS, ("guess", "", address))]
