"""Points between JSON and arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid, TooLarge
from ..services import charts, validation
from ..services.charts import Drawn
from ..services.group_charts import DrawnGroup
from ..store import Chart, Column, Points, Summary
from ..wire import numbers
from ..wire.times import SECOND, from_seconds, to_datetime, to_microseconds
from .batches import BatchIn, BulkFrame, BulkIn, MetricIn
from .fields import LATEST

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# A column of a frame may stand for many series, so its size alone does not bound what a request asks for.
MOST_POINTS = 10_000_000


def single(metric: MetricIn) -> tuple[Column, ...]:
    return batch(BatchIn.model_construct(metrics={metric.name: metric.value}, step=metric.step, timestamp=metric.timestamp))  # fmt: skip


def batch(row: BatchIn) -> tuple[Column, ...]:
    """One row of several metrics: all columns share the row's step and time."""
    steps = None if row.step is None else np.array([row.step], np.int64)
    times = None if row.timestamp is None else np.array([to_microseconds(row.timestamp)], np.int64)
    for name in row.metrics:
        validation.check_metric(name)
    values = np.array([*row.metrics.values()], np.float64)
    return tuple(Column(name, values[i : i + 1], steps, times) for i, name in enumerate(row.metrics))


def bulk(posted: BulkIn | BulkFrame) -> tuple[Column, ...]:
    """Columns of any length; those with equal steps and times come to share their axis."""
    if isinstance(posted, BulkFrame):
        return columns_of_frame(posted)
    axes: dict[tuple[bytes | None, bytes | None], tuple[Any, Any]] = {}
    columns = []
    _check_lengths(posted)
    for name, series in posted.series.items():
        steps = None if series.steps is None else np.array(series.steps, np.int64)
        times = None if series.timestamps is None else from_seconds(np.array(series.timestamps, np.float64))
        key = (None if steps is None else steps.tobytes(), None if times is None else times.tobytes())
        steps, times = axes.setdefault(key, (steps, times))
        columns.append(Column(name, np.array(series.values, np.float64), steps, times))
    return tuple(columns)


def columns_of_frame(posted: BulkFrame) -> tuple[Column, ...]:
    """The columns of a frame where they lie, as far as they have the store's own types; each other one is converted once."""
    times: dict[int, Ints] = {}
    values: dict[int, Floats] = {}
    columns = []
    _check_lengths(posted)
    for name, series in posted.series.items():
        sent, stamps = series.values, series.timestamps
        if id(sent) not in values:
            values[id(sent)] = sent.astype(np.float64, copy=False)
        if stamps is not None and id(stamps) not in times:
            _check_times(name, stamps)
            times[id(stamps)] = from_seconds(stamps) if stamps.dtype.kind == "f" else stamps
        columns.append(Column(name, values[id(sent)], series.steps, None if stamps is None else times[id(stamps)]))
    return tuple(columns)


def _check_lengths(posted: BulkIn | BulkFrame) -> None:
    """Names that are names, columns as long as their values, and not too many points for one request."""
    points = 0
    for name, series in posted.series.items():
        validation.check_metric(name)
        rows = len(series.values)
        for field, column in (("steps", series.steps), ("timestamps", series.timestamps)):
            if column is not None and len(column) != rows:
                words = f"must be as long as its values: {len(column)} instead of {rows}"
                raise _invalid_column(name, field, words, "length")
        points += rows
    if points > MOST_POINTS:
        raise TooLarge(f"The request has {points} points: at most {MOST_POINTS} at once")


def _check_times(name: str, stamps: NDArray[Any]) -> None:
    """Times of a frame are bounded as those in JSON are."""
    latest = LATEST if stamps.dtype.kind == "f" else LATEST * SECOND
    if len(stamps) and not (stamps.min() >= 0 and stamps.max() <= latest):  # NaN is neither.
        raise _invalid_column(name, "timestamps", f"must be from 0 to {latest}, and none of them NaN", "range")


def _invalid_column(name: str, field: str, words: str, kind: str) -> Invalid:
    name = name[:80]
    return Invalid([{"loc": ["body", "series", name, field], "msg": f"series.{name}.{field} {words}", "type": kind}])


def gaps(numbers: NDArray[np.float64]) -> list[float | None]:
    """NaN as null: where a bucket has nothing finite."""
    return [number if number == number else None for number in numbers.tolist()]


def point_rows(run_id: int, points: Points) -> Iterable[dict[str, Any]]:
    names = [points.names[index] for index in points.name_index.tolist()]
    columns = zip(
        points.ids.tolist(), names, points.values.tolist(), points.steps.tolist(), points.times.tolist(), strict=True
    )
    return [
        {"id": point_id, "run_id": run_id, "name": name, "value": numbers.to_json(number), "step": step, "timestamp": to_datetime(time)}
        for point_id, name, number, step, time in columns
    ]  # fmt: skip


def summary(row: Summary) -> dict[str, Any]:
    return {
        "name": row.name,
        "current_value": numbers.to_json(row.last),
        "min_value": row.min,
        "max_value": row.max,
        "mean_value": row.mean,
        "total_points": row.count,
    }


def chart(drawn: Chart) -> dict[str, Any]:
    """A chart; times on its x axis are in seconds."""
    return {
        "name": drawn.name,
        "x_axis": drawn.axis,
        "total_points": drawn.total,
        "exact": drawn.exact,
        "x": charts.along(drawn, drawn.x).tolist(),
        "min": gaps(drawn.min),
        "max": gaps(drawn.max),
        "last": gaps(drawn.last),
        "counts": drawn.counts.tolist(),
        "bad": charts.marks(drawn),
    }


def one_of_several(drawn: Drawn) -> dict[str, Any]:
    """A chart, or why there is none."""
    head = {"run_id": drawn.run_id, "name": drawn.name, "last_id": drawn.last_id}
    return head | ({"error": drawn.error} if drawn.chart is None else chart(drawn.chart))


def group_chart(drawn: DrawnGroup) -> dict[str, Any]:
    """A chart of a group of runs, or why there is none."""
    chart = drawn.chart
    if chart is None:
        return {"name": drawn.name, "error": drawn.error}
    return {
        "name": chart.name,
        "x_axis": chart.axis,
        "method": chart.method,
        "runs": chart.runs,
        "total_points": chart.total,
        "exact": chart.every_place,
        "x": charts.along(chart, chart.x).tolist(),
        "mean": gaps(chart.mean),
        "low": gaps(chart.mean - chart.deviation),
        "high": gaps(chart.mean + chart.deviation),
        "min": gaps(chart.min),
        "max": gaps(chart.max),
        "counts": chart.count.tolist(),
        "bad": charts.marks(chart),
    }
