from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id, Stamped

KINDS = ("note", "resume", "fork", "rewind")


class RunMark(Stamped, Base):
    """A place in a run that is marked in its charts: a note that somebody pinned to a point, where the run went on, where it was
    forked from another, whose name is the text, or to where it was rewound.

    `metric` None is all charts of the run. `step` and `time` are those of the point; a resumption has a time, and the step
    where the run's points had ended if it had any.
    """

    __tablename__ = "run_marks"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    run_id: Mapped[int] = mapped_column(Id, ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    metric: Mapped[str | None] = mapped_column(Text)
    step: Mapped[int | None] = mapped_column(BigInteger)
    time: Mapped[datetime | None]
    text: Mapped[str] = mapped_column(Text, default="")
    user_id: Mapped[int | None] = mapped_column(Id, ForeignKey("users.id", ondelete="SET NULL"), index=True)
