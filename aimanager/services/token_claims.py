"""What tokens say, remembered: a signature is checked once, the revocation every time."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

from flask_jwt_extended import decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError

from ..errors import Unauthorized

# Claims without which a token has no end.
_NEEDED = {"type", "sub", "exp", "jti", "epoch", "csrf"}
_ID = re.compile(r"[1-9][0-9]{0,17}")


class TokenClaims:
    """The claims of tokens that are ours, by the hash of the token."""

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._claims: OrderedDict[bytes, dict[str, Any]] = OrderedDict()

    def of(self, token: str) -> dict[str, Any]:
        """Raises Unauthorized for one that is not ours, or has expired."""
        key = hashlib.sha256(token.encode()).digest()
        claims = self._claims.get(key)
        if claims is None:
            claims = _decode(token)
            with self._lock:
                self._claims[key] = claims
                while len(self._claims) > self._size:
                    self._claims.popitem(last=False)
        if claims["exp"] <= datetime.now(UTC).timestamp():
            raise Unauthorized()
        return claims


def _decode(token: str) -> dict[str, Any]:
    try:
        claims = decode_token(token)
    except (PyJWTError, JWTExtendedException, ValueError, KeyError, TypeError, RecursionError):
        raise Unauthorized() from None
    if (
        not _NEEDED.issubset(claims)
        or claims["type"] != "access"
        or not _ID.fullmatch(str(claims["sub"]))
        or not claims["jti"]
    ):
        raise Unauthorized()
    return claims
