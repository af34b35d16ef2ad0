"""What single fields may be, and how they read in the document. Names that begin with `_` turn what is sent into it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue, ValidationInfo, WithJsonSchema

INT64 = 2**63


def _time(value: Any) -> datetime:
    """ISO 8601 with or without an offset, kept in UTC. Raises ValueError."""
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("must be a time such as 2023-01-01T00:00:00")
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise ValueError("must be a time such as 2023-01-01T00:00:00") from None
    if not 1970 <= moment.year <= 9000:
        raise ValueError("must be a time between 1970 and 9000")
    return moment


WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _value(value: Any) -> float:
    """A metric's value: any number, or one of the words for what is not finite."""
    if isinstance(value, str) and value in WORDS:
        return WORDS[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number, or one of the strings NaN, Infinity, -Infinity")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _digits(value: Any) -> Any:
    """Query strings are text: only plain digits are a number there."""
    if isinstance(value, str):
        sign = value[1:] if value.startswith("-") else value
        if not (sign.isascii() and sign.isdigit()):
            raise ValueError("must be an integer")
        if len(sign) > 19:
            raise ValueError("must be an integer of at most 64 bits")
        return int(value)
    return value


TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$"
Time = Annotated[
    datetime,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "examples": ["2023-01-01T00:00:00"], "description": "ISO 8601; UTC unless it has an offset"}),
]  # fmt: skip
TimeOut = Annotated[datetime, WithJsonSchema({"type": "string", "pattern": TIME, "examples": ["2023-01-01T00:00:00"]})]
NOT_FINITE = {"type": "string", "enum": list(WORDS)}
VALUE_SCHEMA = {"anyOf": [{"type": "number"}, NOT_FINITE], "examples": [0.5]}
Value = Annotated[float, BeforeValidator(_value), WithJsonSchema(VALUE_SCHEMA)]
ValueOut = Annotated[float | str, WithJsonSchema(VALUE_SCHEMA)]
Step = Annotated[int, Field(ge=-INT64, lt=INT64, strict=True)]
Digits = BeforeValidator(_digits)
Id = Annotated[int, Field(ge=1, lt=INT64)]
Status = Literal["running", "completed", "failed", "killed"]

Config = Annotated[dict[str, JsonValue], Field(examples=[{"learning_rate": 0.001, "batch_size": 32}])]
Tags = Annotated[list[str], Field(max_length=100, examples=[["demo", "test"]])]
# Plain numbers take the fast road; only a row with a word in it is looked at value by value.
Row = Annotated[dict[str, float] | dict[str, Value], Field(union_mode="left_to_right")]
# Lists of plain numbers take the fast road; only one with a word in it is looked at value by value.
Numbers = Annotated[list[float] | list[Value], Field(union_mode="left_to_right")]
# Seconds since 1970; the bound is the year 9000 and keeps microseconds within 64 bits.
LATEST = 221_845_392_000
Seconds = Annotated[float, Field(ge=0, le=LATEST, allow_inf_nan=False)]


def _bound(value: Any) -> Any:
    """A bound of x: whole numbers stay whole, as steps may be larger than floats are exact."""
    if not isinstance(value, str):
        return value
    try:
        return _digits(value)
    except ValueError:
        pass
    try:
        number = float(value) if len(value) <= 40 else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("must be a number")
    return number


Bound = Annotated[
    int | float | None, BeforeValidator(_bound), WithJsonSchema({"type": "number", "minimum": -1e18, "maximum": 1e18})
]


def frame_column(*kinds: str, optional: bool = False) -> BeforeValidator:
    """What a reference leads to in the frame at hand, which is the context of the validation."""

    def read(reference: Any, info: ValidationInfo) -> Any:
        if reference is None and optional:
            return None
        frame: Any = info.context
        return frame.column(reference, "", kinds)

    return BeforeValidator(read)
