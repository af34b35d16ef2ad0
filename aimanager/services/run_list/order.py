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
from ...store.shapes import Statistic
from . import direction, filters
from .filters import Filter

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
class RunList:
    """Which list of runs: of a project, in an order, of those that pass a filter. Its cursors are good for no other."""

    project_id: int
    order: Order
    filter: Filter


@dataclass(frozen=True)
class Cursor:
    """The last row of a page, and the time up to which the runs that still run were measured, in microseconds."""

    place: Place
    time: int


def read(text: str, descending: bool) -> Order:
    """`created`, another fact, `metric:loss`, `metric:loss.min`, `config:optimizer.lr` or `config.optimizer.lr`. Raises
    Invalid."""
    if text.startswith("config.") and text != "config.":
        text = "config:" + text.removeprefix("config.")
    kind, _, name_and_statistic = text.partition(":")
    if kind == "metric" and name_and_statistic:
        name, of = filters.metric(name_and_statistic)
        return Order("metric", name, direction.statistic(name, of), descending)
    if kind == "config" and name_and_statistic:
        return Order("config", name_and_statistic, "last", descending)
    if text not in FACTS:
        expected = f"{', '.join(FACTS)}, metric:NAME, metric:NAME.min, metric:NAME.max or config:KEY"
        raise Invalid.field("sort", f"sort must be one of {expected}", source="query")
    return Order("fact", text, "last", descending)


def write_cursor(of: RunList, cursor: Cursor) -> str:
    """A word for an address. A metric's value travels by its bits, for JSON has no infinity."""
    value, run = cursor.place
    written = value.hex() if of.order.kind == "metric" and value is not None else value
    text = orjson.dumps([checksum(of), written, run, cursor.time])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def read_cursor(of: RunList, text: str) -> Cursor:
    """What `write_cursor` was given for the same list. Raises Invalid for anything else."""
    try:
        check, value, run, time = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if of.order.kind == "metric" and value is not None:
            value = float.fromhex(value)
    except (ValueError, TypeError, OverflowError):
        check = None
    if check != checksum(of) or not (_integer(run) and _integer(time) and _fits(of.order, value)):
        message = "after must be a cursor that this list has given, with the same project, sort and filter"
        raise Invalid.field("after", message, source="query")
    return Cursor(Place(value, run), time)


def checksum(of: RunList) -> int:
    """Tells the cursors of one list from those of another."""
    return zlib.crc32(repr(of).encode())


def _fits(order: Order, value: Any) -> bool:
    """Whether a value is of the type by which this order compares; None is the place of those without."""
    if value is None:
        return order.name != "duration"
    if order.kind == "metric":
        return not isnan(value)
    if order.kind == "config":
        return isinstance(value, list) and len(value) == 2 and (
            (value[0] == 0 and isinstance(value[1], int | float) and not isinstance(value[1], bool))
            or (value[0] == 1 and isinstance(value[1], str) and "\0" not in value[1])
        )  # fmt: skip
    if order.name == "duration":
        return _integer(value)
    return order.name != "created" and isinstance(value, str) and "\0" not in value


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT64
