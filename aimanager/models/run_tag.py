"""The tags of runs one by one, so that an index finds the runs that have one, and the tags that a project has."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, Table, delete, event, insert, inspect
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id
from .run import Key, Run


class RunTag(Base):
    """A tag of a run, to the letter."""

    __tablename__ = "run_tags"

    run_id: Mapped[int] = mapped_column(Id, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(Key, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id)

    __table_args__ = (Index("ix_run_tags_tag", "project_id", "tag", "run_id"), {"sqlite_with_rowid": False})


_table: Table = RunTag.__table__  # type: ignore[assignment]


@event.listens_for(Run, "after_insert")
def _write(_mapper: Any, connection: Connection, run: Run) -> None:
    if run.tags:
        rows = [{"run_id": run.id, "tag": tag, "project_id": run.project_id} for tag in dict.fromkeys(run.tags)]
        connection.execute(insert(_table), rows)


@event.listens_for(Run, "after_update")
def _rewrite(mapper: Any, connection: Connection, run: Run) -> None:
    if inspect(run).attrs.tags.history.has_changes():
        connection.execute(delete(_table).where(_table.c.run_id == run.id))
        _write(mapper, connection, run)
