from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id, Stamped

LEVELS = ("info", "warning", "error")


class RunAlert(Stamped, Base):
    """Something that a run wants to be looked at for. `time` and `step` are those that the script said."""

    __tablename__ = "run_alerts"
    __table_args__ = (
        Index("ix_run_alerts_project_id_id", "project_id", "id"),
        Index("ix_run_alerts_run_id_id", "run_id", "id"),
        UniqueConstraint("run_id", "once_key"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    run_id: Mapped[int] = mapped_column(Id, ForeignKey("runs.id", ondelete="CASCADE"))
    project_id: Mapped[int] = mapped_column(Id, ForeignKey("projects.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text, default="")
    level: Mapped[str] = mapped_column(String(16))
    step: Mapped[int | None] = mapped_column(BigInteger)
    time: Mapped[datetime]
    # Of the request that made it, if it had an Idempotency-Key: hashes of the key and of the body.
    once_key: Mapped[str | None] = mapped_column(String(64))
    once_body: Mapped[str | None] = mapped_column(String(32))
