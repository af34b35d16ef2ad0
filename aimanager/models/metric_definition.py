from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id
from .run import Key

GOALS = ("min", "max")


class MetricDefinition(Base):
    """What the scripts of a project have said of a metric: whether less or more of it is better (`goal`), and the metric
    that it is drawn against (`x`) where nobody chose another axis. None was not said."""

    __tablename__ = "metric_definitions"

    project_id: Mapped[int] = mapped_column(Id, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    metric: Mapped[str] = mapped_column(Key, primary_key=True)
    goal: Mapped[str | None] = mapped_column(String(3))
    x: Mapped[str | None] = mapped_column(Text)

    __table_args__ = {"sqlite_with_rowid": False}
