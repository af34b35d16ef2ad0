"""Runs that go on: resumed after their script has ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import NotFound
from ..extensions import live_bus, metric_store, writing
from ..models import Run
from ..principal import Principal
from . import projects, run_facts, runs


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
    for topic in (f"run-marks:{run_id}", f"run-facts:{run_id}", f"project:{run.project_id}"):
        live_bus.publish(topic)
    return run, last_step
