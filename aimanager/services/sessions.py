"""Tokens: signed by us, good for a day, ended by logging out, by a new password, or by switching the account off."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from flask import current_app
from flask_jwt_extended import create_access_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError

from ..errors import Unauthorized
from ..extensions import database, live_bus, writing
from ..models import RevokedToken, User
from ..models.base import now
from ..principal import Principal
from . import api_keys

LIFETIME = timedelta(hours=24)


class _Claims:
    """What a token says, by its hash: the signature is checked once, the revocation every time."""

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, bytes], dict[str, Any]] = OrderedDict()

    def of(self, token: str) -> dict[str, Any]:
        # With a part of the application's, as one process may hold several with secrets of their own.
        key = (current_app.config["JWT_DECODE_AUDIENCE"], hashlib.sha256(token.encode()).digest())
        claims = self._known.get(key)
        if claims is None:
            claims = _decode(token)
            with self._lock:
                self._known[key] = claims
                while len(self._known) > self._size:
                    self._known.popitem(last=False)
        if claims["exp"] <= datetime.now(UTC).timestamp():
            raise Unauthorized()
        return claims


# Claims without which a token has no end.
_OURS = {"type", "sub", "exp", "jti", "epoch", "csrf"}
_ID = re.compile(r"[1-9][0-9]{0,17}")


def _decode(token: str) -> dict[str, Any]:
    try:
        claims = decode_token(token)
    except (PyJWTError, JWTExtendedException, ValueError, KeyError, TypeError, RecursionError):
        raise Unauthorized() from None
    if (
        not _OURS.issubset(claims)
        or claims["type"] != "access"
        or not _ID.fullmatch(str(claims["sub"]))
        or not claims["jti"]
    ):
        raise Unauthorized()
    return claims


_claims = _Claims()

_users, _revoked = User.__table__.c, RevokedToken.__table__.c
_ALIVE = (
    sa.select(_users.username, _users.is_superuser, _users.epoch, _revoked.jti)
    .outerjoin_from(User.__table__, RevokedToken.__table__, _revoked.jti == sa.bindparam("jti"))
    .where(_users.id == sa.bindparam("user_id"), _users.is_active)
)


def issue(user: User) -> tuple[str, str]:
    """A new token and the CSRF token inside it."""
    token = create_access_token(identity=str(user.id), additional_claims={"epoch": user.epoch})
    return token, _claims.of(token)["csrf"]


def resolve(token: str, kind: Literal["token", "cookie"]) -> Principal:
    """Who holds this token; raises Unauthorized when it is not ours, or ended."""
    claims = _claims.of(token)
    user_id = int(claims["sub"])
    row = database.lookups.recall(_ALIVE, user_id=user_id, jti=claims["jti"])
    if row is None:
        raise Unauthorized()
    username, is_superuser, epoch, ended = row
    if ended is not None or epoch != claims.get("epoch"):
        raise Unauthorized()
    return Principal(
        user_id=user_id, username=username, is_superuser=is_superuser, scope="write", kind=kind,
        token_id=claims["jti"], expires=claims["exp"], epoch=epoch, csrf=claims["csrf"],
    )  # fmt: skip


def end(principal: Principal) -> None:
    """End the token that the caller came with; an API key is revoked instead, never logged out."""
    with writing() as session:
        session.execute(sa.delete(RevokedToken).where(RevokedToken.expires_at < now()))
        expires = datetime.fromtimestamp(principal.expires, UTC).replace(tzinfo=None)
        session.merge(RevokedToken(jti=principal.token_id, expires_at=expires))
    live_bus.publish(f"user:{principal.user_id}")


def still_holds(principal: Principal) -> bool:
    """Whether a principal of some time ago would still be let in; asked for sockets that stay open."""
    if principal.kind == "anonymous":
        return True
    if principal.kind == "key":
        return api_keys.is_alive(int(principal.token_id))
    row = database.lookups.recall(_ALIVE, user_id=principal.user_id, jti=principal.token_id)
    if row is None or row[3] is not None or row[2] != principal.epoch:
        return False
    return principal.kind == "ticket" or principal.expires > datetime.now(UTC).timestamp()
