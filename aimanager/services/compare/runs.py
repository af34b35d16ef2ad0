"""The runs of a comparison, which may be of several projects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ...extensions import db, metric_store
from ...models import Project, Run
from ...models.run_config import flat
from ...principal import Principal
from ...store import Summary
from .. import projects
from ..run_list import direction
from ..run_list.states import states
from ..run_state import State

MOST = 100


@dataclass(frozen=True)
class Compared:
    """A run with its config, nested keys joined by dots, and the summaries of its metrics by their names."""

    run: Run
    project: Project
    state: State
    config: dict[str, Any]
    metrics: dict[str, Summary]
    last_id: int

    @property
    def id(self) -> int:
        return self.run.id


def find(principal: Principal, run_ids: Sequence[int]) -> list[Compared]:
    """These runs, in this order. One that may not be read or that does not exist refuses them all: raises NotFound,
    Unauthorized, Forbidden."""
    run_ids = list(dict.fromkeys(run_ids))
    rows = db.session.execute(
        sa.select(Run, Project)
        .join(Project, Project.id == Run.project_id)
        .where(Run.id.in_(run_ids), Project.deleted_at.is_(None))
    ).all()
    found = {row.Run.id: row for row in rows}
    for run_id in run_ids:
        if run_id not in found:
            raise projects.missing(principal)
        project = found[run_id].Project
        projects.check(principal, project.owner_id, project.is_public, "read")
    if not run_ids:
        return []
    direction.within(found[run_ids[0]].Project.id)
    state: dict[int, Any] = states([found[run_id].Run for run_id in run_ids])
    heads, summaries = metric_store.heads(run_ids), metric_store.summaries(run_ids)
    return [
        Compared(
            found[run_id].Run,
            found[run_id].Project,
            state[run_id],
            {key: value for key, value in flat(found[run_id].Run.config) if value is not None},
            {summary.name: summary for summary in summaries.get(run_id, [])},
            heads[run_id].last_id if run_id in heads else 0,
        )
        for run_id in run_ids
    ]
