"""A query as text that is read as the same query."""

from __future__ import annotations

from datetime import date, timedelta

from .fields import quoted
from .tree import Ago, And, Compare, Config, Exists, Field, Metric, Node, Not, OneOf, Or, Value, Word


def text_of(node: Node) -> str:
    """With all names and texts in quotes, so that it is right whatever they hold."""
    match node:
        case Or(parts):
            return " or ".join(map(text_of, parts))
        case And(parts):
            return " and ".join(f"({text_of(part)})" if isinstance(part, Or) else text_of(part) for part in parts)
        case Not(part):
            return f"not ({text_of(part)})" if isinstance(part, And | Or) else f"not {text_of(part)}"
        case Word(text):
            return quoted(text)
        case Compare(field, op, value):
            return f"{_name(field)} {op} {value_text(value)}"
        case OneOf(field, values, negated):
            return f"{_name(field)} {'not ' * negated}in ({', '.join(map(value_text, values))})"
        case Exists(field):
            return f"{_name(field)} exists"


def _name(field: Field) -> str:
    if isinstance(field, Config):
        return f"config.{quoted(field.key)}"
    if isinstance(field, Metric):
        return f"metrics.{quoted(field.name)}.{field.of}"
    return field.name


def value_text(value: Value) -> str:
    """A value as a query has it, texts in quotes."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return repr(value).removesuffix(".0")
        case str():
            return quoted(value)
        case Ago(span):
            return f"-{_span(span)}"
        case timedelta():
            return _span(value)
        case date():
            return value.isoformat()
    raise TypeError(value)


def _span(span: timedelta) -> str:
    seconds = span.seconds + span.microseconds / 1_000_000
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if not span % timedelta(seconds=length):
            return f"{span // timedelta(seconds=length)}{unit}"
    return f"{span.days}d" * bool(span.days) + f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"
