"""What the lines of many runs come to, place by place: mean, deviation and range."""

from __future__ import annotations

import numpy as np

from ..shapes import Floats, Ints

_PIECE = 16_384  # Places that a line is added to at a time.


class Spread:
    """What lines come to place by place, by Welford's method, which loses nothing where values are far from 0."""

    def __init__(self, places: int) -> None:
        self._of_all = 0  # Lines that have a value everywhere are counted once.
        self._counts: Floats | None = None
        self.mean = np.zeros(places)
        self.squares = np.zeros(places)
        self._buffers = np.empty((2, min(places, _PIECE)))
        self.low = np.full(places, np.inf)
        self.high = np.full(places, -np.inf)

    @property
    def count(self) -> Floats:
        counts = np.zeros(len(self.mean)) if self._counts is None else self._counts
        return counts + self._of_all

    def add(self, at: slice, values: Floats, low: Floats, high: Floats, gaps: bool) -> None:
        """A run's values at some of the places and the range of what they stand for; with gaps they may be NaN."""
        if gaps and not (has_value := ~np.isnan(values)).all():
            self._add_some(at.start + np.flatnonzero(has_value), values[has_value])
            self.low[at] = np.fmin(self.low[at], low)
            self.high[at] = np.fmax(self.high[at], high)
            return
        if at.stop - at.start == len(self.mean):
            self._of_all += 1
        else:
            self._count(at)
        # Piece by piece, each of which stays in the processor's nearer cache from one line to the next.
        for start in range(at.start, at.stop, _PIECE):
            piece = slice(start, min(start + _PIECE, at.stop))
            of_line = slice(piece.start - at.start, piece.stop - at.start)
            counts = self._of_all if self._counts is None else self._counts[piece] + self._of_all
            delta, part = self._buffers[:, : piece.stop - piece.start]
            np.subtract(values[of_line], self.mean[piece], out=delta)
            np.multiply(delta, 1 / counts, out=part)
            self.mean[piece] += part
            np.multiply(delta, part, out=part)
            part *= counts - 1
            self.squares[piece] += part
            np.minimum(self.low[piece], low[of_line], out=self.low[piece])
            np.maximum(self.high[piece], high[of_line], out=self.high[piece])

    def _add_some(self, where: Ints, values: Floats) -> None:
        counts = self._count(where)[where] + self._of_all
        delta = values - self.mean[where]
        self.mean[where] += delta / counts
        self.squares[where] += delta * (values - self.mean[where])

    def _count(self, where: slice | Ints) -> Floats:
        if self._counts is None:
            self._counts = np.zeros(len(self.mean))
        self._counts[where] += 1
        return self._counts


class Range:
    """The lowest and the highest point of each column, of lines that are not looked at point by point."""

    def __init__(self, ends: Ints) -> None:
        self._ends = ends
        self.low = np.full(len(ends), np.nan)
        self.high = np.full(len(ends), np.nan)

    def add(self, x: Ints, low: Floats, high: Floats) -> None:
        if not len(x):
            return
        after = np.searchsorted(x, self._ends, "right")
        starts = np.append(0, after[:-1])
        filled = after > starts
        self.low[filled] = np.fmin(self.low[filled], np.fmin.reduceat(low, starts[filled]))
        self.high[filled] = np.fmax(self.high[filled], np.fmax.reduceat(high, starts[filled]))
