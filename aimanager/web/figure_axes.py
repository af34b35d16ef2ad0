"""Where values lie between the two ends of an axis or of a colour scale, and what is written beside it."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..services.compare.values import Values
from .template_filters import short

MOST_TICKS = 12  # Categories that are named on an axis of a figure's height.


@dataclass(frozen=True)
class Scale:
    """The places of values from 0 to 1, None where a run has none, and the places that are named.

    A category is its number; a value above 0 may be its logarithm: `low` and `high` are the ends before that.
    """

    places: Sequence[float | None]
    ticks: Sequence[tuple[float, str]]
    low: float
    high: float
    logarithmic: bool


def scale_of(values: Values) -> Scale:
    if not values.numeric:
        return _of_categories(values)
    logarithmic = values.logarithmic
    numbers = [math.log10(number) if logarithmic else number for number in values.numbers]
    present = [number for number in numbers if not math.isnan(number)]
    low, high = (min(present), max(present)) if present else (0.0, 1.0)
    # Halves, as the ends may be as far apart as floats reach.
    span = high / 2 - low / 2

    def place(number: float) -> float:
        return (number / 2 - low / 2) / span if span else 0.5

    places = [None if math.isnan(number) else place(number) for number in numbers]
    ticks = [(place(tick), short(10**tick if logarithmic else tick)) for tick in _ticks(low, high, logarithmic)]
    ends = (10**low, 10**high) if logarithmic else (low, high)
    return Scale(places, ticks, *ends, logarithmic)


def _of_categories(values: Values) -> Scale:
    names = values.categories
    last = max(1, len(names) - 1)
    place = {name: index / last if len(names) > 1 else 0.5 for index, name in enumerate(names)}
    every = math.ceil(len(names) / MOST_TICKS)
    ticks = [(place[name], plain_text(cut(name, 24))) for name in names[::every]]
    return Scale([None if text is None else place[text] for text in values.texts], ticks, 0, last, False)


def _ticks(low: float, high: float, logarithmic: bool) -> list[float]:
    """The ends, and round numbers between them that do not touch the ends."""
    if low == high:
        return [low]
    rough = high / 4 - low / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next((unit * size for size in (1, 2, 5, 10) if unit * size >= rough), rough)
    if logarithmic:
        step = max(1.0, math.ceil(rough))
    first = math.ceil(low / step)
    between = [(first + place) * step for place in range(6)]
    margin = (high / 10 - low / 10) * 0.9
    return [low, *(tick for tick in between if low + margin < tick < high - margin), high]


def plain_text(text: str) -> str:
    """A text that somebody wrote, for a figure: Plotly reads some of HTML's tags, and the style that it sets for them is
    against the policy of our pages."""
    return html.escape(text, quote=False).replace("\n", " ")


def cut(text: str, most: int) -> str:
    """A text by its beginning and its end, which tells keys apart."""
    if len(text) <= most:
        return text
    end = most // 2
    return f"{text[: most - end - 1]}…{text[-end:]}"
