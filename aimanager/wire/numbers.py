"""Numbers as strict JSON has them: what is not finite travels as one of three words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def to_word(value: float) -> str:
    """The word for NaN or an infinity."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def to_json(value: float) -> float | str:
    """The number itself, or the word for it."""
    return value if math.isfinite(value) else to_word(value)


def array_to_json(values: NDArray[np.float64]) -> Any:
    """An array that orjson writes, or a list where some values are words."""
    if np.isfinite(values).all():
        return np.ascontiguousarray(values)
    return [to_json(value) for value in values.tolist()]


def from_json(value: Any) -> float:
    """A float64 from a number, a boolean or a word; numbers too large for one are infinite. Raises ValueError."""
    if isinstance(value, str) and value in NOT_FINITE:
        return NOT_FINITE[value]
    if not isinstance(value, int | float):
        raise ValueError("must be a number, or one of the strings NaN, Infinity, -Infinity")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def step_from_json(value: Any) -> int:
    """A step from a whole number, also one that is written `3.0`. Raises ValueError."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be an integer")
    return value
