"""Which words may become names. What people write is kept to the letter, or refused with the reason."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import orjson

from ..errors import Invalid

LONGEST_NAME = 200
LONGEST_PROSE = 65536
LONGEST_METRIC = 250
LONGEST_TAG = 100
MOST_TAGS = 100
LARGEST_CONFIG = 1024 * 1024

# Letters that turn the reading direction make one name look like another.
DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def unprintable(text: str) -> str | None:
    """The first letter that is no letter: control, surrogate, unassigned, or one that turns the direction."""
    if text.isprintable():
        return None
    for letter in text:
        if letter in DIRECTIONS or (unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}):
            return letter
    return None


def check_name(field: str, name: str, longest: int = LONGEST_NAME) -> None:
    if not name.strip() or len(name) > longest:
        raise Invalid.field(field, f"{field} must have 1 to {longest} characters that are not all blank", "length")
    letter = unprintable(name)
    if letter is not None:
        raise Invalid.field(field, f"{field} has a character that cannot be printed: U+{ord(letter):04X}", "printable")


def check_prose(field: str, prose: str) -> None:
    if len(prose) > LONGEST_PROSE:
        raise Invalid.field(field, f"{field} must have at most {LONGEST_PROSE} characters", "length")
    if "\0" in prose or any("\ud800" <= letter <= "\udfff" for letter in prose):
        raise Invalid.field(field, f"{field} has a character that is not text", "printable")


def check_metric(name: str) -> None:
    """A metric's name: printable, 1 to 250 characters; `/` groups charts."""
    if not 1 <= len(name) <= LONGEST_METRIC:
        raise Invalid.field("name", f"a metric's name must have 1 to {LONGEST_METRIC} characters", "length")
    letter = unprintable(name)
    if letter is not None:
        raise Invalid.field(
            "name", f"a metric's name has a character that cannot be printed: U+{ord(letter):04X}", "printable"
        )


def check_tags(tags: Sequence[str]) -> None:
    if len(tags) > MOST_TAGS:
        raise Invalid.field("tags", f"tags must be at most {MOST_TAGS}", "length")
    for place, tag in enumerate(tags):
        check_name(f"tags.{place}", tag, LONGEST_TAG)


def check_config(config: dict[str, Any]) -> dict[str, Any]:
    """A config as it is stored: any JSON object up to 1 MiB; NaN and infinities become the words for them."""
    clean = _clean(config)
    try:
        size = len(orjson.dumps(clean))
    except (TypeError, orjson.JSONEncodeError, RecursionError):
        raise Invalid.field("config", "config must be a JSON object of ordinary text and numbers") from None
    if size > LARGEST_CONFIG:
        raise Invalid.field("config", f"config must be at most {LARGEST_CONFIG} bytes of JSON", "length")
    return clean


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {_text(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise Invalid.field("config", "config has a whole number of more than 64 bits")
    return value


def _text(value: str) -> str:
    if "\0" in value:
        raise Invalid.field("config", "config has a NUL character", "printable")
    return value
