"""Points and names as lines of CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import numbers, times

_AT_ONCE = 50_000  # Lines that are text at a time.


def of_cells(*texts: str) -> str:
    """Cells of text, quoted where they have to be. A sheet would take what begins like a formula for one."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(["'" * text.startswith(("=", "+", "-", "@")) + text for text in texts])
    return line.getvalue()


def of_points(
    begin: str, steps: NDArray[np.int64], values: NDArray[np.float64], moments: NDArray[np.int64]
) -> Iterator[bytes]:
    """A line of step, value and time for each point, after `begin`; values as the shortest digits that read back to the same
    float64."""
    for start in range(0, len(steps), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        columns: list[Any] = [
            steps[part].tolist(),
            [numbers.to_json(value) for value in values[part].tolist()],
            np.datetime_as_string(times.array_to_json(moments[part])).tolist(),
        ]
        yield "".join([f"{begin}{step},{value},{time}\n" for step, value, time in zip(*columns, strict=True)]).encode()
