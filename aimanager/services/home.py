"""What is going on in all projects: as many queries for a hundred projects as for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased, defer

from ..extensions import db, metric_store
from ..models import Project, Run
from ..principal import Principal
from ..store.shapes import Floats
from . import projects
from .run_list import columns, states

MOST_SPARKS = 50  # Further down a list nobody looks at curves.
LATEST = 10
_IS_KEPT = Run.trashed_at.is_(None)


@dataclass(frozen=True)
class Spark:
    """Some values of a run's main metric."""

    metric: str
    values: Floats


@dataclass(frozen=True)
class Card:
    """A project: how many runs it has, how many of them run, and its newest run with its state and the main curve."""

    project: Project
    runs: int
    running: int
    last_activity: datetime
    newest_run: Run | None
    newest_state: str
    spark: Spark | None


@dataclass(frozen=True)
class LatestRun:
    run: Run
    project: str
    state: str


@dataclass(frozen=True)
class Overview:
    """The most recently active projects of those selected, how many there are in all, and their newest runs."""

    cards: Sequence[Card]
    total: int
    latest: Sequence[LatestRun]


def overview(principal: Principal, visibility: str = "mine", words: str = "", limit: int = 100) -> Overview:
    """The caller's projects, or the public ones, whose name or description has the words."""
    visible = projects.visible(principal, visibility).order_by(None)
    if words:
        visible = visible.where(Project.words.contains(words.casefold(), autoescape=True))
    total = db.session.scalar(sa.select(sa.func.count()).select_from(visible.subquery())) or 0
    rows = _most_recently_active(visible, limit)
    latest = _latest(visible) if visibility == "mine" else []
    newest = [run for _, run in rows if run]
    state = states.states([*newest, *(run for run, _ in latest)])
    cards = _cards(rows, state, _sparks([run.id for run in newest[:MOST_SPARKS]]))
    return Overview(cards, total, [LatestRun(run, name, state[run.id]) for run, name in latest])


def _most_recently_active(visible: sa.Select[Project], limit: int) -> list[tuple[Project, Run | None]]:
    """Projects with their newest runs."""
    newest_id = sa.select(sa.func.max(Run.id)).where(Run.project_id == Project.id, _IS_KEPT).scalar_subquery()
    newest = aliased(Run)
    changed_at = sa.case((newest.updated_at > Project.updated_at, newest.updated_at), else_=Project.updated_at)
    query = visible.add_columns(newest).outerjoin(newest, newest.id == newest_id)
    query = query.order_by(changed_at.desc(), Project.id.desc()).limit(limit)
    rows = db.session.execute(query.options(defer(newest.config), defer(newest.notes)))
    return [(project, run) for project, run in rows]


def _latest(visible: sa.Select[Project]) -> list[tuple[Run, str]]:
    """The newest runs of all these projects, with the project's name."""
    query = visible.with_only_columns(Run, Project.name).join(Run, (Run.project_id == Project.id) & _IS_KEPT)
    query = query.order_by(Run.id.desc()).limit(LATEST).options(defer(Run.config), defer(Run.notes))
    return [(run, name) for run, name in db.session.execute(query)]


def _cards(rows: Sequence[tuple[Project, Run | None]], state: dict[int, str], sparks: dict[int, Spark]) -> list[Card]:
    ids = [project.id for project, _ in rows]
    count = sa.select(Run.project_id, sa.func.count()).where(Run.project_id.in_(ids), _IS_KEPT)
    count = count.group_by(Run.project_id)
    runs: dict[int, int] = {row[0]: row[1] for row in db.session.execute(count)}
    running = dict.fromkeys(ids, 0)
    active = {
        project.id: max(project.updated_at, run.updated_at if run else project.updated_at) for project, run in rows
    }
    for facts, its_state, heard_at in states.running(Run.project_id.in_(ids) & _IS_KEPT):
        running[facts.project_id] += its_state == "running"
        active[facts.project_id] = max(filter(None, (active[facts.project_id], heard_at)))
    last_points = states.heard_at(run.id for _, run in rows if run)
    for project, run in rows:
        if run and run.id in last_points:
            active[project.id] = max(active[project.id], last_points[run.id])
    cards = [
        Card(
            project, runs.get(project.id, 0), running[project.id], active[project.id],
            run, state[run.id] if run else "", sparks.get(run.id) if run else None,
        )
        for project, run in rows
    ]  # fmt: skip
    return sorted(cards, key=lambda card: card.last_activity, reverse=True)


def _sparks(run_ids: Iterable[int]) -> dict[int, Spark]:
    """The main curve of each run; runs without points are left out."""
    metrics = columns.main_metric_of_each(list(run_ids))
    return {run: Spark(metrics[run], values) for run, values in metric_store.sparks(metrics).items()}
