from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    event,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from . import natural_order
from .base import Base, Id, Json, Stamped, now

STATUSES = ("running", "completed", "failed", "killed")
COLOURS = 20  # That a run can have: ten, and the same ten dashed.
FINAL = frozenset(STATUSES) - {"running"}
# Compared byte by byte, on any database.
Key = Text().with_variant(Text(collation="C"), "postgresql")


class Run(Stamped, Base):
    """One training run. Its points are in the metric store, under its id."""

    __tablename__ = "runs"
    __table_args__ = (
        # The lists of a project and of a user are newest first.
        Index("ix_runs_project_id_id", "project_id", "id"),
        Index("ix_runs_project_id_status_id", "project_id", "status", "id"),
        Index("ix_runs_project_id_name_key_id", "project_id", "name_key", "id"),
        Index("ix_runs_project_id_tags_key_id", "project_id", "tags_key", "id"),
        Index("ix_runs_project_id_lasted_id", "project_id", "lasted", "id"),
        *(
            Index(f"ix_runs_project_id_{time}_id", "project_id", time, "id")
            for time in ("created_at", "started_at", "ended_at")
        ),
        Index(
            "ix_runs_notes", "project_id", "id", sqlite_where=text("notes != ''"), postgresql_where=text("notes != ''")
        ),
        *(
            Index(
                f"ix_runs_{column}",
                "project_id",
                "id",
                sqlite_where=text(f"{column} IS NOT NULL"),
                postgresql_where=text(f"{column} IS NOT NULL"),
            )
            for column in ("archived_at", "trashed_at")
        ),
        Index(
            "ix_runs_resume_key",
            "project_id",
            "resume_key",
            unique=True,
            sqlite_where=text("resume_key IS NOT NULL"),
            postgresql_where=text("resume_key IS NOT NULL"),
        ),
        Index(
            "ix_runs_parent_id",
            "parent_id",
            sqlite_where=text("parent_id IS NOT NULL"),
            postgresql_where=text("parent_id IS NOT NULL"),
        ),
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
    # When the server received the end: `ended_at` may be of another clock, so durations are measured by this.
    end_received_at: Mapped[datetime | None]
    # The latest sign of life that is not a point: its start, a resumption, a heartbeat. None counts as none.
    alive_at: Mapped[datetime | None] = mapped_column(default=now)
    has_heartbeat: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    archived_at: Mapped[datetime | None]  # Set: it is in lists only where archived runs are asked for.
    trashed_at: Mapped[datetime | None]  # Set: it is in the trash, from which it can be restored for some days.
    stop_requested_at: Mapped[
        datetime | None
    ]  # Set: the script is asked to stop with the answer to its next heartbeat.
    total_steps: Mapped[int | None] = mapped_column(BigInteger)  # How many steps there will be, if the script said so.
    colour: Mapped[int | None] = mapped_column(SmallInteger)  # The chosen one of twenty; None follows from the id.
    # A name that its script resumes it by, unique in its project.
    key: Mapped[str | None] = mapped_column("resume_key", String(200))
    # The run that it was forked from, which may be deleted since, and the last step of it that it has, None for all.
    parent_id: Mapped[int | None] = mapped_column(Id)
    fork_step: Mapped[int | None] = mapped_column(BigInteger)
    # Values that its script has set by name, beside those of its metrics.
    summary: Mapped[dict[str, float | str]] = mapped_column(Json, default=dict, server_default="{}")
    # Where it ran, and how it ended. They may be large and are shown on its own page only.
    environment: Mapped[dict[str, Any] | None] = mapped_column(Json, deferred=True)
    exit: Mapped[dict[str, Any] | None] = mapped_column(Json, deferred=True)
    # Of the request that made it, if it had an Idempotency-Key: hashes of the key and of the body.
    once_key: Mapped[str | None] = mapped_column(String(64))
    once_body: Mapped[str | None] = mapped_column(String(32))
    # What a table of runs is sorted and searched by; made from the columns above.
    name_key: Mapped[str] = mapped_column(Key, default="", server_default="")
    tags_key: Mapped[str | None] = mapped_column(Key)
    words: Mapped[str] = mapped_column(Text, default="", server_default="")
    lasted: Mapped[int | None] = mapped_column(BigInteger)
    folded_notes: Mapped[str] = mapped_column(Text, default="", server_default="", deferred=True)

    @property
    def archived(self) -> bool:
        return self.archived_at is not None

    @property
    def duration(self) -> timedelta | None:
        """How long it ran by the server's clock, None while it runs."""
        return None if self.lasted is None else timedelta(microseconds=self.lasted)


def keys_of(name: str, tags: list[str], started_at: datetime, end_received_at: datetime | None) -> dict[str, Any]:
    """The columns that a table of runs is sorted and searched by; `lasted` is in microseconds, None while a run runs."""
    return {
        "name_key": natural_order.key(name),
        "tags_key": natural_order.key(", ".join(tags)) if tags else None,
        "words": "\n".join([name, *tags]).casefold(),
        "lasted": None if end_received_at is None else microseconds_between(started_at, end_received_at),
    }


def microseconds_between(start: datetime, end: datetime) -> int:
    """Never negative, though a clock may be set back."""
    return max(0, (end - start) // timedelta(microseconds=1))


@event.listens_for(Run, "before_insert")
@event.listens_for(Run, "before_update")
def _keep_keys(_mapper: Any, _connection: Any, run: Run) -> None:
    for column, value in keys_of(run.name, run.tags, run.started_at, run.end_received_at).items():
        setattr(run, column, value)
    run.folded_notes = (run.notes or "").casefold()  # None until it is stored: its default.
