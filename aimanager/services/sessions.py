"""Tokens: signed by us, good for a day, ended by logging out, by a new password, or by switching the account off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from flask_jwt_extended import create_access_token

from ..errors import Unauthorized
from ..extensions import database, live_bus, parts, writing
from ..models import RevokedToken, User
from ..models.base import now
from ..principal import Principal
from . import api_keys

LIFETIME = timedelta(hours=24)


_users, _revoked = User.__table__.c, RevokedToken.__table__.c
_ALIVE = (
    sa.select(_users.username, _users.is_superuser, _users.epoch, _revoked.jti)
    .outerjoin_from(User.__table__, RevokedToken.__table__, _revoked.jti == sa.bindparam("jti"))
    .where(_users.id == sa.bindparam("user_id"), _users.is_active)
)


def issue(user: User) -> tuple[str, str]:
    """A new token and the CSRF token inside it."""
    token = create_access_token(identity=str(user.id), additional_claims={"epoch": user.epoch})
    return token, parts().token_claims.of(token)["csrf"]


def resolve(token: str, kind: Literal["token", "cookie"]) -> Principal:
    """Who holds this token; raises Unauthorized when it is not ours, or ended."""
    claims = parts().token_claims.of(token)
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
    """Whether a principal of some time ago would still be let in; checked for sockets that stay open."""
    if principal.kind == "anonymous":
        return True
    if principal.kind == "key":
        return api_keys.is_alive(int(principal.token_id))
    row = database.lookups.recall(_ALIVE, user_id=principal.user_id, jti=principal.token_id)
    if row is None or row[3] is not None or row[2] != principal.epoch:
        return False
    return principal.kind == "ticket" or principal.expires > datetime.now(UTC).timestamp()
