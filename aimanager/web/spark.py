"""A run's main curve in the size of a word, drawn on the server."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..principal import Principal
from ..services import metrics
from ..services.run_list import table

WIDTH, HEIGHT, POINTS = 120, 28, 60


@dataclass(frozen=True)
class Spark:
    """What an SVG polyline needs; `points` is empty when nothing finite was logged."""

    metric: str
    points: str
    width: int = WIDTH
    height: int = HEIGHT


def spark(principal: Principal, run_id: int) -> Spark | None:
    """The curve of the metric that one would look at first; None for a run without any."""
    names = table.main_metrics([run_id], 1)
    charts = metrics.chart(principal, run_id, names, points=POINTS) if names else []
    if not charts:
        return None
    last = charts[0].last
    return Spark(names[0], _points(last[np.isfinite(last)].tolist()))


def _points(values: list[float]) -> str:
    """The values across the whole width and height; a single one is a line too, so that it can be seen."""
    if not values:
        return ""
    low, high = min(values), max(values)
    # Halves, because the range of two large numbers may be no number at all.
    span = high / 2 - low / 2 or 1.0
    step = (WIDTH - 2) / max(1, len(values) - 1)
    return " ".join(
        f"{1 + i * step:.1f},{HEIGHT - 3 - (HEIGHT - 6) * ((value / 2 - low / 2) / span):.1f}"
        for i, value in enumerate(values if len(values) > 1 else values * 2)
    )
