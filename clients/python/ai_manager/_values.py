"""Turn what people log into float64, int64 and JSON."""

from __future__ import annotations

import argparse
import dataclasses
import enum
import math
import operator
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

INT64 = 2**63
LONGEST_NAME = 250
LATEST = 221845392000.0  # The year 9000; until then microseconds are sure to fit in 64 bits.
LONGEST_LABEL = 200
LONGEST_TAG = 100
MOST_TAGS = 100
DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
LONGEST_TEXT = 10_000  # Characters kept of an object that has only its str().
LARGEST_ARRAY = 1_000  # Elements of an array that still reads as a setting and not as data.


def number(value: Any) -> float:
    """The float64 of a number of any library: Python, Decimal, numpy, torch, jax, 0-d and one-element arrays.

    NaN and the infinities are numbers. Raises TypeError, ValueError or OverflowError for anything else; text
    is refused even if it reads as a number, because that is nearly always a mistake.
    """
    if isinstance(value, (str, bytes, bytearray)):
        raise TypeError("text is not a number")
    item = getattr(value, "item", None)
    return float(item() if callable(item) else value)


def integer(step: Any) -> int:
    """The int64 of a step; a float is taken when it is whole."""
    item = getattr(step, "item", None)
    if callable(item):
        step = item()
    if isinstance(step, float) and step.is_integer():
        step = int(step)
    as_int = operator.index(step)
    if not -INT64 <= as_int < INT64:
        raise OverflowError("a step is a 64-bit integer")
    return as_int


def seconds(timestamp: Any) -> float:
    """Seconds since 1970 of a number or a datetime; one without a zone is local time."""
    value = timestamp.timestamp() if isinstance(timestamp, datetime) else number(timestamp)
    if not 0 <= value < LATEST:
        raise ValueError("a timestamp is in seconds since 1970")
    return value


def metric_name(name: Any) -> str:
    """The name as a plain string, or ValueError when the server would not take it."""
    if not isinstance(name, str):
        raise TypeError("a metric's name is a string")
    if not 1 <= len(name) <= LONGEST_NAME or not all(map(_shows, name)):
        raise ValueError("a metric's name has 1 to 250 printable characters")
    return str(name)


def label(text: Any, longest: int = LONGEST_LABEL) -> str:
    """A name or tag as the server takes it: what cannot be printed becomes a blank, what is too long is cut."""
    shown = "".join(letter if _shows(letter) else " " for letter in str(text))
    return shown.strip()[:longest].rstrip()


def _shows(letter: str) -> bool:
    """Whether the server takes a letter in names: no control, no surrogate, none that turns the direction."""
    if letter.isprintable():
        return True
    return unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp") and letter not in DIRECTIONS


def iso(when: float) -> str:
    """Seconds since 1970 as the API writes times: ISO 8601 in UTC, without a suffix."""
    return datetime.fromtimestamp(when, timezone.utc).replace(tzinfo=None).isoformat()


def jsonable(value: Any, within: tuple[int, ...] = ()) -> Any:
    """The nearest thing to `value` that strict JSON can hold; never raises.

    Mappings, sequences, sets, dataclasses, argparse namespaces, enums, numpy scalars and small arrays keep
    their shape; NaN and infinities become words; whatever is left becomes its str().
    """
    try:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, enum.Enum):
            return jsonable(value.value, within)
        if isinstance(value, str):
            return str(value).encode("utf-8", "replace").decode("utf-8")
        if isinstance(value, int):
            return int(value) if -INT64 <= value < INT64 else str(value)
        if isinstance(value, float):
            return _finite(float(value))
        if id(value) in within or len(within) > 20:
            return "..."
        return _composed(value, (*within, id(value)))
    except Exception:
        return f"<{type(value).__name__}>"


def _composed(value: Any, within: tuple[int, ...]) -> Any:
    """As `jsonable`, for what has parts or only a str()."""
    if isinstance(value, argparse.Namespace):
        value = vars(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(jsonable(str(key))): jsonable(part, within) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(part, within) for part in value]
    to_list = getattr(value, "tolist", None)
    if callable(to_list) and _elements(value) <= LARGEST_ARRAY:
        return jsonable(to_list(), within)
    return jsonable(str(value)[:LONGEST_TEXT])


def _elements(array: Any) -> int:
    """How many elements an array has: numpy and jax know a `size`, torch a method `numel`."""
    return int(array.numel() if hasattr(array, "numel") else array.size)


def _finite(value: float) -> Any:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
