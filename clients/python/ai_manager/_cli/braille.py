"""Curves as text: each letter of Braille has two columns of four dots."""

from __future__ import annotations

import math
from collections.abc import Sequence

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # By column and row of a letter.
BLANK = 0x2800


def curve(
    x: Sequence[float], low: Sequence[float], high: Sequence[float], last: Sequence[float], width: int, height: int
) -> tuple[list[str], float, float]:
    """Lines of `width` letters, `height` of them, and the values at the bottom and at the top.

    Each bucket is drawn from its low to its high value, and joined to the one before. Buckets without a finite value are gaps.
    """
    finite = [value for values in (low, high) for value in values if math.isfinite(value)]
    if not finite:
        return [" " * width] * height, math.nan, math.nan
    bottom, top = min(finite), max(finite)
    if top / 2 == bottom / 2:
        margin = abs(top) / 2 or 1.0
        bottom, top = bottom - margin, top + margin
    rows, columns = 4 * height, 2 * width
    first, span = x[0], (x[-1] - x[0]) or 1.0
    cells = [[BLANK] * width for _ in range(height)]

    def row_of(value: float) -> int:
        share = value / 2 - bottom / 2, top / 2 - bottom / 2  # Halved, so that huge values do not overflow.
        return round((rows - 1) * (1 - share[0] / share[1]))

    before: tuple[int, int] | None = None
    for place, smallest, largest, end in zip(x, low, high, last):
        if not (math.isfinite(smallest) and math.isfinite(largest)):
            before = None
            continue
        column = round((columns - 1) * (place - first) / span)
        here = row_of(end) if math.isfinite(end) else row_of(largest)
        _dots(cells, column, row_of(largest), row_of(smallest))
        if before is not None:
            _line(cells, before, (column, here))
        before = column, here
    return ["".join(map(chr, line)) for line in cells], bottom, top


def _dots(cells: list[list[int]], column: int, first: int, last: int) -> None:
    for row in range(min(first, last), max(first, last) + 1):
        cells[row // 4][column // 2] |= DOTS[column % 2][row % 4]


def _line(cells: list[list[int]], start: tuple[int, int], end: tuple[int, int]) -> None:
    """A dot or more in every column from one place to another."""
    (left, start_row), (right, end_row) = start, end
    if right <= left:
        return
    row = start_row
    for column in range(left + 1, right + 1):
        target = round(start_row + (end_row - start_row) * (column - left) / (right - left))
        _dots(cells, column, row + (target > row) - (target < row), target)
        row = target
