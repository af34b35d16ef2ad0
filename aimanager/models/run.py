from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id, Json, Stamped, now

STATUSES = ("running", "completed", "failed", "killed")
FINAL = frozenset(STATUSES) - {"running"}


class Run(Stamped, Base):
    """One training run. Its points are in the metric store, under its id."""

    __tablename__ = "runs"
    __table_args__ = (
        # The lists of a project and of a user are newest first.
        Index("ix_runs_project_id_id", "project_id", "id"),
        Index("ix_runs_project_id_status", "project_id", "status"),
        UniqueConstraint("project_id", "once_key"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id, ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(16), default="running")
    config: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    tags: Mapped[list[str]] = mapped_column(Json, default=list)
    notes: Mapped[str] = mapped_column(Text, default="")
    started_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    # Of the request that made it, if it had an Idempotency-Key: hashes of the key and of the body.
    once_key: Mapped[str | None] = mapped_column(String(64))
    once_body: Mapped[str | None] = mapped_column(String(32))
