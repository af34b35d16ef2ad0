"""`Idempotency-Key`: a post that is sent again with the same key is kept once."""

from __future__ import annotations

import hashlib

from flask import request

from ..errors import Invalid


def idempotency_key() -> str | None:
    """A hash of the request's key, None without one."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not key.isprintable():
        words = "Idempotency-Key must have 1 to 255 printable characters"
        raise Invalid.field("Idempotency-Key", words, source="header")
    return hashlib.sha256(key.encode()).hexdigest()


def body_fingerprint() -> bytes:
    """16 bytes that tell this body from another."""
    return hashlib.blake2b(request.get_data(), digest_size=16).digest()
