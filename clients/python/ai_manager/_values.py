"""Turn what people log into float64, int64, names and tags."""

from __future__ import annotations

import math
import operator
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from ai_manager.errors import ConfigurationError

INT64 = 2**63
LONGEST_NAME = 250
LATEST = 221845392000.0  # The year 9000; until then microseconds are sure to fit in 64 bits.
LONGEST_LABEL = 200
LONGEST_TAG = 100
MOST_TAGS = 100
DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
FILLERS = "\u115f\u1160\u2800\u3164\uffa0"  # Letters by their category, but nothing is drawn for them.


_HALF = re.compile("[\ud800-\udfff]")
# Escaped backslashes and whole pairs stay, what is left is a half.
_HALF_IN_JSON = re.compile(r"(\\\\|\\ud[89ab]..\\ud[c-f]..)|\\ud[89a-f]..")


def whole(text: str) -> str:
    """Text that can be written: each half of a surrogate pair, of a file's name or a broken file, becomes U+FFFD."""
    return _HALF.sub("\ufffd", text)


def whole_json(text: str) -> str:
    """The same for JSON that Python wrote, whatever is in it."""
    return _HALF_IN_JSON.sub(lambda found: found[1] or r"\ufffd", text) if "\\ud" in text else text


def number(value: Any) -> float:
    """The float64 of a number of any library: Python, Decimal, numpy, torch, jax, 0-d and one-element arrays.

    NaN and the infinities are numbers. Raises TypeError, ValueError or OverflowError for anything else; text
    is refused even if it reads as a number, because that is nearly always a mistake.
    """
    if isinstance(value, (str, bytes, bytearray)):
        raise TypeError("text is not a number")
    item = getattr(value, "item", None)
    return float(item() if callable(item) else value)


def integer(step: Any) -> int | float:
    """The int64 of a step, also of one that is written as text; a float when it has a fraction.

    Raises TypeError, ValueError or OverflowError for what is no step.
    """
    item = getattr(step, "item", None)
    if callable(item):
        step = item()
    if isinstance(step, str):
        step = float(step) if not step.strip().lstrip("+-").isdecimal() else int(step)
    if isinstance(step, float):
        if not step.is_integer():
            if not math.isfinite(step):
                raise ValueError("a step is a finite number")
            return step
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
    name = whole(name)
    if not 1 <= len(name) <= LONGEST_NAME or not all(map(_shows, name)):
        raise ValueError("a metric's name has 1 to 250 printable characters")
    if is_blank(name):
        raise ValueError("a metric's name is not blank")
    return str(name)


def label(text: Any, longest: int = LONGEST_LABEL) -> str:
    """A name or tag as the server takes it: what cannot be printed becomes a blank, what is too long is cut."""
    shown = "".join(letter if _shows(letter) else " " for letter in whole(str(text)))
    shown = shown.strip()[:longest].rstrip()
    return "" if is_blank(shown) else shown


def is_blank(text: str) -> bool:
    """Whether nothing can be seen of it: spaces of any kind, format characters, fillers."""
    return all(letter.isspace() or letter in FILLERS or unicodedata.category(letter) == "Cf" for letter in text)


def clean_tags(tags: Iterable[Any]) -> list[str]:
    """Tags as the server takes them."""
    if isinstance(tags, str):
        raise ConfigurationError("tags is a list of words, not one word")
    words = [word for word in (label(tag, LONGEST_TAG) for tag in tags or ()) if word]
    return [*dict.fromkeys(words)][:MOST_TAGS]


def _shows(letter: str) -> bool:
    """Whether the server takes a letter in names: no control, no surrogate, none that turns the direction."""
    if letter.isprintable():
        return True
    return unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp") and letter not in DIRECTIONS


def iso(when: float) -> str:
    """Seconds since 1970 as the API writes times: ISO 8601 in UTC, without a suffix."""
    return datetime.fromtimestamp(when, timezone.utc).replace(tzinfo=None).isoformat()
