"""A run's main curve in the size of a word, drawn on the server."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup, escape

from ..auth import Principal
from ..services import metrics, table

WIDTH, HEIGHT, POINTS = 120, 28, 60


def values_of(principal: Principal, run_id: int) -> tuple[str, list[float]] | None:
    """The name and some points of the metric that one would look at first; None for a run without any."""
    names = table.main_metrics([run_id], 1)
    charts = metrics.chart(principal, run_id, names, points=POINTS) if names else []
    if not charts:
        return None
    last = charts[0].last
    return names[0], last[np.isfinite(last)].tolist()


def drawn(found: tuple[str, list[float]] | None, run_id: int) -> Markup:
    """An SVG line in the run's colour; a single point is a line too, so that it can be seen."""
    if not found or not found[1]:
        return Markup("")
    name, values = found
    low, high = min(values), max(values)
    # Halves, because the range of two large numbers may be no number at all.
    span = high / 2 - low / 2 or 1.0
    step = (WIDTH - 2) / max(1, len(values) - 1)
    points = " ".join(
        f"{1 + i * step:.1f},{HEIGHT - 3 - (HEIGHT - 6) * ((value / 2 - low / 2) / span):.1f}"
        for i, value in enumerate(values if len(values) > 1 else values * 2)
    )
    label = escape(f"{name} of the newest run")
    dash = ' stroke-dasharray="4 2"' if run_id // 10 % 2 else ""
    return Markup(
        f'<svg class="spark hue-{run_id % 10}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'<title>{label}</title><polyline points="{points}"{dash}/></svg>'
    )  # noqa: S704 (numbers, and a label that was escaped)
