"""Figures that the server composes with Plotly's package and the browser draws.

A colour is written as a property of the page's style sheet: `var(--ink)`, `var(--ink/0.5)` for half of its opacity, or
`var(--scale@0.3)` for a place on the scale of colours. The browser knows what they are in its theme (static/js/compare/figure.js).
The package takes a quarter of a second to load, so it is imported where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median, quantiles
from typing import Any

from ..services.compare.runs import Compared
from ..services.compare.values import Values
from .cards import colour_of
from .figure_axes import Scale, cut, plain_text, scale_of
from .template_filters import plain, short

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "star")
MOST_CATEGORIES = 20  # In a legend.
JITTER = 0.22  # Of the room of a category, to each side.
FEWEST_FOR_BOX = 4

Address = Callable[[int], str]


def parallel(runs: Sequence[Compared], axes: Sequence[Values], colour: Values | None, address: Address) -> str:
    """A line a run, through its value on each axis. Lines lie between 0 and 1; the browser filters them by ranges."""
    scales = [scale_of(values) for values in axes]
    lines = _colours(runs, colour)
    # The last one is on top: where lines are coloured by a value, that of the highest.
    order = sorted(range(len(runs)), key=lambda at: lines.order[at])
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines" if len(axes) > 1 else "markers",
            "x": [*range(len(axes))],
            "y": [scale.places[at] for scale in scales],
            "line": {"color": lines.names[at], "width": 1.5, "dash": lines.dashes[at]},
            "marker": {"color": lines.names[at]},
            "customdata": [[address(runs[at].id), runs[at].id]] * len(axes),
            "text": [_hover(runs[at], [values], at) for values in axes],
            "hovertemplate": "%{text}<extra></extra>",
            "showlegend": False,
        }
        for at in order
    ]
    described = [
        {"key": values.key, "label": values.label, "low": scale.low, "high": scale.high, "log": scale.logarithmic,
         "categories": None if values.numeric else values.categories}
        for values, scale in zip(axes, scales, strict=True)
    ]  # fmt: skip
    layout = {
        "meta": {"axes": described, "runs": [runs[at].id for at in order]},
        "xaxis": {
            "side": "top", "range": [-0.4, len(axes) - 0.6], "tickvals": [*range(len(axes))],
            "ticktext": [plain_text(cut(values.label, 22)) for values in axes], "fixedrange": True, "showgrid": False,
            "zeroline": False, "ticks": "", "tickangle": 0, "showline": False,
        },
        "yaxis": {"range": [-0.04, 1.04], "visible": False, "fixedrange": True},
        "shapes": [_line(at, at, 0, 1, "var(--edge)", 1) for at in range(len(axes))],
        "annotations": [note for at, scale in enumerate(scales) for note in _tick_notes(at, scale, at == len(axes) - 1)],
        "hovermode": "closest",
    }  # fmt: skip
    return _figure([*traces, *lines.legend], layout)


def scatter(
    runs: Sequence[Compared], x: Values, y: Values, colour: Values | None, boxes: bool, address: Address
) -> str:
    """A point a run. With `boxes` x is read as categories, each with its quartiles."""
    points = _colours(runs, colour)
    across, x_axis = _axis(x, as_categories=boxes)
    upwards, y_axis = _axis(y)
    chosen = [at for at in range(len(runs)) if across[at] is not None and upwards[at] is not None]
    shown = [values for values in (x, y, colour) if values is not None]
    places = _jittered(across) if boxes else across
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [places[at] for at in chosen],
        "y": [upwards[at] for at in chosen],
        "marker": {
            "size": 9,
            "color": [points.names[at] for at in chosen],
            "symbol": [points.symbols[at] for at in chosen],
            "line": {"width": 1, "color": "var(--ground)"},
        },
        "customdata": [[address(runs[at].id), runs[at].id] for at in chosen],
        "text": [_hover(runs[at], shown, at) for at in chosen],
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }
    layout = {
        "xaxis": x_axis, "yaxis": y_axis, "hovermode": "closest",
        "shapes": _boxes(across, upwards) if boxes else [],
        "meta": {"runs": [runs[at].id for at in chosen]},
    }  # fmt: skip
    return _figure([trace, *points.legend], layout)


class _Colours:
    """How each run looks, what explains it, and which of two lies on top."""

    def __init__(self, names: Sequence[str], symbols: Sequence[str], dashes: Sequence[str]) -> None:
        self.names, self.symbols, self.dashes = names, symbols, dashes
        self.order: Sequence[float] = [0.0] * len(names)
        self.legend: list[dict[str, Any]] = []


def _colours(runs: Sequence[Compared], by: Values | None) -> _Colours:
    if by is None:
        # Its own colour, as everywhere.
        own = [colour_of(one.run) for one in runs]
        return _Colours(
            [f"var(--hue-{colour % 10})" for colour in own],
            ["circle-open" if colour >= 10 else "circle" for colour in own],
            ["6px,3px" if colour >= 10 else "solid" for colour in own],
        )
    return _by_number(by) if by.numeric else _by_category(by)


def _by_number(by: Values) -> _Colours:
    scale = scale_of(by)
    names = ["var(--ink-3/0.5)" if place is None else f"var(--scale@{place:.3f})" for place in scale.places]
    colours = _Colours(names, ["circle"] * len(names), ["solid"] * len(names))
    colours.order = [-1.0 if place is None else place for place in scale.places]
    # What the colours mean is said in the page: Plotly's own colour bar sets styles that our policy forbids.
    return colours


def _by_category(by: Values) -> _Colours:
    number = {name: at for at, name in enumerate(by.categories)}
    looks = {
        name: (f"var(--hue-{at % 10})", SYMBOLS[at % len(SYMBOLS)], "6px,3px" if at // 10 % 2 else "solid")
        for name, at in number.items()
    }
    none = ("var(--ink-3/0.5)", "circle-open", "solid")
    names, symbols, dashes = zip(*(looks.get(text or "", none) for text in by.texts), strict=True)
    colours = _Colours(names, symbols, dashes)
    colours.legend = [
        {"type": "scatter", "mode": "lines+markers", "x": [None], "y": [None], "hoverinfo": "skip", "showlegend": True,
         "name": plain_text(cut(name, 32)), "line": {"color": looks[name][0], "dash": looks[name][2]},
         "marker": {"color": looks[name][0], "symbol": looks[name][1], "size": 8}}
        for name in by.categories[:MOST_CATEGORIES]
    ]  # fmt: skip
    return colours


def _axis(values: Values, as_categories: bool = False) -> tuple[list[float | None], dict[str, Any]]:
    """The values along an axis, and the axis: numbers as they are, a category by its number."""
    axis: dict[str, Any] = {"title": {"text": plain_text(cut(values.label, 60))}, "zeroline": False}
    if values.numeric and not as_categories:
        if values.logarithmic:
            decades = math.log10(max(values.present_numbers) / min(values.present_numbers))
            axis |= {"type": "log", "title": {"text": axis["title"]["text"] + ", log scale"}}
            axis |= {"dtick": 1} if decades > 1.5 else {}
        return [*values.values], axis
    names = values.categories
    number = {name: at for at, name in enumerate(names)}
    axis |= {
        "tickvals": [*range(len(names))], "ticktext": [plain_text(cut(name, 20)) for name in names],
        "range": [-0.5, max(0.5, len(names) - 0.5)], "showgrid": False,
    }  # fmt: skip
    return [None if text is None else number[text] for text in values.texts], axis


def _jittered(places: Sequence[float | None]) -> list[float | None]:
    """Points of one category side by side, the same way each time."""
    seen: dict[float, int] = {}
    moved: list[float | None] = []
    for place in places:
        if place is None:
            moved.append(None)
            continue
        seen[place] = seen.get(place, -1) + 1
        # Multiples of the golden ratio never come close to each other.
        moved.append(place + ((seen[place] * 0.618034 + 0.5) % 1 - 0.5) * 2 * JITTER)
    return moved


def five_numbers(values: Sequence[float]) -> tuple[float, float, float, float, float]:
    """Minimum, lower quartile, median, upper quartile, maximum."""
    if len(values) == 1:
        return (values[0],) * 5
    low, _, high = quantiles(values, n=4, method="inclusive")
    return min(values), low, median(values), high, max(values)


def by_category(x: Values, y: Values) -> list[tuple[str, int, tuple[float, float, float, float, float]]]:
    """How the values of y are spread in each category of x: its name, how many there are, and five numbers."""
    groups: dict[str, list[float]] = {name: [] for name in x.categories}
    for name, value in zip(x.texts, y.values, strict=True):
        if name is not None and value is not None:
            groups[name].append(value)
    return [(name, len(group), five_numbers(group)) for name, group in groups.items() if group]


def _boxes(places: Sequence[float | None], heights: Sequence[float | None]) -> list[dict[str, Any]]:
    """The quartiles of each category as a box, its median as a line, its ends as whiskers; few values have no box."""
    groups: dict[float, list[float]] = {}
    for place, height in zip(places, heights, strict=True):
        if place is not None and height is not None:
            groups.setdefault(place, []).append(height)
    shapes = []
    for at, group in groups.items():
        least, low, middle, high, most = five_numbers(group)
        left, right = at - 0.32, at + 0.32
        if len(group) >= FEWEST_FOR_BOX:
            shapes += [
                {"type": "rect", "x0": left, "x1": right, "y0": low, "y1": high, "fillcolor": "var(--ink/0.05)",
                 "line": {"color": "var(--edge)", "width": 1}, "layer": "below"},
                _line(at, at, least, low, "var(--edge)", 1),
                _line(at, at, high, most, "var(--edge)", 1),
            ]  # fmt: skip
        shapes.append(_line(left, right, middle, middle, "var(--ink-2)", 2))
    return shapes


def _line(x0: float, x1: float, y0: float, y1: float, colour: str, width: float) -> dict[str, Any]:
    return {"type": "line", "x0": x0, "x1": x1, "y0": y0, "y1": y1, "layer": "below",
            "line": {"color": colour, "width": width}}  # fmt: skip


def _tick_notes(at: int, scale: Scale, is_last: bool) -> list[dict[str, Any]]:
    """Right of an axis, but left of the last one, which has no room there."""
    side = {"xanchor": "right", "xshift": -4} if is_last else {"xanchor": "left", "xshift": 4}
    return [
        {"x": at, "y": place, "text": text, "showarrow": False, "borderpad": 1,
         "bgcolor": "var(--ground/0.85)", "font": {"size": 11, "color": "var(--ink-2)"}, "captureevents": False, **side}
        for place, text in scale.ticks
    ]  # fmt: skip


def _hover(one: Compared, shown: Sequence[Values], at: int) -> str:
    """The run's name and its values; the pages are told exact numbers by their tables."""
    lines = [plain_text(cut(one.run.name, 60))]
    for values in dict.fromkeys((values.label, values.values[at]) for values in shown):
        label, value = values
        lines.append(f"{plain_text(cut(label, 60))}: {plain_text(cut(_written(value), 60))}")
    return "<br>".join(lines)


def _written(value: Any) -> str:
    return short(value) if isinstance(value, float) else plain(value) or "–"


def _figure(traces: Sequence[dict[str, Any]], layout: dict[str, Any]) -> str:
    """As JSON. Plotly's package knows every property of a figure and refuses a wrong one."""
    import plotly.graph_objects as go

    return go.Figure(traces, layout | {"template": {}}).to_json()
