"""What scripts say of their metrics: which way each gets better, and what it is drawn against. Of a project; the latest word counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ..errors import Conflict
from ..extensions import db, live_bus, writing
from ..models import MetricDefinition
from ..principal import Principal
from . import runs, validation

MOST = 1000  # Metrics of a project.


def define(principal: Principal, run_id: int, said: Mapping[str, Mapping[str, Any]]) -> dict[str, MetricDefinition]:
    """Note what a run's script says, `{"val/acc": {"goal": "max", "x": "epoch"}}`; what it says nothing of stays, None takes it
    back. Gives all of the project. Raises Invalid, Conflict."""
    for name, facts in said.items():
        validation.check_metric(name)
        if facts.get("x") is not None:
            validation.check_metric(facts["x"])
    with writing() as session:
        project_id = runs.project_of(run_id, principal, "write")
        stored = of_project(project_id)
        for name, facts in said.items():
            if name not in stored:
                stored[name] = MetricDefinition(project_id=project_id, metric=name)
                session.add(stored[name])
            for field, value in facts.items():
                setattr(stored[name], field, value)
            if stored[name].goal is None and stored[name].x is None:
                session.expunge(stored[name]) if stored[name] in session.new else session.delete(stored[name])
                del stored[name]
        if len(stored) > MOST:
            raise Conflict(f"At most {MOST} metrics of a project are defined")
    live_bus.publish(f"project:{project_id}")
    return dict(sorted(stored.items()))


def of_run(principal: Principal, run_id: int) -> dict[str, MetricDefinition]:
    """All definitions of a run's project, by name."""
    return of_project(runs.project_of(run_id, principal))


def of_project(project_id: int) -> dict[str, MetricDefinition]:
    """By name. The right to read was checked with the project."""
    query = sa.select(MetricDefinition).where(MetricDefinition.project_id == project_id)
    return {one.metric: one for one in db.session.scalars(query.order_by(MetricDefinition.metric))}
