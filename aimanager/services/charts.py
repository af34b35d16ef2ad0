"""Charts of several metrics and runs in one answer, and the columns that they travel as.

Pages and programs get the same columns: x as float64 (steps, or seconds), the rest as float32 where nobody can see the
difference, rounded outwards so that no spike shrinks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..extensions import metric_store
from ..principal import Principal
from ..store import Chart, DamagedPoints, GroupChart
from ..wire import columnar, numbers, times
from . import runs
from .damage import describe_damage

MEDIA_TYPE = "application/vnd.ai-manager.chart"
ALSO = ("counts", "steps", "times")  # What a bucket has that is sent only on request.
UNIT = {"step": 1, "time": times.SECOND, "relative": times.SECOND}  # Of x in an answer, in units of the store.
AGAINST = "metric:"  # What x begins with where it is another metric.
_UNSEEN = 2.0**-14  # Of a chart's height: a sixteenth of a pixel on a screen of a thousand.


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart of a run's metric, or in one sentence why there is none: its points are damaged, or it has no step in common
    with what is to be x. The points up to `last_id` are in it."""

    run_id: int
    name: str
    last_id: int
    chart: Chart | None
    error: str | None = None
    damaged: bool = False


def draw(principal: Principal, run_ids: Sequence[int], names: Sequence[str], **window: Any) -> list[Drawn]:
    """Charts run by run, in the requested order; metrics that a run never logged are left out."""
    run_ids = list(dict.fromkeys(run_ids))
    runs.check_all(run_ids, principal)
    if len(run_ids) > 1 and not str(window.get("x", "step")).startswith(AGAINST):
        try:
            charts = metric_store.charts(run_ids, names, **window)
            return [Drawn(run_id, one.name, one.last_id, one) for run_id in run_ids for one in charts[run_id]]
        except DamagedPoints:
            pass  # One after the other, then, so that each says for itself what is damaged.
    return [drawn for run_id in run_ids for drawn in _of_run(run_id, names, window)]


def last_id(run_id: int) -> int:
    """How far a run is, 0 before its first point. The right to read was checked with the run."""
    return last_ids([run_id])[run_id]


def last_ids(run_ids: Sequence[int]) -> dict[int, int]:
    """How far each of many runs is."""
    heads = metric_store.heads(run_ids)
    return {run_id: heads[run_id].last_id if run_id in heads else 0 for run_id in run_ids}


def _of_run(run_id: int, names: Sequence[str], window: dict[str, Any]) -> list[Drawn]:
    charts = _each(run_id, list(dict.fromkeys(names)), window)
    return [
        Drawn(run_id, name, chart.last_id, chart)
        if isinstance(chart, Chart)
        else Drawn(run_id, name, last_id(run_id), None, chart or _apart(name, window["x"]), chart is not None)
        for name, chart in charts
    ]


def _apart(name: str, x: str) -> str:
    return f"{name} and {x.removeprefix(AGAINST)} have no step in common in this run"


def _each(run_id: int, names: list[str], window: dict[str, Any]) -> list[tuple[str, Chart | str | None]]:
    """Each name with its chart, None where it never met the metric that is x, or what is wrong with it: what is damaged does
    not keep the others from being drawn."""
    try:
        return _stored(run_id, names, **window)
    except DamagedPoints as damage:
        if len(names) == 1:
            return [(names[0], describe_damage(damage))]
        return [drawn for name in names for drawn in _each(run_id, [name], window)]


def _stored(run_id: int, names: list[str], x: Any = "step", **window: Any) -> list[tuple[str, Chart | str | None]]:
    if not x.startswith(AGAINST):
        return [(chart.name, chart) for chart in metric_store.chart(run_id, names, x=x, **window)]
    return [*metric_store.chart_against(run_id, names, x.removeprefix(AGAINST), **window).items()]


def packed(drawn: Sequence[Drawn], last_id: int, also: Collection[str] = ()) -> bytes:
    """Charts as a frame of columns (see wire/columnar.py)."""
    return columnar.pack({"last_id": last_id, "charts": [_packed(one, also) for one in drawn]})


def packed_of_runs(drawn: Sequence[Drawn], run_ids: Sequence[int], also: Collection[str] = ()) -> bytes:
    """Charts of many runs as a frame. `last_ids` says of each run up to which id its points are in all of its charts."""
    reached: dict[int, int] = {}
    for one in drawn:
        reached[one.run_id] = min(one.last_id, reached.get(one.run_id, one.last_id))
    # A run without any of the metrics: all that it has is in the charts that it has not.
    reached |= last_ids([run_id for run_id in run_ids if run_id not in reached])
    head = {"last_ids": {str(run_id): reached[run_id] for run_id in run_ids}}
    return columnar.pack(head | {"charts": [_packed(one, also) for one in drawn]})


def _packed(drawn: Drawn, also: Collection[str]) -> dict[str, Any]:
    head: dict[str, Any] = {"run_id": drawn.run_id, "name": drawn.name, "last_id": drawn.last_id}
    chart = drawn.chart
    if chart is None:
        return head | {"error": drawn.error}
    x = along(chart, chart.x).astype(np.float64)
    head |= {
        "x_axis": chart.axis, "total_points": chart.total, "exact": chart.exact, "bad": marks(chart),
        "from": along(chart, chart.start[:1]).tolist(), "x": x,
    }  # fmt: skip
    if chart.exact:
        head["last"] = chart.last
    else:
        head |= narrowed(chart.min, chart.max, last=chart.last)
    columns = {"counts": chart.counts, "steps": chart.steps, "times": times.to_seconds(chart.times)}
    return head | {name: column for name, column in columns.items() if name in also}


def along(chart: Chart | GroupChart, x: NDArray[Any]) -> NDArray[Any]:
    """Places on a chart's x axis in the unit of an answer."""
    unit = UNIT.get(chart.axis, 1)
    return x if unit == 1 else x / unit


def marks(chart: Chart | GroupChart) -> list[dict[str, Any]]:
    """Where values were not finite."""
    places = zip(along(chart, chart.bad_x).tolist(), chart.bad_values.tolist(), strict=True)
    return [{"x": x, "value": numbers.to_word(value)} for x, value in places]


def narrowed(
    lowest: NDArray[np.float64], highest: NDArray[np.float64], **lines: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    """Columns of an answer, `min` and `max` and the lines between them: as float32, unless that would move something as far
    as can be seen. NaN is in all of them where it is in one."""
    exact = {"min": lowest, "max": highest, **lines}
    with np.errstate(over="ignore"):
        narrow = {name: line.astype("<f4") for name, line in lines.items()}
        narrow |= {"min": _outward(lowest, -np.inf), "max": _outward(highest, np.inf)}
        has_finite = ~np.isnan(lowest)
        if not has_finite.any():
            return narrow
        most = _UNSEEN * (highest[has_finite].max() - lowest[has_finite].min())
        if all((np.abs(narrow[name][has_finite] - exact[name][has_finite]) <= most).all() for name in exact):
            return narrow
    return exact


def _outward(values: NDArray[np.float64], towards: float) -> NDArray[np.float32]:
    """As float32, where they have to be rounded in one direction."""
    narrow = values.astype("<f4")
    inside = narrow > values if towards < 0 else narrow < values
    narrow[inside] = np.nextafter(narrow[inside], np.float32(towards))
    return narrow
