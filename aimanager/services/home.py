"""What is going on in all projects: as many queries for a hundred projects as for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased, defer

from ..extensions import db, metric_store
from ..models import Project, Run
from ..principal import Principal
from ..store.shapes import Floats
from . import projects, search
from .run_list import columns, states

MOST_SPARKS = 50  # Further down a list nobody looks at curves.
MOST_RUNS = 10  # That run, and of the others.
MOST_FOUND = 20
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
class ShownRun:
    """A run with its project's name, the last value of its main metric, and how far it is, from 0 to 1, if it said."""

    run: Run
    project: str
    state: str
    metric: str | None = None
    value: float | None = None
    progress: float | None = None


@dataclass(frozen=True)
class Overview:
    """The most recently active projects of those selected, and how many there are in all; those that are archived; the newest
    runs that run, and how many do; and the newest of the others, or those that have the words."""

    cards: Sequence[Card]
    total: int
    archived: Sequence[Project]
    running: Sequence[ShownRun]
    total_running: int
    runs: Sequence[ShownRun]


def overview(principal: Principal, visibility: str = "mine", words: str = "", limit: int = 100) -> Overview:
    """The caller's projects, or the public ones, whose name or description has the words."""
    visible = projects.visible(principal, visibility).order_by(None)
    if words:
        visible = visible.where(Project.words.contains(words.casefold(), autoescape=True))
    kept = visible.where(Project.archived_at.is_(None))
    total = db.session.scalar(sa.select(sa.func.count()).select_from(kept.subquery())) or 0
    rows = _most_recently_active(kept, limit)
    if words:
        running, latest = [], [(one.run, one.project) for one in search.everything(principal, words, MOST_FOUND).runs]
    else:
        running, latest = _newest(kept, Run.status == "running"), _newest(kept, Run.status != "running")
    newest = [run for _, run in rows if run]
    main = columns.main_metric_of_each(
        [run.id for run in [*newest[:MOST_SPARKS], *(run for run, _ in running + latest)]]
    )
    state = states.states([*newest, *(run for run, _ in running + latest)])
    cards = _cards(rows, state, _sparks({run.id: main[run.id] for run in newest[:MOST_SPARKS] if run.id in main}))
    shown = _shown(running + latest, state, main)
    archived = db.session.scalars(visible.where(Project.archived_at.is_not(None)).order_by(Project.name)).all()
    total_running = _count_running(kept) if running and not words else 0
    return Overview(cards, total, archived, shown[: len(running)], total_running, shown[len(running) :])


def _most_recently_active(visible: sa.Select[Project], limit: int) -> list[tuple[Project, Run | None]]:
    """Projects with their newest runs."""
    newest_id = sa.select(sa.func.max(Run.id)).where(Run.project_id == Project.id, _IS_KEPT).scalar_subquery()
    newest = aliased(Run)
    changed_at = sa.case((newest.updated_at > Project.updated_at, newest.updated_at), else_=Project.updated_at)
    query = visible.add_columns(newest).outerjoin(newest, newest.id == newest_id)
    query = query.order_by(changed_at.desc(), Project.id.desc()).limit(limit)
    rows = db.session.execute(query.options(defer(newest.config), defer(newest.notes)))
    return [(project, run) for project, run in rows]


def _count_running(visible: sa.Select[Project]) -> int:
    query = (
        visible.with_only_columns(sa.func.count(Run.id))
        .select_from(Project)
        .join(Run, (Run.project_id == Project.id) & _IS_KEPT)
    )
    return db.session.scalar(query.where(Run.status == "running", Run.archived_at.is_(None))) or 0


def _newest(visible: sa.Select[Project], where: sa.ColumnElement[bool]) -> list[tuple[Run, str]]:
    """The newest of these runs in all these projects, with the project's name."""
    query = visible.with_only_columns(Run, Project.name).join(Run, (Run.project_id == Project.id) & _IS_KEPT)
    query = query.where(where, Run.archived_at.is_(None)).order_by(Run.id.desc()).limit(MOST_RUNS)
    return [(run, name) for run, name in db.session.execute(query.options(defer(Run.config), defer(Run.notes)))]


def _shown(found: Sequence[tuple[Run, str]], state: dict[int, str], main: dict[int, str]) -> list[ShownRun]:
    """The runs with what their main metrics say."""
    ids = [run.id for run, _ in found]
    summaries = metric_store.summaries(ids, sorted({main[run] for run in ids if run in main}))
    shown = []
    for run, project in found:
        one = next((one for one in summaries[run.id] if one.name == main.get(run.id)), None)
        if one is None:
            shown.append(ShownRun(run, project, state[run.id]))
            continue
        done = (one.last_step + 1) / run.total_steps if run.total_steps and run.status == "running" else None
        progress = None if done is None else min(max(done, 0.0), 1.0)
        shown.append(ShownRun(run, project, state[run.id], one.name, one.last, progress))
    return shown


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


def _sparks(metrics: dict[int, str]) -> dict[int, Spark]:
    """The main curve of each run."""
    return {run: Spark(metrics[run], values) for run, values in metric_store.sparks(metrics).items()}
