"""Alerts: what runs want to be looked at for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..errors import Conflict, Invalid, TooMany
from ..extensions import db, live_bus, writing
from ..models import Run, RunAlert
from ..models.base import now
from ..models.run_alert import LEVELS
from ..principal import Principal
from . import projects, runs, validation

LONGEST_TITLE = 200
LONGEST_TEXT = 4000
MOST = 1000  # Of a run.
MOST_COUNTED = 1000  # Of a project: to count each of a hundred thousand would cost more than its page.
MOST_A_MINUTE = 30  # Of a run: a script that alerts at every step says nothing.
_MINUTE = timedelta(minutes=1)


def raise_alert(
    principal: Principal,
    run_id: int,
    title: str,
    text: str = "",
    level: str = "info",
    step: int | None = None,
    time: datetime | None = None,
    once: tuple[str, str] | None = None,
) -> RunAlert:
    """Keep an alert and tell whoever looks at the run or its project. Raises Invalid, TooMany, and Conflict for too many in all.

    `once` is a key and a fingerprint: a second call with both returns the alert of the first one, one with the same key
    and another fingerprint raises Conflict.
    """
    title = title.strip()
    validation.check_name("title", title, LONGEST_TITLE)
    validation.check_prose("text", text)
    if len(text) > LONGEST_TEXT:
        raise Invalid.field("text", f"text must have at most {LONGEST_TEXT} characters", "length")
    if level not in LEVELS:
        raise Invalid.field("level", f"level must be one of {', '.join(LEVELS)}")
    fields = {"title": title, "text": text.strip(), "level": level, "step": step, "time": time or now()}
    try:
        alert, is_new = _keep(principal, run_id, once, fields)
    except IntegrityError:  # The same key came twice at once, on a database that has no gate.
        alert, is_new = _keep(principal, run_id, once, fields)
    if is_new:
        live_bus.publish(f"run-alerts:{run_id}")
        live_bus.publish(f"project-alerts:{alert.project_id}")
    return alert


def _keep(principal: Principal, run_id: int, once: tuple[str, str] | None, fields: dict) -> tuple[RunAlert, bool]:
    with writing() as session:
        project_id = runs.project_of(run_id, principal, "write")
        if once and (made := _made_before(run_id, *once)):
            return made, False
        _check_room(run_id)
        alert = RunAlert(run_id=run_id, project_id=project_id, **fields)
        alert.once_key, alert.once_body = once or (None, None)
        session.add(alert)
    return alert, True


def _made_before(run_id: int, key: str, fingerprint: str) -> RunAlert | None:
    alert = db.session.scalar(sa.select(RunAlert).where(RunAlert.run_id == run_id, RunAlert.once_key == key))
    if alert and alert.once_body != fingerprint:
        raise Conflict("This Idempotency-Key made an alert from another body; use a new key for a new alert")
    return alert


def _check_room(run_id: int) -> None:
    of_run = sa.select(sa.func.count()).where(RunAlert.run_id == run_id)
    lately = db.session.scalar(of_run.where(RunAlert.created_at > now() - _MINUTE)) or 0
    if lately >= MOST_A_MINUTE:
        raise TooMany(f"Too many alerts: a run may raise {MOST_A_MINUTE} a minute", 60)
    if (db.session.scalar(of_run) or 0) >= MOST:
        raise Conflict(f"A run has at most {MOST} alerts")


def of_run(principal: Principal, run_id: int) -> Sequence[RunAlert]:
    """The alerts of a run, oldest first by the time that the script said: one may come later than it was raised."""
    runs.project_of(run_id, principal)
    query = sa.select(RunAlert).where(RunAlert.run_id == run_id)
    return db.session.scalars(query.order_by(RunAlert.time, RunAlert.id)).all()


def of_project(principal: Principal, project_id: int, limit: int) -> tuple[list[tuple[RunAlert, str]], int]:
    """The newest alerts of a project, each with the name of its run, and how many there are, or MOST_COUNTED + 1 if that is more;
    those of runs in the trash are left out."""
    projects.get(project_id, principal)
    query = sa.select(RunAlert, Run.name).join(Run, Run.id == RunAlert.run_id)
    query = query.where(RunAlert.project_id == project_id, Run.trashed_at.is_(None)).order_by(RunAlert.id.desc())
    counted = query.with_only_columns(RunAlert.id).limit(MOST_COUNTED + 1).subquery()
    total = db.session.scalar(sa.select(sa.func.count()).select_from(counted)) or 0
    rows = db.session.execute(query.limit(limit)) if total else ()
    return [(alert, name) for alert, name in rows], total
