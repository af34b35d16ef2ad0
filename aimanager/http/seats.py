"""How many sockets this process has room for, and how many one user or address may take."""

from __future__ import annotations

import threading
from collections import Counter

from ..errors import TooMany, Unavailable
from ..principal import Principal


class Seats:
    """Each open socket holds one."""

    def __init__(self, total: int, each: int) -> None:
        self._total, self._each = total, each
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, principal: Principal, address: str) -> str:
        """Take a place and return whose it is. Raises Unavailable or TooMany."""
        holder = f"user:{principal.user_id}" if principal.signed_in else f"address:{address}"
        with self._lock:
            if self._taken.total() >= self._total:
                raise Unavailable("All places for live viewers are taken, please try again later", retry_after=10)
            if self._taken[holder] >= self._each:
                raise TooMany(f"Too many sockets: {self._each} may be open at once", retry_after=10)
            self._taken[holder] += 1
        return holder

    def give_back(self, holder: str) -> None:
        with self._lock:
            self._taken[holder] -= 1
            if not self._taken[holder]:
                del self._taken[holder]
