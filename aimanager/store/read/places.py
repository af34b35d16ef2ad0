"""Where the lines of many runs are looked at: at their steps where these are one grid, else at places between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...db.arrays import ascending
from ..shapes import Ints
from .nodes import shares

PLACES = 4096  # Of interpolated lines, and of a thinned run's points: more than a screen has pixels.
_MOST_SORTED = 2_000_000  # Different steps that are sorted to see whether they are one grid.


def within(x: Ints, low: int, high: int) -> slice:
    """Where low <= x <= high."""
    start = int(np.searchsorted(x, low, "left"))
    return slice(start, max(start, int(np.searchsorted(x, high, "right"))))


def around(x: Ints, low: int, high: int) -> slice:
    """The same with the place before and the one after, between which and these a line is interpolated."""
    inside = within(x, low, high)
    stop = inside.stop
    if stop < len(x):
        stop = int(np.searchsorted(x, x[stop], "right"))
    return slice(max(0, inside.start - 1), stop)


def parts(courses: Mapping[int, Ints], low: int, high: int) -> tuple[dict[int, Ints], dict[int, slice]]:
    """What of each run is around a window, and where it is. Runs that share their x share what is left of it."""
    seen: dict[int, tuple[Ints, slice]] = {}
    for x in courses.values():
        if id(x) not in seen:
            part = around(x, low, high)
            seen[id(x)] = x[part], part
    return {run: seen[id(x)][0] for run, x in courses.items()}, {run: seen[id(x)][1] for run, x in courses.items()}


def without_repeats(courses: Mapping[int, Ints]) -> tuple[list[Ints], dict[int, Ints | None]]:
    """The different columns of x without what repeats in them, and of each run which points are left, None for all."""
    seen: dict[int, tuple[Ints, Ints | None]] = {}
    for x in courses.values():
        if id(x) not in seen:
            ends = ends_of(x)
            seen[id(x)] = x if ends is None else x[ends], ends
    return [x for x, _ in seen.values()], {run: seen[id(x)][1] for run, x in courses.items()}


def ends_of(x: Ints) -> Ints | None:
    """The last of each group of equal ones; None where all differ."""
    differs = x[1:] > x[:-1]
    return None if differs.all() else np.flatnonzero(np.append(differs, True))


def grid_of(columns: Sequence[Ints]) -> Ints | None:
    """The steps of all runs together if each has all those between its first and its last, else None."""
    longest = max(columns, key=len)
    if all(_is_part(x, longest) for x in columns):
        return longest
    if sum(map(len, columns)) > _MOST_SORTED:
        return None
    together = ascending(np.concatenate(columns))
    return together if all(_is_part(x, together) for x in columns) else None


def _is_part(x: Ints, grid: Ints) -> bool:
    if x is grid:
        return True
    at = int(np.searchsorted(grid, x[0]))
    return np.array_equal(x, grid[at : at + len(x)])


def even_places(columns: Sequence[Ints], low: int, high: int) -> Ints:
    """Where interpolated lines are looked at: the points of all runs, or evenly spaced where these are very many."""
    first = max(low, min(int(x[0]) for x in columns))
    last = min(high, max(int(x[-1]) for x in columns))
    if first > last:
        return np.empty(0, np.int64)
    inside = [x[within(x, low, high)] for x in columns]
    if sum(map(len, inside)) <= _MOST_SORTED:
        # A zoom's edges too, so that lines go on to them.
        places = ascending(np.concatenate([*inside, np.array([first, last])]))
        if len(places) <= PLACES:
            return places
    return ascending(np.append(shares(first, last, PLACES - 1), last))
