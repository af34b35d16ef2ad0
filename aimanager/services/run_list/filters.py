"""What is typed to find runs: words, and conditions on metrics such as `val/loss.min < 0.1`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isnan
from typing import cast

from ...errors import Invalid
from ...store import Condition
from ...store.base import Statistic

MOST = 8  # Conditions at once.
VALUES: tuple[Statistic, ...] = ("last", "min", "max")
# An operator; a name or words between quotes, the name perhaps with the value that is meant; or anything without a space.
_TOKEN = re.compile(
    r'(?P<op><=|>=|!=|==?|<|>)|(?P<quoted>"[^"]+"(?:\.(?:last|min|max)(?![^\s<>=!]))?)|(?P<bare>[^\s<>=!"]+|\S)'
)


@dataclass(frozen=True)
class Filter:
    """Each word is in the run's name, one of its tags or its status; each condition is met."""

    words: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.where)


def read(text: str) -> Filter:
    """`adam val/acc > 0.9 and loss.min <= 1` is a word and two conditions. Raises Invalid that says what was expected."""
    found, expected, place = _read(text)
    if expected:
        fault = f"filter: expected {expected}, at letter {place + 1}"
        raise Invalid.field("filter", fault, source="query")
    return found


def read_unfinished(text: str) -> tuple[Filter, str]:
    """What is whole of a filter that somebody is still typing, and what is expected next."""
    found, expected, _ = _read(text)
    return found, f"expected {expected}" if expected else ""


def _read(text: str) -> tuple[Filter, str, int]:
    """The filter up to where something else was expected, what that is, and where."""
    words: list[str] = []
    where: list[Condition] = []
    expected, place = "", 0
    tokens = list(_TOKEN.finditer(text))
    while tokens and not expected:
        token = tokens.pop(0)
        if token["op"]:
            expected, place = f"the name of a metric before {token['op']}", token.start()
        elif not tokens or not tokens[0]["op"]:
            words.append(token[0])
        else:
            op = tokens.pop(0)
            value = _number(tokens.pop(0)[0]) if tokens else None
            if value is None:
                expected, place = f"a number after {op[0]}", op.end()
            elif len(where) == MOST:
                expected, place = f"at most {MOST} conditions", token.start()
            else:
                name, of = metric(token[0].removeprefix("metrics."))
                where.append(Condition(name, of, op[0].replace("==", "="), value))
    if where or expected:
        words = [word for word in words if word.casefold() != "and"]
    return Filter(tuple(word.strip('"') or word for word in words), tuple(where)), expected, place


def metric(text: str) -> tuple[str, Statistic]:
    """A metric's name and which of its values is meant. A name that itself ends like a value stands in quotes."""
    if text.startswith('"') and '"' in text[1:]:
        name, _, of = text[1:].rpartition('"')
        return name, cast(Statistic, of.removeprefix(".") or "last")
    name, _, of = text.rpartition(".")
    return (name, of) if name and of in VALUES else (text, "last")


def metric_text(name: str, of: Statistic) -> str:
    """The other way round."""
    if name.rpartition(".")[2] in VALUES or name.startswith('"'):
        name = f'"{name}"'
    return name if of == "last" else f"{name}.{of}"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if isnan(value) or "_" in text else value
