"""What scripts say of their metrics: which way each gets better, and what it is drawn against. Of a project; the latest word counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ..errors import Conflict
from ..extensions import db, live_bus, metric_store, writing
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


def axes_of(project_id: int, run_ids: Sequence[int], metrics: Iterable[str]) -> dict[str, str]:
    """By metric the one that its chart of these runs is drawn over where nobody chose another axis. One that some run has without
    its x is not here: lines along two axes are no chart, and steps are what all have."""
    d = MetricDefinition
    rows = db.session.execute(sa.select(d.metric, d.x).where(d.project_id == project_id, d.x.is_not(None)))
    known = set(metrics)
    said = {metric: x for metric, x in rows if metric in known and x is not None and x != metric}
    if not said:
        return {}
    of_runs = metric_store.cells(run_ids, list({*said, *said.values()})).values()
    return {metric: x for metric, x in said.items() if all(x in cells for cells in of_runs if metric in cells)}
