"""Writes the project: runs in large inserts, points as scripts send them, through the store itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from ..extensions import db, parts, writing
from ..models import Project, Run, RunConfig, RunTag
from ..models.base import now
from ..models.run import keys_of
from ..models.run_config import rows_of
from ..store import Batch, Column, MetricStore
from ..store.tables import FINISHED, metric_series, metric_stream
from ..wire.times import to_microseconds
from .console import add_alerts, write_console
from .training import Training, curves, metric_names, training

USUAL_METRICS = 50  # More than these only the newest run logs.
_AT_ONCE = 500
_WITH_CONSOLE = 20  # The newest runs have console output and alerts.
_LASTS = timedelta(hours=1)
_APART = timedelta(minutes=9)


@dataclass(frozen=True)
class Size:
    """How many runs, metrics and points of each metric; every run logs up to 50 metrics, the newest one all of them."""

    runs: int
    metrics: int
    points: int

    def __post_init__(self) -> None:
        if min(self.runs, self.metrics, self.points) < 1:
            raise ValueError("there is at least one run, one metric and one point")

    def metrics_of(self, number: int) -> list[str]:
        """The metrics of a run by its number, which counts from 0."""
        is_newest = number == self.runs - 1
        return metric_names(self.metrics if is_newest else min(self.metrics, USUAL_METRICS))


@dataclass(frozen=True)
class _Planned:
    """A run that is about to be written."""

    number: int
    training: Training
    started_at: datetime


def new_project(owner_id: int, name: str) -> Project:
    project = Project(name=name, owner_id=owner_id, description="Made by aimanager seed.")
    with writing():
        db.session.add(project)
        db.session.commit()
    return project


def seed(project_id: int, size: Size) -> Iterator[int]:
    """Fill a project and say again and again how many of its runs are there."""
    rng = np.random.default_rng(size.runs)
    first_start = now() - _LASTS - _APART * size.runs
    store, console = parts().metric_store, parts().console
    with ThreadPoolExecutor(4) as threads:
        for begin in range(0, size.runs, _AT_ONCE):
            planned = [
                _Planned(number, training(number, rng), first_start + _APART * number)
                for number in range(begin, min(begin + _AT_ONCE, size.runs))
            ]
            ids = _add_runs(project_id, planned)
            works = [
                threads.submit(_log, store, project_id, run_id, one, size)
                for run_id, one in zip(ids, planned, strict=True)
            ]
            for work in works:
                work.result()
            _finish(ids)
            for run_id, one in list(zip(ids, planned, strict=True))[-_WITH_CONSOLE:]:
                if one.number >= size.runs - _WITH_CONSOLE:
                    write_console(console, project_id, run_id, one.training, one.started_at)
                    add_alerts(project_id, run_id, one.training, one.started_at)
            yield begin + len(planned)


def _add_runs(project_id: int, planned: Sequence[_Planned]) -> list[int]:
    """All of them in one transaction."""
    rows = [_row(project_id, one) for one in planned]
    with writing():
        returned = sa.insert(Run).returning(Run.id, sort_by_parameter_order=True)
        ids = list(db.session.scalars(returned, rows))
        values = [
            value
            for run_id, one in zip(ids, planned, strict=True)
            for value in rows_of(run_id, project_id, one.training.config)
        ]
        db.session.execute(sa.insert(RunConfig), values)
        tags = [
            {"run_id": run_id, "tag": tag, "project_id": project_id}
            for run_id, one in zip(ids, planned, strict=True)
            for tag in dict.fromkeys(one.training.tags)
        ]
        if tags:
            db.session.execute(sa.insert(RunTag), tags)
        db.session.commit()
    return ids


def _row(project_id: int, planned: _Planned) -> dict[str, Any]:
    of, start = planned.training, planned.started_at
    end = start + _LASTS
    return {
        "project_id": project_id, "name": of.name, "tags": of.tags, "config": of.config, "status": of.status, "notes": "",
        "created_at": start, "updated_at": end, "started_at": start, "alive_at": end, "ended_at": end, "end_received_at": end,
        **keys_of(of.name, of.tags, start, end),
    }  # fmt: skip


def _log(store: MetricStore, project_id: int, run_id: int, planned: _Planned, size: Size) -> None:
    steps = np.arange(size.points, dtype=np.int64)
    begin, end = to_microseconds(planned.started_at), to_microseconds(planned.started_at + _LASTS)
    times = np.linspace(begin, end, size.points).astype(np.int64)
    rng = np.random.default_rng([3, planned.number])
    values = curves(planned.training, size.metrics_of(planned.number), size.points, rng)
    store.append(run_id, project_id, Batch(tuple(Column(name, each, steps, times) for name, each in values.items())))


def _finish(ids: Sequence[int]) -> None:
    """What `MetricStore.finish` does for one run, for many at once: their summaries enter the indexes by value."""
    stream, series = metric_stream.c, metric_series.c
    due = sa.case((stream.tail_rows < 1, 1), else_=stream.tail_rows)
    with writing():
        connection = db.session.connection()
        connection.execute(sa.update(metric_stream).where(stream.run_no.in_(ids)).values(state=FINISHED, tail_rows=due))
        connection.execute(sa.update(metric_series).where(series.run_no.in_(ids)).values(live=0))
        db.session.commit()
