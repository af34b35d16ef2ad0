"""The trash: where deleted runs stay for some days. They keep their points and take new ones, and can be restored."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from ..extensions import db, live_bus, metric_store, settings, writing
from ..models import Run
from ..models.base import now

EMPTIED_AT_ONCE = 100  # Runs in one transaction.


def gone_at(run: Run) -> datetime | None:
    """When a run that is in the trash will be deleted for good; None for any other."""
    return run.trashed_at and run.trashed_at + timedelta(days=settings.trash_days)


def empty() -> None:
    """Delete for good what has been in the trash for long enough, some of it at a time."""
    overdue = Run.trashed_at < now() - timedelta(days=settings.trash_days)
    due = sa.select(Run.id).where(overdue).limit(EMPTIED_AT_ONCE)
    if db.session.scalar(due.limit(1)) is None:
        return
    with writing() as session:
        rows = session.execute(due.with_only_columns(Run.id, Run.project_id)).all()
        run_ids = [run_id for run_id, _ in rows]
        metric_store.delete(run_ids, session.connection())
        session.execute(sa.delete(Run).where(Run.id.in_(run_ids)))
    metric_store.wake()  # To remove their points, and then to be back here.
    for run_id in run_ids:
        live_bus.publish(f"run-facts:{run_id}")
    for project_id in {project_id for _, project_id in rows}:
        live_bus.publish(f"project:{project_id}")
