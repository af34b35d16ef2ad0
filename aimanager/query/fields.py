"""The names and values of a query: which fields there are, how each is compared, and with what."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import isnan
from typing import cast

from .errors import QueryError
from .tree import Ago, Config, Fact, Field, Metric, Of, Value

OF: tuple[Of, ...] = ("last", "min", "max", "mean", "best")
STATES = ("running", "stale", "completed", "failed", "killed")
EQUAL, ORDERED, LIKE = ("=", "!="), ("=", "!=", "<", "<=", ">", ">="), ("~", "!~")
# A time of 0001 or 9999 less a span that reaches beyond the calendar would be none.
LONGEST = timedelta(days=36_500)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_SPAN_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_PLAIN = re.compile(r'[^\s<>=!~"(),\\]+')


@dataclass(frozen=True)
class Term:
    """A name, a word or a value as it was written, and where: letters `start` to `end`."""

    raw: str
    start: int
    end: int

    @property
    def quoted(self) -> bool:
        return self.raw.startswith('"')

    @property
    def text(self) -> str:
        return unquoted(self.raw) if self.quoted else self.raw


@dataclass(frozen=True)
class Kind:
    """How a field is compared: its operators besides `in` and `exists`, what a value is called, and how it is read."""

    ops: tuple[str, ...]
    expected: str
    read: Callable[[Term], Value | None]
    lists: bool = True  # `in (...)`
    exists: bool = True


def number(text: str) -> float | None:
    """A number other than NaN, None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return None if isnan(value) or "_" in text else value


def _number(term: Term) -> Value | None:
    return number(term.raw)


def _whole(term: Term) -> Value | None:
    return float(term.raw) if term.raw.isascii() and term.raw.isdigit() and len(term.raw) < 16 else None


def _text(term: Term) -> Value | None:
    return term.text


def _number_or_text(term: Term) -> Value | None:
    value = None if term.quoted else number(term.raw)
    return term.text if value is None else value


def _state(term: Term) -> Value | None:
    state = term.text.casefold()
    return state if state in STATES else None


def _flag(term: Term) -> Value | None:
    return {"true": True, "false": False}.get(term.text.casefold())


def _span(term: Term) -> timedelta | None:
    text = term.text.replace(" ", "")
    if _SPAN.fullmatch(text):
        seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _SPAN_PART.findall(text))
    else:
        seconds = number(text) or 0.0 if text and number(text) is not None else -1.0
    return timedelta(seconds=seconds) if 0 <= seconds <= LONGEST.total_seconds() else None


def _time(term: Term) -> Value | None:
    text = term.text
    if text.startswith("-") and _SPAN.fullmatch(text[1:]):
        span = _span(Term(text[1:], 0, 0))
        return None if span is None else Ago(span)
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except (ValueError, OverflowError):
        return None


_ONE_STATE = f"{', '.join(STATES[:-1])} or {STATES[-1]}"
_TIME = Kind(ORDERED, "a time such as -7d or 2026-01-31", _time, lists=False, exists=False)
FACTS = {
    "name": Kind(ORDERED + LIKE, "a text", _text, exists=False),
    "tags": Kind(("has", *EQUAL, *LIKE), "a tag", _text),
    "status": Kind(EQUAL, _ONE_STATE, _state, exists=False),
    "created": _TIME,
    "started": _TIME,
    "ended": Kind(ORDERED, _TIME.expected, _time, lists=False),
    "duration": Kind(ORDERED, "a duration such as 90s or 1h30m", _span, lists=False, exists=False),
    "id": Kind(ORDERED, "a whole number", _whole, exists=False),
    "archived": Kind(EQUAL, "true or false", _flag, lists=False, exists=False),
    "notes": Kind(LIKE, "a text", _text, lists=False),
}
METRIC = Kind(ORDERED, "a number", _number)
CONFIG = Kind(ORDERED + LIKE, "a value", _number_or_text)
_CONFIG_TEXT = Kind(LIKE, "a text", _text)


def kind_of(field: Field, op: str = "=") -> Kind:
    if isinstance(field, Metric):
        return METRIC
    if isinstance(field, Config):
        return _CONFIG_TEXT if op in LIKE else CONFIG
    return FACTS[field.name]


def field_of(term: Term) -> Field:
    """`config.KEY`, `metrics.NAME`, a fact, or the plain name of a metric. Names may be in quotes: `metrics."a b".min`."""
    if term.raw.startswith("config.") and term.raw != "config.":
        before, _, rest = term.raw.removeprefix("config.").partition('"')
        inner, _, behind = rest.rpartition('"')
        return Config(unescaped(inner) + behind if rest else before)
    if term.raw in FACTS:
        return Fact(term.raw)
    has_prefix = term.raw.startswith("metrics.") and term.raw != "metrics."
    return Metric(*metric(term.raw.removeprefix("metrics.") if has_prefix else term.raw))


def metric(text: str) -> tuple[str, Of]:
    """A metric's name and which of its values is meant. A name that itself ends like a value is put in quotes."""
    if text.startswith('"') and '"' in text[1:]:
        name, _, of = text[1:].rpartition('"')
        return unescaped(name), cast(Of, of.removeprefix(".") or "last")
    name, _, of = text.rpartition(".")
    return (name, of) if name and of in OF else (text, "last")


def metric_text(name: str, of: Of) -> str:
    """The other way round."""
    if name.rpartition(".")[2] in OF or name.startswith('"'):
        name = quoted(name)
    return name if of == "last" else f"{name}.{of}"


def value_of(field: Field, op: Term, value: Term) -> Value:
    """What a field is compared with. Raises QueryError."""
    kind = kind_of(field, op.raw)
    read = kind.read(value)
    if read is None or (read == "" and op.raw in LIKE):
        raise QueryError(f"{kind.expected} after {op.raw}", op.end)
    return read


def check_operator(field: Field, name: Term, op: Term) -> None:
    """Raises QueryError for an operator that the field does not have."""
    kind = kind_of(field)
    if op.raw not in kind.ops:
        hint = f" (for a metric of this name write metrics.{name.raw})" if isinstance(field, Fact) else ""
        raise QueryError(f"{operators(field)} after {name.raw}{hint}", op.start)


def operators(field: Field) -> str:
    """The operators of a field in words."""
    kind = kind_of(field)
    words = [*kind.ops, *["in"] * kind.lists, *["exists"] * kind.exists]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted(text: str) -> str:
    """What is between the quotes."""
    return unescaped(text[1:-1])


def unescaped(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text)


def is_plain(text: str) -> bool:
    """Whether a word or name can stand without quotes."""
    return bool(_PLAIN.fullmatch(text)) and text.casefold() not in ("and", "or", "not")
