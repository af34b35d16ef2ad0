"""Passwords: which are good enough, and how they are kept (argon2id)."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from ..errors import Invalid
from ..extensions import settings

SHORTEST = 8
LONGEST = 1024

# The library's defaults take half a second of both cores, which would be a way to stop the server.
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
turn = threading.BoundedSemaphore(2)  # Passwords that are hashed at once.


def hash_password(password: str) -> str:
    with turn:
        return _hasher.hash(password)


def matches(password: str, hashed: str | None) -> bool:
    """Compare, in the same time whether or not there is a hash to compare with. For those whose turn it is."""
    try:
        return _hasher.verify(hashed or _nobody(), password) and hashed is not None
    except (Argon2Error, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _hasher.hash("the password of an account that does not exist")


@cache
def _commonest() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # Large; only servers that others can reach need it.

    return frozenset(list(FREQUENCY_LISTS["passwords"])[:3000])


def check(password: str, field: str = "password") -> None:
    """Refuse what is guessed first. A server that only this machine can reach takes any password."""
    if not password or len(password) > LONGEST:
        raise Invalid.field(field, f"{field} must have 1 to {LONGEST} characters", "length")
    if not settings.reached_by_others:
        return
    if len(password) < SHORTEST:
        raise Invalid.field(field, f"{field} must have at least {SHORTEST} characters", "length")
    if password.lower() in _commonest():
        raise Invalid.field(field, f"{field} is one of the 3,000 commonest, choose another", "too_common")
