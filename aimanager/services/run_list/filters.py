"""What is typed to find runs: words, and conditions such as `val/loss.min < 0.1`, `config.lr = 0.001`, `status = stale`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isnan
from typing import cast

from ...errors import Invalid
from ...store import Condition as MetricCondition
from ...store.shapes import Statistic
from .states import STATES

MOST = 8  # Conditions at once.
VALUES: tuple[Statistic, ...] = ("last", "min", "max")
# An operator; a name or words between quotes, the name perhaps with where it belongs before and the value that is meant
# behind; or anything without a space.
_TOKEN = re.compile(
    r'(?P<op><=|>=|!=|==?|<|>)|(?P<quoted>(?:config\.|metrics\.)?"[^"]+"(?:\.(?:last|min|max)(?![^\s<>=!]))?)'
    r'|(?P<bare>[^\s<>=!"]+|\S)'
)


@dataclass(frozen=True)
class ConfigCondition:
    """What the value under a config key must be; a number is compared with numbers, a text with texts. A run without the
    key, or with null under it, never fulfils one."""

    key: str
    op: str
    value: float | str


@dataclass(frozen=True)
class StatusCondition:
    """Which state a run must have, or with `!=` must not have; `running` is one that is not stale."""

    op: str
    state: str


Condition = MetricCondition | ConfigCondition | StatusCondition


@dataclass(frozen=True)
class Filter:
    """Each word is in the run's name, one of its tags or its state; each condition is fulfilled."""

    words: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.conditions)

    @property
    def metrics(self) -> dict[str, Statistic]:
        """The metrics of the conditions, and which of their values."""
        return {one.name: one.of for one in self.conditions if isinstance(one, MetricCondition)}

    @property
    def config_keys(self) -> list[str]:
        """The config keys of the conditions."""
        return [one.key for one in self.conditions if isinstance(one, ConfigCondition)]


def read(text: str) -> Filter:
    """`adam val/acc > 0.9 and config.lr <= 1` is a word and two conditions. Raises Invalid that says what was expected, and
    at which letter."""
    words: list[str] = []
    conditions: list[Condition] = []
    tokens = list(_TOKEN.finditer(text))
    while tokens:
        token = tokens.pop(0)
        if token["op"]:
            raise _fault(f"a name before {token['op']}", token.start())
        if not tokens or not tokens[0]["op"]:
            words.append(token[0])
        elif len(conditions) == MOST:
            raise _fault(f"at most {MOST} conditions", token.start())
        else:
            op = tokens.pop(0)
            has_value = tokens and not tokens[0]["op"]
            conditions.append(_condition(token[0], op, tokens.pop(0)[0] if has_value else None))
    if conditions:
        words = [word for word in words if word.casefold() != "and"]
    return Filter(tuple(word.strip('"') or word for word in words), tuple(conditions))


def _condition(name: str, operator: re.Match[str], value: str | None) -> Condition:
    op = operator[0].replace("==", "=")
    number = None if value is None else _number(value)
    if name.startswith("config.") and name != "config.":
        if value is None:
            raise _fault(f"a value after {operator[0]}", operator.end())
        return ConfigCondition(_key(name), op, number if number is not None else value.strip('"') or value)
    # A metric may be called status too; its values are numbers.
    if name == "status" and op in ("=", "!=") and number is None:
        state = (value or "").strip('"').casefold()
        if state not in STATES:
            raise _fault(f"{', '.join(STATES[:-1])} or {STATES[-1]} after {operator[0]}", operator.end())
        return StatusCondition(op, state)
    if number is None:
        raise _fault(f"a number after {operator[0]}", operator.end())
    metric_name, of = metric(name.removeprefix("metrics."))
    return MetricCondition(metric_name, of, op, number)


def _key(name: str) -> str:
    """A config key. In quotes it may hold anything; what follows them belongs to it."""
    return name.removeprefix("config.").replace('"', "")


def _fault(expected: str, place: int) -> Invalid:
    return Invalid.field("filter", f"filter: expected {expected}, at letter {place + 1}", source="query")


def metric(text: str) -> tuple[str, Statistic]:
    """A metric's name and which of its values is meant. A name that itself ends like a value is put in quotes."""
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
