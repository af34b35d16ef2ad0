"""A curve in the size of a word, drawn on the server."""

from __future__ import annotations

import numpy as np

from ..services.home import Spark
from .blueprint import web

WIDTH, HEIGHT = 120, 28


@web.app_template_filter("polyline")
def polyline(spark: Spark) -> str:
    """The points of an SVG polyline across the whole width and height; empty when nothing finite was logged."""
    values = spark.values[np.isfinite(spark.values)].tolist()
    if not values:
        return ""
    low, high = min(values), max(values)
    # Halves, because the range of two large numbers may be no number at all.
    span = high / 2 - low / 2 or 1.0
    step = (WIDTH - 2) / max(1, len(values) - 1)
    return " ".join(
        f"{1 + i * step:.1f},{HEIGHT - 3 - (HEIGHT - 6) * ((value / 2 - low / 2) / span):.1f}"
        for i, value in enumerate(values if len(values) > 1 else values * 2)  # A single one is a line too.
    )
