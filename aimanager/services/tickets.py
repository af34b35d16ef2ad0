"""Socket tickets: 256 random bits that open one socket of one run, once, within half a minute."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Literal, cast

import sqlalchemy as sa

from ..errors import Unauthorized
from ..extensions import db, writing
from ..models import Ticket, User
from ..models.base import now
from ..principal import Principal
from . import runs
from .api_keys import digest

SECONDS = 30


def issue(principal: Principal, run_id: int) -> tuple[str, int]:
    """A ticket and the seconds that it lasts; raises NotFound or Forbidden as reading the run would."""
    runs.get(run_id, principal)
    ticket = secrets.token_urlsafe(32)
    with writing() as session:
        session.execute(sa.delete(Ticket).where(Ticket.expires_at < now()))
        session.add(
            Ticket(digest=digest(ticket), user_id=principal.user_id, run_id=run_id, scope=principal.scope,
                   expires_at=now() + timedelta(seconds=SECONDS))
        )  # fmt: skip
    return ticket, SECONDS


def holder(ticket: str, run_id: int) -> Principal:
    """Who the ticket was given to. Raises Unauthorized when it was spent, is late, or is for another run."""
    row = db.session.execute(
        sa.select(Ticket.user_id, Ticket.scope).where(
            Ticket.digest == digest(ticket), Ticket.run_id == run_id, Ticket.expires_at >= now()
        )
    ).one_or_none()
    user = db.session.get(User, row.user_id) if row else None
    if row is None or user is None or not user.is_active:
        raise Unauthorized()
    scope = cast(Literal["read", "write"], row.scope)
    return Principal(user.id, user.username, user.is_superuser, scope, "ticket", epoch=user.epoch)


def spend(ticket: str) -> None:
    """Take the ticket away. Raises Unauthorized for all but one of those who bring it at once."""
    with writing() as session:
        spent = session.execute(sa.delete(Ticket).where(Ticket.digest == digest(ticket)).returning(Ticket.run_id))
        if spent.one_or_none() is None:
            raise Unauthorized()
