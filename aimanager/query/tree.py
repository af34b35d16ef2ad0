"""What a query means: a tree of conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

Of = Literal["last", "min", "max", "mean", "best"]


@dataclass(frozen=True)
class Fact:
    """What every run has: `name`, `tags`, `status` and the other names of fields.FACTS."""

    name: str


@dataclass(frozen=True)
class Metric:
    """A value of a metric; `best` is its lowest or highest, whichever is better."""

    name: str
    of: Of = "last"


@dataclass(frozen=True)
class Config:
    """The value under a config key, nested keys joined by dots."""

    key: str


@dataclass(frozen=True)
class Ago:
    """A time: so long before the moment at which the query is asked."""

    span: timedelta


Field = Fact | Metric | Config
# A number, a text, true or false, a whole day, a time (naive UTC) and how long something took.
Value = float | str | bool | date | datetime | Ago | timedelta


@dataclass(frozen=True)
class Word:
    """A text that is in the name, in a tag or in the state, in small letters or capitals."""

    text: str


@dataclass(frozen=True)
class Compare:
    """`op` is one of `= != < <= > >= ~ !~ has`."""

    field: Field
    op: str
    value: Value


@dataclass(frozen=True)
class OneOf:
    """The field is equal to one of the values; with `negated` it is there and equal to none of them."""

    field: Field
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True)
class Exists:
    field: Field


@dataclass(frozen=True)
class Not:
    part: Node


@dataclass(frozen=True)
class And:
    """All of at least two parts, none of which is an And itself."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    """At least one of at least two parts, none of which is an Or itself."""

    parts: tuple[Node, ...]


Leaf = Word | Compare | OneOf | Exists
Node = Leaf | Not | And | Or


def leaves(node: Node) -> Iterator[Leaf]:
    """The conditions of a tree, from left to right."""
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from leaves(part)
    elif isinstance(node, Not):
        yield from leaves(node.part)
    else:
        yield node


def fields(node: Node) -> list[Field]:
    """The fields that a tree is about, each once, from left to right."""
    return list(dict.fromkeys(leaf.field for leaf in leaves(node) if not isinstance(leaf, Word)))
