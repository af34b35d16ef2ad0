"""API keys: `aimgr_` and 192 random bits, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from ..errors import Forbidden, Invalid, NotFound, Unauthorized
from ..extensions import database, db, live_bus, parts, writing
from ..models import ApiKey, User
from ..models.base import now
from ..principal import KEY_PREFIX, Principal

MOST = 100  # Keys of one user; enough for people, an end to scripts that forget to reuse theirs.

_keys, _users = ApiKey.__table__.c, User.__table__.c
_ALIVE = (
    sa.select(_keys.id, _keys.scope, _keys.expires_at,
              _users.id.label("user_id"), _users.username, _users.is_superuser)
    .join_from(ApiKey.__table__, User.__table__, _users.id == _keys.user_id)
    .where(_users.is_active)
)  # fmt: skip
_BY_SECRET = _ALIVE.where(_keys.digest == sa.bindparam("digest"))


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def issue(
    principal: Principal, name: str, scope: str = "write", expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key and its secret, which nobody can read again."""
    if expires_at is not None and expires_at <= now():
        raise Invalid.field("expires_at", "expires_at must be in the future")
    secret = KEY_PREFIX + secrets.token_hex(24)
    with writing() as session:
        if (session.scalar(_count(principal)) or 0) >= MOST:
            raise Invalid.field("name", f"you have {MOST} API keys already, revoke one first", "too_many")
        key = ApiKey(
            user_id=principal.user_id, name=name, prefix=secret[:12], digest=digest(secret), scope=scope,
            expires_at=expires_at,
        )  # fmt: skip
        session.add(key)
    return key, secret


def _count(principal: Principal) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(ApiKey).where(ApiKey.user_id == principal.user_id)


def list_keys(principal: Principal) -> Sequence[ApiKey]:
    """The caller's keys, newest first."""
    return db.session.scalars(
        sa.select(ApiKey).where(ApiKey.user_id == principal.user_id).order_by(ApiKey.id.desc())
    ).all()


def revoke(principal: Principal, key_id: int) -> None:
    with writing() as session:
        key = session.get(ApiKey, key_id)
        if key is None:
            raise NotFound()
        if key.user_id != principal.user_id:
            raise Forbidden()
        session.delete(key)
    live_bus.publish(f"user:{principal.user_id}")


def resolve(secret: str) -> Principal:
    """Who holds this key; raises Unauthorized."""
    row = database.lookups.recall(_BY_SECRET, digest=digest(secret))
    if row is None:
        raise Unauthorized()
    key_id, scope, expires_at, user_id, username, is_superuser = row
    if expires_at and expires_at <= now():
        raise Unauthorized()
    parts().key_usage.note(key_id)
    return Principal(user_id, username, is_superuser, scope, "key", token_id=str(key_id))


def is_alive(key_id: int) -> bool:
    row = db.session.execute(_ALIVE.where(_keys.id == key_id)).one_or_none()
    return row is not None and not (row.expires_at and row.expires_at <= now())
