"""All points of charts as CSV, never sampled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from ..extensions import db, metric_store
from ..models import Run
from ..principal import Principal
from ..store import MetricStore
from ..wire import csv_lines
from . import runs


def as_csv(principal: Principal, run_ids: Sequence[int], names: Sequence[str]) -> Iterator[bytes]:
    """Metric by metric and run by run, each by time, read while it is sent."""
    runs.check_all(run_ids, principal)
    query = sa.select(Run.id, Run.name).where(Run.id.in_(run_ids))
    run_names = {run.id: run.name for run in db.session.execute(query)}
    # They are read after the request's context, which the proxy needs, has ended.
    store: MetricStore = metric_store._get_current_object()  # type: ignore[attr-defined]

    def lines() -> Iterator[bytes]:
        yield b"run_id,run,metric,step,value,timestamp\n"
        for name in names:
            for run_id in run_ids:
                history = store.history(run_id, name)
                begin = f"{run_id},{csv_lines.of_cells(run_names.get(run_id, ''), name)},"
                for piece in history.pieces() if history else ():
                    yield from csv_lines.of_points(begin, piece.steps, piece.values, piece.times)

    return lines()


def file_name(names: Sequence[str]) -> str:
    """What the file is called: after its metric, in letters that every disk takes."""
    name = names[0] if len(names) == 1 else "charts"
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name).strip(".-")[:80] or "chart"
