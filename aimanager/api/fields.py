"""What single fields may be, and how they read in the document. Functions that begin with `_` parse what was sent."""

from __future__ import annotations

import math
from datetime import datetime
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    WithJsonSchema,
)

from ..services import validation
from ..wire import numbers, text, times

INT64 = 2**63


# Text: each `str` of an `Input` has one of these rules.


def _line(line: str) -> str:
    if line.isprintable():  # The client of each batch of points comes by here.
        return line
    character = text.unprintable(line)
    if character is not None:
        raise ValueError(f"has a character that cannot be printed: {text.name_of(character)}")
    return line


def _name(line: str) -> str:
    if line and text.is_blank(line):
        raise ValueError("must not be all blank")
    return _line(line)


def _prose(prose: str) -> str:
    character = text.unprintable_in_prose(prose)
    if character is not None:
        raise ValueError(f"has a character that is not text: {text.name_of(character)}")
    return prose


def _plain(plain: str) -> str:
    character = text.not_text(plain)
    if character is not None:
        raise ValueError(f"has a character that is not text: {text.name_of(character)}")
    return plain


def _any(text: str) -> str:
    return text


TEXT_RULES = (_line, _name, _prose, _plain, _any)
# They stand behind the bounds of the length, whose messages are about characters then.
LINE = AfterValidator(_line)  # Printable: a word for machines.
NAME = AfterValidator(_name)  # Printable, and something can be seen of it.
PROSE = AfterValidator(_prose)  # May have line breaks and tabs.
ANY = AfterValidator(_any)  # What a program wrote, which may be anything.
PLAIN = AfterValidator(_plain)  # Anything that can be encoded: a password.


class Input(BaseModel):
    """What is sent to us: types are strict, unknown fields are refused, and each text has a rule."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a model with a text that has no rule when it is defined, so that none is forgotten."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if _has_bare_text(field.annotation, field.metadata):
                raise TypeError(f"{cls.__name__}.{name} needs a rule for its text: LINE, NAME, PROSE or PLAIN")


def _has_bare_text(annotation: Any, metadata: Any = ()) -> bool:
    if annotation is str:
        return not any(isinstance(one, AfterValidator) and one.func in TEXT_RULES for one in metadata)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _has_bare_text(arguments[0], arguments[1:])
    if origin is dict:  # The names of metrics and configs are checked by the services.
        return _has_bare_text(arguments[1])
    return origin in (list, Union, UnionType) and any(_has_bare_text(argument) for argument in arguments)


# Numbers and times


def _digits(value: Any) -> Any:
    """Query strings are text: only plain digits are a number there."""
    if isinstance(value, str):
        digits = value[1:] if value.startswith("-") else value
        if not (digits.isascii() and digits.isdigit()):
            raise ValueError("must be an integer")
        if len(digits) > 19:
            raise ValueError("must be an integer of at most 64 bits")
        return int(value)
    return value


TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$"
Time = Annotated[
    datetime,
    BeforeValidator(times.parse),
    WithJsonSchema({"type": "string", "examples": ["2023-01-01T00:00:00"], "description": "ISO 8601; UTC unless it has an offset"}),
]  # fmt: skip
TimeOut = Annotated[datetime, WithJsonSchema({"type": "string", "pattern": TIME, "examples": ["2023-01-01T00:00:00"]})]
NOT_FINITE = {"type": "string", "enum": list(numbers.NOT_FINITE)}
VALUE_SCHEMA = {"anyOf": [{"type": "number"}, NOT_FINITE], "examples": [0.5]}
VALUE_IN_SCHEMA = {"anyOf": [{"type": "number"}, {"type": "boolean"}, NOT_FINITE], "examples": [0.5]}
Value = Annotated[float, BeforeValidator(numbers.from_json), WithJsonSchema(VALUE_IN_SCHEMA)]
ValueOut = Annotated[float | str, WithJsonSchema(VALUE_SCHEMA)]
StrictStep = Annotated[int, Field(ge=-INT64, lt=INT64, strict=True)]
# A whole number; scripts in R and JavaScript may write it `3.0`.
Step = Annotated[int, BeforeValidator(numbers.step_from_json), Field(ge=-INT64, lt=INT64)]
Digits = BeforeValidator(_digits)
Id = Annotated[int, Field(ge=1, lt=INT64)]
Status = Literal["running", "completed", "failed", "killed"]

Config = Annotated[dict[str, JsonValue], Field(examples=[{"learning_rate": 0.001, "batch_size": 32}])]
Tags = Annotated[list[Annotated[str, LINE]], Field(max_length=validation.MOST_TAGS, examples=[["demo", "test"]])]
TagsOut = Annotated[list[str], Field(max_length=validation.MOST_TAGS, examples=[["demo", "test"]])]
# Rows and lists of plain numbers take the fast path; only one with anything else in it is parsed value by value.
Row = Annotated[dict[str, float] | dict[str, Value], Field(union_mode="left_to_right")]
Numbers = Annotated[list[float] | list[Value], Field(union_mode="left_to_right")]
Steps = Annotated[list[StrictStep] | list[Step], Field(union_mode="left_to_right")]
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
