"""Whether a chart shows each point that was logged: as a point of a line, or within the band of the stretch that it is in."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import nan
from typing import Any

# What Plotly draws of the lines and the bands of a chart, all points with a finite value.
READ = """
(name) => {
  const canvas = document.querySelector(`.chart[data-name="${name}"] .canvas`);
  const drawn = { line: [], band: [] };
  for (const { x, y, meta } of canvas?.data ?? []) {
    for (let i = 0; i < x.length; i++) if (Number.isFinite(y[i])) drawn[meta.kind]?.push([x[i], y[i]]);
  }
  return drawn;
}
"""
CLOSE = 1e-5

Points = Mapping[tuple[int, int], float]  # Values by the number of a run and the step.


def hidden(page: Any, name: str, points: Points) -> list[tuple[int, int]]:
    """The points that the chart of a metric does not show.

    A run is known by the whole part of its values: the values of run 3 are from 3 to 4.
    """
    drawn = page.evaluate(READ, name)
    lines, bands = _by_run(drawn["line"]), _by_run(drawn["band"])
    ends = {run: sorted(band) for run, band in bands.items()}  # Each stretch stands at its last point.

    def is_shown(run: int, step: int, value: float) -> bool:
        if any(abs(height - value) < CLOSE for height in lines[run].get(step, ())):
            return True
        stretch = bisect_left(ends.get(run, []), step)
        heights = bands[run][ends[run][stretch]] if stretch < len(ends.get(run, [])) else [nan]
        return min(heights) - CLOSE < value < max(heights) + CLOSE

    return [(run, step) for (run, step), value in points.items() if not is_shown(run, step, value)]


def _by_run(places: Iterable[tuple[float, float]]) -> dict[int, dict[float, list[float]]]:
    """The heights at each x, by run."""
    found: dict[int, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for x, y in places:
        found[int(y)][x].append(y)
    return found
