"""Where logged rows wait until they are sent, and the batch that they leave in."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

ROW_BYTES = 250  # What a row costs in memory on CPython besides its values: tuples, a step, a time.
VALUE_BYTES = 32
SLICE = 1_000  # Values encoded in one go: the interpreter is held that long, under a millisecond.


class Row(NamedTuple):
    """What one call of `log` left: values of several metrics at one step and time."""

    step: int
    time: float  # seconds since 1970
    names: tuple[str, ...]
    values: tuple[float, ...]


class Buffer(ABC):
    """Keeps rows in order between `log` and the sender; each kind of waiting room promises these methods.

    `put` is called by any thread, under the run's lock; `take` by the sender alone, also under that lock.
    """

    points: int = 0  # values that wait

    @abstractmethod
    def put(self, row: Row) -> bool:
        """Keep a row; False when there is no room, and the row is not kept."""

    @abstractmethod
    def take(self, points: int) -> list[Row]:
        """The oldest rows, about `points` values of them, which then wait no more."""

    @abstractmethod
    def clear(self) -> int:
        """Forget everything; the number of points that were forgotten."""


class MemoryBuffer(Buffer):
    """Rows in memory, up to a bound in bytes; when it is full, new rows are refused."""

    def __init__(self, limit: int = 48 << 20) -> None:
        self._limit = limit
        self._rows: deque[Row] = deque()
        self._bytes = 0

    def put(self, row: Row) -> bool:
        size = ROW_BYTES + VALUE_BYTES * len(row.values)
        if self._bytes + size > self._limit:
            return False
        self._rows.append(row)
        self._bytes += size
        self.points += len(row.values)
        return True

    def take(self, points: int) -> list[Row]:
        rows: list[Row] = []
        taken = 0
        while self._rows and (not rows or taken + len(self._rows[0].values) <= points):
            row = self._rows.popleft()
            rows.append(row)
            taken += len(row.values)
            self._bytes -= ROW_BYTES + VALUE_BYTES * len(row.values)
        self.points -= taken
        return rows

    def clear(self) -> int:
        lost = self.points
        self._rows.clear()
        self._bytes = self.points = 0
        return lost


class Batch:
    """Rows that leave together; turned into columns and encoded once, so that every attempt sends the very same bytes."""

    def __init__(self, rows: Sequence[Row], client: str, number: int) -> None:
        self.points = sum(len(row.values) for row in rows)
        self._rows = rows
        self._series: str | None = None
        self.address(client, number)

    def address(self, client: str, number: int) -> None:
        """Put the pair on it that tells the server a repeat from something new."""
        self._pair = f'"client":"{client}","seq":{number}'

    @property
    def body(self) -> bytes:
        """The request's bytes. Encoding takes its time, so the first call is not to be made under the run's lock."""
        if self._series is None:
            self._series = encode_columns(self._rows)
            self._rows = ()
        return f'{{{self._pair},"series":{self._series}}}'.encode()


def encode_columns(rows: Sequence[Row]) -> str:
    """Rows as the JSON text of `series`: for each metric its steps, values and timestamps, in the order
    logged.

    Floats are written as the shortest text that reads back to the same float64; NaN and the infinities as
    bare words. Metrics that were logged in the same rows share the text of their steps and timestamps.
    """
    places: dict[str, list[int]] = {}
    values: dict[str, list[float]] = {}
    for place, row in enumerate(rows):
        for name, value in zip(row.names, row.values):
            if name not in places:
                places[name], values[name] = [], []
            places[name].append(place)
            values[name].append(value)
    axes: dict[tuple[int, ...], str] = {}
    columns = []
    for name, where in places.items():
        axis = tuple(where)
        if axis not in axes:
            steps = _numbers([rows[place].step for place in where])
            times = _numbers([rows[place].time for place in where])
            axes[axis] = f'"steps":{steps},"timestamps":{times}'
        columns.append(f'{json.dumps(name)}:{{{axes[axis]},"values":{_numbers(values[name])}}}')
    return "{{{}}}".format(",".join(columns))


def _numbers(values: Sequence[float]) -> str:
    """A JSON array, encoded slice by slice so that the training thread gets its turns."""
    slices = (json.dumps(values[at : at + SLICE], separators=(",", ":"))[1:-1] for at in range(0, len(values), SLICE))
    return "[{}]".format(",".join(slices))
