"""Which words may become names. What people write is stored to the letter, or refused with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ..errors import Invalid
from ..wire import numbers
from ..wire.text import is_blank, name_of, not_text, unprintable, unprintable_in_prose

# The only source of these limits: the API's schemas and the pages' forms take them from here.
LONGEST_NAME = 200
LONGEST_PROSE = 65536
LONGEST_METRIC = 250
LONGEST_TAG = 100
MOST_TAGS = 100
LONGEST_KEY_NAME = 100
LONGEST_EMAIL = 254
LONGEST_USERNAME = 64
LARGEST_CONFIG = 1024 * 1024


def check_name(field: str, name: str, longest: int = LONGEST_NAME) -> None:
    if len(name) > longest or is_blank(name):
        raise Invalid.field(field, f"{field} must have 1 to {longest} characters that are not all blank", "length")
    character = unprintable(name)
    if character is not None:
        raise Invalid.field(field, f"{field} has a character that cannot be printed: {name_of(character)}", "printable")


def check_prose(field: str, prose: str) -> None:
    if len(prose) > LONGEST_PROSE:
        raise Invalid.field(field, f"{field} must have at most {LONGEST_PROSE} characters", "length")
    character = unprintable_in_prose(prose)
    if character is not None:
        raise Invalid.field(field, f"{field} has a character that is not text: {name_of(character)}", "printable")


def check_metric(name: str) -> None:
    """A metric's name: printable, 1 to 250 characters that are not all blank; `/` groups charts."""
    if not 1 <= len(name) <= LONGEST_METRIC:
        raise Invalid.field("name", f"a metric's name must have 1 to {LONGEST_METRIC} characters", "length")
    if name.isascii() and name.isprintable() and name[0] != " ":
        return  # Nearly all names.
    if is_blank(name):
        raise Invalid.field("name", "a metric's name must not be all blank", "length")
    character = unprintable(name)
    if character is not None:
        raise Invalid.field(
            "name", f"a metric's name has a character that cannot be printed: {name_of(character)}", "printable"
        )


def check_tags(tags: Sequence[str]) -> None:
    if len(tags) > MOST_TAGS:
        raise Invalid.field("tags", f"tags must be at most {MOST_TAGS}", "length")
    for index, tag in enumerate(tags):
        check_name(f"tags.{index}", tag, LONGEST_TAG)


def check_config(config: dict[str, Any]) -> dict[str, Any]:
    """A config as it is stored: any JSON object up to 1 MiB; NaN and infinities become the words for them."""
    return check_json("config", config)


def check_json(field: str, document: dict[str, Any]) -> dict[str, Any]:
    """A JSON object as it is stored, see `check_config`. Raises Invalid, which names the field."""
    storable = _storable(field, document)
    try:
        size = len(orjson.dumps(storable))
    except (TypeError, orjson.JSONEncodeError, RecursionError):
        raise Invalid.field(field, f"{field} must be a JSON object of ordinary text and numbers") from None
    if size > LARGEST_CONFIG:
        raise Invalid.field(field, f"{field} must be at most {LARGEST_CONFIG} bytes of JSON", "length")
    return storable


def _storable(field: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {_checked_text(field, key): _storable(field, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(field, item) for item in value]
    if isinstance(value, str):
        return _checked_text(field, value)
    if isinstance(value, float):
        return numbers.to_json(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise Invalid.field(field, f"{field} has a whole number of more than 64 bits")
    return value


def _checked_text(field: str, text: str) -> str:
    character = not_text(text)
    if character is not None:
        raise Invalid.field(field, f"{field} has a character that is not text: {name_of(character)}", "printable")
    return text
