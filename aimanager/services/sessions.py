"""Tokens: signed by us, good for a day, ended by logging out, by a new password, or by switching the account off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from flask_jwt_extended import create_access_token

from ..errors import NotFound, Unauthorized
from ..extensions import database, db, live_bus, parts, writing
from ..models import RevokedToken, Session, User
from ..models.base import now
from ..models.session import LONGEST_AGENT
from ..principal import Principal
from . import api_keys

LIFETIME = timedelta(hours=24)


_users, _revoked = User.__table__.c, RevokedToken.__table__.c
_ALIVE = (
    sa.select(_users.username, _users.is_superuser, _users.epoch, _revoked.jti)
    .outerjoin_from(User.__table__, RevokedToken.__table__, _revoked.jti == sa.bindparam("jti"))
    .where(_users.id == sa.bindparam("user_id"), _users.is_active)
)


def issue(user: User, agent: str = "") -> tuple[str, str]:
    """A new token and the CSRF token inside it. `agent` is what the browser or the script calls itself."""
    token = create_access_token(identity=str(user.id), additional_claims={"epoch": user.epoch})
    claims = parts().token_claims.of(token)
    with writing() as session:
        session.execute(sa.delete(Session).where(Session.expires_at < now()))
        session.add(Session(
            user_id=user.id, jti=claims["jti"], epoch=user.epoch, agent=agent[:LONGEST_AGENT], expires_at=_moment(claims["exp"])
        ))  # fmt: skip
    return token, claims["csrf"]


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=None)


def of(principal: Principal) -> Sequence[Session]:
    """Where the caller is logged in, the latest login first."""
    query = sa.select(Session).join(User, User.id == Session.user_id).where(
        Session.user_id == principal.user_id, Session.epoch == User.epoch, Session.expires_at > now(),
        Session.jti.not_in(sa.select(RevokedToken.jti)),
    )  # fmt: skip
    return db.session.scalars(query.order_by(Session.id.desc())).all()


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
    parts().session_usage.note(claims["jti"])
    return Principal(
        user_id=user_id, username=username, is_superuser=is_superuser, scope="write", kind=kind,
        token_id=claims["jti"], expires=claims["exp"], epoch=epoch, csrf=claims["csrf"],
    )  # fmt: skip


def end(principal: Principal) -> None:
    """End the token that the caller came with; an API key is revoked instead, never logged out."""
    _end(principal, principal.token_id, _moment(principal.expires))


def end_one(principal: Principal, session_id: int) -> None:
    """End a login of the caller. Raises NotFound where there is none of that id."""
    for one in of(principal):
        if one.id == session_id:
            return _end(principal, one.jti, one.expires_at)
    raise NotFound()


def end_all(principal: Principal) -> User:
    """End every token of the caller, this one too."""
    with writing() as session:
        user = session.get_one(User, principal.user_id)
        user.epoch += 1
    live_bus.publish(f"user:{principal.user_id}")
    return user


def _end(principal: Principal, jti: str, expires_at: datetime) -> None:
    with writing() as session:
        session.execute(sa.delete(RevokedToken).where(RevokedToken.expires_at < now()))
        session.merge(RevokedToken(jti=jti, expires_at=expires_at))
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
