"""The order of a list of runs, and the cursor that says where its next page begins."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal

import orjson

from ...db.keyset import Place
from ...errors import Invalid
from ...store.base import Statistic
from . import filters

FACTS = ("created", "name", "tags", "duration", "status")
_INT64 = 2**63


@dataclass(frozen=True)
class Order:
    """By a fact, a value of a metric, or a key of the config. Runs without that come last, newest first."""

    kind: Literal["fact", "metric", "config"] = "fact"
    name: str = "created"
    of: Statistic = "last"
    descending: bool = True

    @property
    def text(self) -> str:
        """As `read` takes it."""
        if self.kind == "metric":
            return f"metric:{filters.metric_text(self.name, self.of)}"
        return self.name if self.kind == "fact" else f"config:{self.name}"


@dataclass(frozen=True)
class Cursor:
    """The last row of a page, and the moment up to which the runs that still run were measured."""

    place: Place
    moment: int


def read(text: str, descending: bool) -> Order:
    """`created`, another fact, `metric:loss`, `metric:loss.min`, `config:optimizer.lr`. Raises Invalid."""
    kind, _, rest = text.partition(":")
    if kind == "metric" and rest:
        name, of = filters.metric(rest)
        return Order("metric", name, of, descending)
    if kind == "config" and rest:
        return Order("config", rest, "last", descending)
    if text not in FACTS:
        expected = f"{', '.join(FACTS)}, metric:NAME, metric:NAME.min, metric:NAME.max or config:KEY"
        raise Invalid.field("sort", f"sort must be one of {expected}", source="query")
    return Order("fact", text, "last", descending)


def write_cursor(order: Order, cursor: Cursor) -> str:
    """A word for an address. A metric's value travels by its bits, for JSON has no infinity."""
    value, run = cursor.place
    kept = value.hex() if order.kind == "metric" and value is not None else value
    return base64.urlsafe_b64encode(orjson.dumps([_check(order), kept, run, cursor.moment])).decode().rstrip("=")


def read_cursor(order: Order, text: str) -> Cursor:
    """What `write_cursor` was given with the same order. Raises Invalid for anything else."""
    try:
        check, value, run, moment = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if order.kind == "metric" and value is not None:
            value = float.fromhex(value)
    except (ValueError, TypeError, OverflowError):
        check = None
    if check != _check(order) or not (_integer(run) and _integer(moment) and _fits(order, value)):
        raise Invalid.field("after", "after must be a cursor that a list in this order has given", source="query")
    return Cursor(Place(value, run), moment)


def _check(order: Order) -> int:
    """Tells the cursors of one order from those of another."""
    return zlib.crc32(repr(order).encode())


def _fits(order: Order, value: Any) -> bool:
    """Whether a value is of the kind by which this order compares; None is the place of those without."""
    if value is None:
        return order.name != "duration"
    if order.kind == "metric":
        return not isnan(value)
    if order.kind == "config":
        return isinstance(value, list) and len(value) == 2 and (
            (value[0] == 0 and isinstance(value[1], int | float)) or (value[0] == 1 and isinstance(value[1], str))
        )  # fmt: skip
    if order.name == "duration":
        return _integer(value)
    return order.name != "created" and isinstance(value, str) and "\0" not in value


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT64
