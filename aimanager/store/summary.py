"""Exact summaries that are kept while points arrive: what a request adds, and what a series has come to.

A sum is a pair of floats, high + low, good for about 100 bits. Where a sum might not fit into a float,
2**-64 of it is kept instead (`scaled`); nothing is lost by that, for what falls off the lower end is far
below the precision of a sum so large. Requests are tallied by the thread that brings them; only the adding
of tallies happens while others wait.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import copysign, frexp, fsum, isfinite, isnan, ldexp
from typing import Any, NamedTuple

import numpy as np

from .chunks import checksum
from .shapes import Floats, Summary
from .tables import LAST_IS_NEGATIVE_ZERO, SUM_IS_SCALED

SCALE = 2.0**-64
_LARGE = 2.0**960  # Sums stay far enough below the largest float that no step on the way overflows.
_NUMBERS = ("n", "n_bad", "last_id", "last_step", "last_ts", "last", "vmin", "vmax", "vsum", "vsum_low", "flags")
_FORM = struct.Struct("<5q5dq")
_FEW = 48  # Below this plain Python is quicker than numpy.


class BatchSummary(NamedTuple):
    """What one request brings to a series; `vmin` and `vmax` are over finite values."""

    n: int
    n_bad: int
    vmin: float | None
    vmax: float | None
    high: float
    low: float
    scaled: bool


def tally(values: Floats) -> BatchSummary:
    """Count, bound and add up the values of one column."""
    n = len(values)
    if n == 1:
        value = float(values[0])
        if not isfinite(value):
            return BatchSummary(1, 1, None, None, 0.0, 0.0, False)
        scaled = abs(value) >= _LARGE
        return BatchSummary(1, 0, value + 0.0, value + 0.0, value * SCALE if scaled else value, 0.0, scaled)
    is_finite = np.isfinite(values)
    finite = values if is_finite.all() else values[is_finite]
    if not finite.size:
        return BatchSummary(n, n, None, None, 0.0, 0.0, False)
    vmin, vmax = float(finite.min()) + 0.0, float(finite.max()) + 0.0
    peak = max(-vmin, vmax)
    scaled = peak >= _LARGE / n
    if scaled:
        finite, peak = finite * SCALE, peak * SCALE
    parts = finite.tolist() if n < _FEW else _slices(finite, peak)
    high = fsum(parts)
    return BatchSummary(n, n - finite.size, vmin, vmax, high, fsum([*parts, -high]), scaled)


def _slices(values: Floats, peak: float) -> list[float]:
    """A few floats that add up to the sum of the values.

    Adding and taking away a power of two rounds each value to a multiple so coarse that all these add up
    without a rounding error; what was cut off is treated again, and after three rounds is too small to
    matter.
    """
    sums = []
    for _ in range(3):
        unit = ldexp(1.0, frexp(peak)[1] + len(values).bit_length() + 1)
        coarse = (values + unit) - unit
        sums.append(float(coarse.sum()))
        values, peak = values - coarse, unit * 2.0**-53
    return [*sums, float(values.sum())]


def mean_of(n: int, total: float, scaled: bool, vmin: float | None, vmax: float | None) -> float | None:
    """The mean of n finite values out of their sum; None where there is none."""
    if vmin is None or vmax is None:
        return None
    mean = total / n
    # Rounding must not carry a mean out of the range of its values.
    return min(max(mean / SCALE if scaled else mean, vmin), vmax)


def checksum_of(row: Any) -> int:
    """What a row of metric_series must have as its checksum."""
    return checksum.of_numbers(_FORM, (getattr(row, name) for name in _NUMBERS))


@dataclass(slots=True)
class RunningSummary:
    """What a series has come to so far."""

    n: int = 0
    n_bad: int = 0
    last: float = 0.0
    last_step: int = 0
    last_time: int = 0
    last_id: int = 0
    vmin: float | None = None
    vmax: float | None = None
    high: float = 0.0
    low: float = 0.0
    scaled: bool = False

    def add(self, batch: BatchSummary, last: float, step: int, time: int, point_id: int) -> None:
        """Take in a request's tally, and its point with the greatest step, the latest among equals; ids only grow."""
        if not self.n or step >= self.last_step:
            self.last, self.last_step, self.last_time, self.last_id = last, step, time, point_id
        self.n += batch.n
        self.n_bad += batch.n_bad
        if batch.vmin is None or batch.vmax is None:
            return
        self.vmin = batch.vmin if self.vmin is None else min(self.vmin, batch.vmin)
        self.vmax = batch.vmax if self.vmax is None else max(self.vmax, batch.vmax)
        self._add_sum(batch.high, batch.low, batch.scaled)

    def _add_sum(self, high: float, low: float, scaled: bool) -> None:
        if scaled and not self.scaled:
            self._scale()
        elif self.scaled and not scaled:
            high, low = high * SCALE, low * SCALE
        total = self.high + high
        part = total - self.high
        low += self.low + ((self.high - (total - part)) + (high - part))  # What the addition has rounded away.
        self.high = total + low
        self.low = low - (self.high - total)
        if not self.scaled and abs(self.high) >= _LARGE:
            self._scale()

    def _scale(self) -> None:
        self.high, self.low, self.scaled = self.high * SCALE, self.low * SCALE, True

    @property
    def mean(self) -> float | None:
        return mean_of(self.n - self.n_bad, self.high, self.scaled, self.vmin, self.vmax)

    def summary(self, name: str) -> Summary:
        return Summary(
            name=name,
            count=self.n,
            bad=self.n_bad,
            last=self.last,
            last_step=self.last_step,
            last_time=self.last_time,
            last_id=self.last_id,
            min=self.vmin,
            max=self.vmax,
            mean=self.mean,
        )

    def row(self) -> dict[str, Any]:
        """As columns of metric_series."""
        negative_zero = self.last == 0.0 and copysign(1.0, self.last) < 0
        row: dict[str, Any] = {
            "n": self.n,
            "n_bad": self.n_bad,
            "last_id": self.last_id,
            "last_step": self.last_step,
            "last_ts": self.last_time,
            "last": None if isnan(self.last) else self.last,
            "vmin": self.vmin,
            "vmax": self.vmax,
            "vsum": self.high,
            "vsum_low": self.low,
            "flags": LAST_IS_NEGATIVE_ZERO * negative_zero | SUM_IS_SCALED * self.scaled,
        }
        return row | {"vmean": self.mean, "crc": checksum.of_numbers(_FORM, row.values())}

    @classmethod
    def of(cls, row: Any) -> RunningSummary:
        """From a row of metric_series."""
        last = float("nan") if row.last is None else row.last
        return cls(
            n=row.n,
            n_bad=row.n_bad,
            last=-0.0 if row.flags & LAST_IS_NEGATIVE_ZERO else last,
            last_step=row.last_step,
            last_time=row.last_ts,
            last_id=row.last_id,
            vmin=row.vmin,
            vmax=row.vmax,
            high=row.vsum,
            low=row.vsum_low,
            scaled=bool(row.flags & SUM_IS_SCALED),
        )
