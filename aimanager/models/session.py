from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id, now

LONGEST_AGENT = 200


class Session(Base):
    """A login, so that people see where they are logged in. Whether its token still holds is said by the token itself, its
    user's epoch and the list of ended tokens; the row may go when the token has expired."""

    __tablename__ = "sessions"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    jti: Mapped[str] = mapped_column(String(64), unique=True)
    epoch: Mapped[int]
    # What the browser or the script calls itself.
    agent: Mapped[str] = mapped_column(String(LONGEST_AGENT), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
