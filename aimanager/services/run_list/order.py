"""The order of a list of runs, and the cursor that says where its next page begins."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any, Literal

import orjson

from ...db.keyset import Place
from ...errors import Invalid
from ...store.shapes import Statistic
from . import direction, filters
from .filters import Filter

MOST = 8  # Keys of an order.
_KINDS = {"metric": ("metrics.", "metric:"), "config": ("config.", "config:")}
_PART = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"|")+')  # Between commas that are not in quotes.
FACTS = ("created", "name", "tags", "duration", "status")
_INT64 = 2**63


@dataclass(frozen=True)
class Order:
    """By a fact, a value of a metric, or a key of the config. Runs without that come last; equal ones are in the order of the
    further keys, `then`, and at last newest first."""

    kind: Literal["fact", "metric", "config"] = "fact"
    name: str = "created"
    of: Statistic = "last"
    descending: bool = True
    then: tuple[Order, ...] = ()

    @property
    def keys(self) -> tuple[Order, ...]:
        """The keys one by one, the first one first."""
        return (replace(self, then=()), *self.then)

    @property
    def is_created(self) -> bool:
        return (self.kind, self.name) == ("fact", "created")

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
    """`created`, another fact, `metrics.loss`, `metrics.loss.min` or `config.optimizer.lr`; `metric:` and `config:` say the same.
    Raises Invalid."""
    if text in FACTS:
        return Order("fact", text, "last", descending)
    for kind, prefixes in _KINDS.items():
        for prefix in prefixes:
            name = text.removeprefix(prefix)
            if name and name != text:
                if kind == "config":
                    return Order("config", name.removeprefix('"').removesuffix('"'), "last", descending)
                name, of = filters.metric(name)
                return Order("metric", name, direction.statistic(name, of), descending)
    expected = f"{', '.join(FACTS)}, metrics.NAME, metrics.NAME.min, .max, .mean or .best, or config.KEY"
    raise Invalid.field("sort", f"sort must be one of {expected}", source="query")


def read_keys(texts: Sequence[str], descending: bool = False) -> Order:
    """An order by several keys, the first one first: `["-config.lr", "name"]` or `["-config.lr,name"]`. A key with `-` before it,
    or any with `descending`, goes downwards. Names with a comma are put in quotes. Raises Invalid."""
    keys = [key for text in texts for key in _keys_of(text, descending)]
    if len(keys) > MOST:
        raise Invalid.field("sort", f"sort must have at most {MOST} keys", source="query")
    once = {(key.kind, key.name, key.of): key for key in reversed(keys)}
    first, *others = reversed(once.values()) if once else (Order(),)
    # No two runs are created as one: what comes behind that decides nothing.
    if first.is_created:
        return first
    for place, key in enumerate(others, 1):
        if key.is_created:
            others = others[:place]
    return replace(first, then=tuple(others))


def _keys_of(text: str, descending: bool) -> list[Order]:
    parts = _PART.findall(text)
    try:
        return [_key(part, descending) for part in parts]
    except Invalid:
        if len(parts) == 1:
            raise
        return [_key(text, descending)]  # A name with a comma, as one could always write it.


def _key(text: str, descending: bool) -> Order:
    return read(text.removeprefix("-"), descending or text.startswith("-"))


def write_cursor(of: RunList, cursor: Cursor) -> str:
    """A word for an address. A metric's value travels by its bits, for JSON has no infinity."""
    values, run = cursor.place
    written = [_written(key, value) for key, value in zip(of.order.keys, values, strict=True)]
    text = orjson.dumps([checksum(of), written, run, cursor.time])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _written(key: Order, value: Any) -> Any:
    return value.hex() if key.kind == "metric" and value is not None else value


def read_cursor(of: RunList, text: str) -> Cursor:
    """What `write_cursor` was given for the same list. Raises Invalid for anything else."""
    keys = of.order.keys
    try:
        check, written, run, time = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        values = tuple(
            float.fromhex(value) if key.kind == "metric" and value is not None else value
            for key, value in zip(keys, written, strict=True)
        )
    except (ValueError, TypeError, OverflowError):
        check, values = None, ()
    if check != checksum(of) or not (_integer(run) and _integer(time) and all(map(_fits, keys, values))):
        message = "after must be a cursor that this list has given, with the same project, sort and filter"
        raise Invalid.field("after", message, source="query")
    return Cursor(Place(values, run), time)


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
