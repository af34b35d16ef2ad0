"""Charts of groups of runs: a mean with its deviation, range and count of runs. What each means is said at GroupChart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..extensions import metric_store
from ..principal import Principal
from ..store import MOST_OF_GROUP, DamagedPoints, GroupChart
from ..wire import columnar
from . import charts, runs
from .damage import describe_damage

MOST_READ = 100_000_000  # Points for one answer, shared by its charts.
LEAST_READ = 1_000_000  # A chart's share of it at least.


@dataclass(frozen=True, slots=True)
class DrawnGroup:
    """A metric's chart of a group, by its place in the request, or in one sentence why there is none."""

    group: int
    name: str
    chart: GroupChart | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The charts of an answer, and up to which id the points of each run are in all of its charts."""

    charts: list[DrawnGroup]
    last_ids: dict[int, int]


def draw(principal: Principal, groups: Sequence[Sequence[int]], names: Sequence[str], **window: Any) -> Drawn:
    """Charts group by group, in the requested order; metrics that a group never logged are left out."""
    run_ids = list(dict.fromkeys(run_id for group in groups for run_id in group))
    runs.check_all(run_ids, principal)
    # Before the charts: what comes meanwhile is in them and comes again, and nothing is missed.
    last_ids = charts.last_ids(run_ids)
    share = MOST_READ // max(len(groups) * len(names), 1)
    if str(window.get("x")).startswith(charts.AGAINST):
        words = "groups are drawn by step or time, not by another metric"
        return Drawn([DrawnGroup(n, name, None, words) for n in range(len(groups)) for name in names], last_ids)
    window["most"] = min(max(share, LEAST_READ), MOST_OF_GROUP)
    drawn = []
    for number, group in enumerate(groups):
        for name in names:
            try:
                chart = metric_store.group_chart(group, name, **window)
            except DamagedPoints as damage:
                drawn.append(DrawnGroup(number, name, None, describe_damage(damage)))
            else:
                drawn += [] if chart is None else [DrawnGroup(number, name, chart)]
    return Drawn(drawn, last_ids)


def packed(drawn: Drawn) -> bytes:
    """Charts of groups as a frame of columns (see wire/columnar.py)."""
    last_ids = {str(run_id): last_id for run_id, last_id in drawn.last_ids.items()}
    return columnar.pack({"last_ids": last_ids, "charts": [_packed(one) for one in drawn.charts]})


def _packed(drawn: DrawnGroup) -> dict[str, Any]:
    head: dict[str, Any] = {"group": drawn.group, "name": drawn.name}
    chart = drawn.chart
    if chart is None:
        return head | {"error": drawn.error}
    head |= {
        "x_axis": chart.axis, "method": chart.method, "n": chart.runs, "total_points": chart.total,
        "exact": chart.every_place, "bad": charts.marks(chart), "from": charts.along(chart, chart.start[:1]).tolist(),
        "x": charts.along(chart, chart.x).astype(np.float64),
        "count": chart.count.astype("<f4"),
    }  # fmt: skip
    band = {"low": chart.mean - chart.deviation, "high": chart.mean + chart.deviation}
    return head | charts.narrowed(chart.min, chart.max, mean=chart.mean, **band)
