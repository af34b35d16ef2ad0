from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id, Stamped


class Project(Stamped, Base):
    """A set of runs that are compared with each other; public ones may be read by anybody."""

    __tablename__ = "projects"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(200), index=True)
    description: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    is_public: Mapped[bool] = mapped_column(default=False, index=True)
    # What it is searched by: the name and the description, folded.
    words: Mapped[str] = mapped_column(Text, default="", server_default="")
    archived_at: Mapped[datetime | None]  # Set: it is below the others on the home page.
    deleted_at: Mapped[datetime | None]  # Set: nobody sees it any more, and its rows are being removed.


@event.listens_for(Project, "before_insert")
@event.listens_for(Project, "before_update")
def _keep_words(_mapper: Any, _connection: Any, project: Project) -> None:
    project.words = f"{project.name}\n{project.description or ''}".casefold()
