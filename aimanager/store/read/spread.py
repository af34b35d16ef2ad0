"""What the lines of many runs come to: mean and deviation place by place, and the range of each column."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..shapes import Floats, Ints

Starts = tuple[slice | Ints, Ints]
_PIECE = 16_384  # Places that a line is added to at a time.


class Spread:
    """Mean and squared deviations of lines, place by place.

    Sums are of what values differ from the first one at their place. Where that lies far from the others it makes the
    deviation as large, so of n values no more than a factor of n is lost of a float's precision, however far all are from 0.
    """

    def __init__(self, places: int) -> None:
        self._of_all = 0  # Lines that have a value everywhere are counted once.
        self._counts: Floats | None = None
        self._first = np.full(places, np.nan)
        self._missing = places > 0  # Whether any of them may be.
        self._sums = np.zeros(places)
        self._squares = np.zeros(places)

    @property
    def count(self) -> Floats:
        counts = np.zeros(len(self._sums)) if self._counts is None else self._counts
        return counts + self._of_all

    def moments(self) -> tuple[Floats, Floats]:
        """The mean at each place, 0 where no line has a value, and the sum of the squares of what differs from it."""
        with np.errstate(invalid="ignore"):
            share = self._sums / np.maximum(self.count, 1)
            squares = self._squares - self._sums * share
        return np.where(np.isnan(self._first), 0.0, self._first + share), np.maximum(squares, 0.0)

    def add(self, at: slice, values: NDArray[Any], gaps: bool) -> None:
        """A run's values, float64 or float32, at some of the places; with gaps they may be NaN."""
        if self._missing:
            first = self._first[at]
            np.copyto(first, values, where=np.isnan(first))
            self._missing = bool(np.isnan(self._first).any())
        if gaps and not (has_value := ~np.isnan(values)).all():
            self._add_some(at.start + np.flatnonzero(has_value), values[has_value])
            return
        if at.stop - at.start == len(self._sums):
            self._of_all += 1
        else:
            self._count(at)
        # Piece by piece, each of which stays in the processor's nearer cache from one line to the next.
        for start in range(0, len(values), _PIECE):
            differing = values[start : start + _PIECE].astype(np.float64)
            piece = slice(at.start + start, at.start + start + len(differing))
            differing -= self._first[piece]
            self._sums[piece] += differing
            differing *= differing
            self._squares[piece] += differing

    def join(self, other: Spread) -> None:
        """Add what other lines came to at the same places."""
        np.copyto(self._first, other._first, where=np.isnan(self._first))
        apart = other._first - self._first
        apart[np.isnan(apart)] = 0.0
        shifted = other.count * apart
        self._sums += other._sums + shifted
        self._squares += other._squares + apart * (2 * other._sums + shifted)
        self._of_all += other._of_all
        if other._counts is not None:
            self._counts = other._counts if self._counts is None else self._counts + other._counts

    def _add_some(self, where: Ints, values: NDArray[Any]) -> None:
        self._count(where)
        differing = values - self._first[where]
        self._sums[where] += differing
        self._squares[where] += differing * differing

    def _count(self, where: slice | Ints) -> None:
        if self._counts is None:
            self._counts = np.zeros(len(self._sums))
        self._counts[where] += 1


class Range:
    """The lowest and the highest value of each column, NaN without one; `ends` are the columns' last places."""

    def __init__(self, ends: Ints) -> None:
        self._ends = ends
        self.low = np.full(len(ends), np.nan)
        self.high = np.full(len(ends), np.nan)

    def starts(self, x: Ints) -> Starts:
        """Which columns the points of a line are in, and where they begin."""
        after = np.searchsorted(x, self._ends, "right")
        starts = np.append(0, after[:-1])
        filled = np.flatnonzero(after > starts)
        return (slice(None), starts) if len(filled) == len(starts) else (filled, starts[filled])

    def add(self, starts: Starts, low: NDArray[Any], high: NDArray[Any]) -> None:
        columns, first = starts
        if len(first):
            self.low[columns] = np.fmin(self.low[columns], np.fmin.reduceat(low, first))
            self.high[columns] = np.fmax(self.high[columns], np.fmax.reduceat(high, first))

    def join(self, other: Range) -> None:
        self.low, self.high = np.fmin(self.low, other.low), np.fmax(self.high, other.high)
