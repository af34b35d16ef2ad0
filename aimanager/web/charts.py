"""What the charts draw: downsampled columns of several metrics in one answer.

The unit of x is what the page shows: the step, milliseconds since 1970 for "time", seconds for "relative".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
from flask import Response, g, request

from ..auth import requires
from ..errors import Invalid
from ..services import metrics
from ..store import Chart
from . import web

MOST_NAMES = 50
MOST_POINTS = 2000
MICROSECONDS = {"step": 1, "time": 1_000, "relative": 1_000_000}


@web.get("/app/runs/<id:run_id>/charts")
@requires("read")
def charts(run_id: int) -> Response:
    """Also says up to which id the points are in, so that the page knows which live ones come after them."""
    names = request.args.getlist("name")[:MOST_NAMES]
    x = request.args.get("x", "step")
    if x not in MICROSECONDS:
        raise Invalid.field("x", "x must be step, time or relative", source="query")
    points = min(max(request.args.get("points", 1000, int), 10), MOST_POINTS)
    found, last_id = metrics.chart_and_head(
        g.principal, run_id, names, points=points, x=x, lo=_bound("min", x), hi=_bound("max", x)
    )
    body = {"last_id": last_id, "x": x, "charts": [_columns(chart) for chart in found]}
    return Response(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), mimetype="application/json")


def _bound(name: str, x: str) -> float | None:
    text = request.args.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Invalid.field(name, f"{name} must be a number", source="query")
    return value * MICROSECONDS[x]


def _columns(chart: Chart) -> dict[str, Any]:
    unit = MICROSECONDS[chart.axis]
    columns: dict[str, Any] = {
        "name": chart.name, "total": chart.total, "exact": chart.exact, "x": _scaled(chart.x, unit),
        "from": _scaled(chart.start[:1], unit),
        "last": _plain(chart.last), "steps": _plain(chart.steps), "times": _scaled(chart.times, 1_000),
        "bad_x": _scaled(chart.bad_x, unit), "bad": [_kind(value) for value in chart.bad_values.tolist()],
    }  # fmt: skip
    if not chart.exact:
        columns |= {"min": _plain(chart.min), "max": _plain(chart.max), "counts": _plain(chart.counts)}
    return columns


def _scaled(values: np.ndarray, unit: int) -> np.ndarray:
    return _plain(values if unit == 1 else values / unit)


def _plain(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values)


def _kind(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
