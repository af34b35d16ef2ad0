"""Runs that go on: resumed after their script has ended, forked at a step into another run, rewound to an earlier step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ..errors import NotFound
from ..extensions import db, live_bus, metric_store, writing
from ..models import Run, RunMark
from ..models.base import now
from ..models.run import FINAL
from ..principal import Principal
from ..store import Branch, RunDeleted
from . import projects, run_facts, runs, validation


def find(principal: Principal, project_id: int, key: str, must: bool) -> Run | None:
    """The run of a project that is resumed by this key. Raises NotFound if there `must` be one."""
    projects.get(project_id, principal, "write")
    run = runs.by_key(project_id, key)
    if run is None and must:
        raise NotFound("No run of this project has this key")
    return run


def resume(
    principal: Principal,
    run_id: int,
    config: dict[str, Any] | None = None,
    tags: Sequence[str] = (),
    total_steps: int | None = None,
) -> tuple[Run, int | None]:
    """A run's script goes on, also in a run that did not end: gives the run and the greatest step of all its metrics.

    What the script says of itself is merged: config by key, tags added. A run in the trash or archived comes back.
    """
    last_step = runs.last_step(run_id)
    with writing() as session:
        run = runs.get(run_id, principal, "write")
        runs.go_on(session, run, last_step, principal)
        run.status, run.ended_at, run.end_received_at = "running", None, None
        run.archived_at = run.trashed_at = None
        for field, value in run_facts.merge(run, {}, {"config_update": config or {}, "add_tags": tags}).items():
            setattr(run, field, value)
        if total_steps is not None:
            run.total_steps = total_steps
    metric_store.resume(run_id)
    _announce(run)
    return run, last_step


def fork(
    principal: Principal,
    run_id: int,
    step: int,
    name: str | None = None,
    config: dict[str, Any] | None = None,
    tags: Sequence[str] | None = None,
    once: tuple[str, str] | None = None,
) -> Run:
    """A new run of the same project that has the points of another one up to a step, included.

    It has the config of its parent with `config` merged by key, and its parent's tags unless it is given some. `once` is as
    in `runs.create`.
    """
    if name is not None:
        validation.check_name("name", name)
    runs.get(run_id, principal, "write")
    branch = _branch(run_id, step)
    with writing() as session:
        parent = runs.get(run_id, principal, "write")
        if once and (made := runs.made_before(parent.project_id, *once)):
            return made
        changes = {} if tags is None else {"tags": list(tags)}
        merged = run_facts.merge(parent, changes, {"config_update": config or {}, "add_tags": []})
        run = Run(
            project_id=parent.project_id,
            name=name or _named(parent.name, f" (from step {step})"),
            notes="",
            total_steps=parent.total_steps,
            parent_id=parent.id,
            fork_step=step,
            **merged,
        )
        run.once_key, run.once_body = once or (None, None)
        session.add(run)
        session.flush()
        metric_store.fork(branch, run.id, session.connection())
        session.add(RunMark(run_id=run.id, kind="fork", step=step, text=parent.name, user_id=principal.user_id))
    metric_store.wake()
    _announce(run)
    return run


def rewind(principal: Principal, run_id: int, step: int, once: tuple[str, str] | None = None) -> tuple[Run, int | None]:
    """Take away a run's points of greater steps, and give the run and the greatest step that is left.

    All that it had until then stays in an archived run, with the notes at points that have gone. Where there are no such
    points nothing changes. A second call with the same `once` changes nothing either, whatever came meanwhile.
    """
    runs.get(run_id, principal, "write")
    branch, everything = _branch(run_id, step), _branch(run_id, None)
    if branch is None or not branch.removed:
        return runs.get(run_id, principal, "write"), runs.last_step(run_id)
    with writing() as session:
        run = runs.get(run_id, principal, "write")
        if once and runs.made_before(run.project_id, *once):
            return run, runs.last_step(run_id)
        before = _archived(run, step)
        before.once_key, before.once_body = once or (None, None)
        session.add(before)
        session.flush()
        metric_store.fork(everything, before.id, session.connection(), finished=True)
        metric_store.rewind(branch, session.connection())
        late = sa.update(RunMark).where(RunMark.run_id == run_id, RunMark.step > step)
        session.execute(late.values(run_id=before.id))
        session.add(RunMark(run_id=run_id, kind="rewind", step=step, time=now(), user_id=principal.user_id))
    metric_store.wake()
    live_bus.publish(f"run:{run_id}")
    _announce(run)
    return run, runs.last_step(run_id)


def _branch(run_id: int, step: int | None) -> Branch | None:
    try:
        return metric_store.branch(run_id, step)
    except RunDeleted:
        raise NotFound() from None


def _archived(run: Run, step: int) -> Run:
    """A run with what another one is before it is rewound."""
    moment = now()
    return Run(
        project_id=run.project_id,
        name=_named(run.name, f" (before the rewind to {step})"),
        status=run.status if run.status in FINAL else "killed",
        config=run.config,
        tags=run.tags,
        notes=run.notes,
        summary=run.summary,
        environment=run.environment,
        exit=run.exit,
        colour=run.colour,
        total_steps=run.total_steps,
        parent_id=run.id,
        started_at=run.started_at,
        ended_at=run.ended_at or moment,
        end_received_at=run.end_received_at or moment,
        archived_at=moment,
    )


def _named(name: str, ending: str) -> str:
    return name[: validation.LONGEST_NAME - len(ending)] + ending


def parent_of(run: Run, principal: Principal) -> Run | None:
    """The run that another one was forked from, None if it is deleted or there is none."""
    if run.parent_id is None or run.parent_id not in runs.readable([run.parent_id], principal):
        return None
    return db.session.get(Run, run.parent_id)


def forks_of(run: Run, limit: int) -> list[Run]:
    """The newest runs that were forked from another one, and what it was before it was rewound; not those in the trash."""
    query = sa.select(Run).where(Run.parent_id == run.id, Run.trashed_at.is_(None))
    return list(db.session.scalars(query.order_by(Run.id.desc()).limit(limit)))


def _announce(run: Run) -> None:
    """After the commit, say that a run has other marks and facts."""
    for topic in (f"run-marks:{run.id}", f"run-facts:{run.id}", f"project:{run.project_id}"):
        live_bus.publish(topic)
