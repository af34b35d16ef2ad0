"""API keys: `aimgr_` and 192 random bits, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from ..auth import KEY_PREFIX, Principal
from ..errors import Forbidden, Invalid, NotFound, Unauthorized
from ..extensions import db, live_bus, writing
from ..models import ApiKey, User
from ..models.base import now

MOST = 100  # Keys of one user; enough for people, an end to scripts that forget to reuse theirs.
USED_EVERY = timedelta(seconds=30)  # "Last used" is for people: no write for every request.

_ALIVE = (
    sa.select(ApiKey.id, ApiKey.scope, ApiKey.expires_at, ApiKey.last_used_at,
              User.id.label("user_id"), User.username, User.is_superuser)
    .join(User, User.id == ApiKey.user_id)
    .where(User.is_active)
)  # fmt: skip


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


def list(principal: Principal) -> Sequence[ApiKey]:
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
    row = db.session.execute(_ALIVE.where(ApiKey.digest == digest(secret))).one_or_none()
    if row is None or (row.expires_at and row.expires_at <= now()):
        raise Unauthorized()
    if row.last_used_at is None or now() - row.last_used_at > USED_EVERY:
        with writing() as session:
            session.execute(sa.update(ApiKey).where(ApiKey.id == row.id).values(last_used_at=now()))
    return Principal(
        user_id=row.user_id, username=row.username, is_superuser=row.is_superuser, scope=row.scope, kind="key",
        token_id=str(row.id),
    )  # fmt: skip


def is_alive(key_id: int) -> bool:
    row = db.session.execute(_ALIVE.where(ApiKey.id == key_id)).one_or_none()
    return row is not None and not (row.expires_at and row.expires_at <= now())
