"""Where logged rows wait until they are sent, and the batch that they leave in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from ai_manager._columns import FRAME, JSON, Column, as_frame, as_json, columns_of

ROW_BYTES = 250  # What a row costs in memory on CPython besides its values: tuples, a step, a time.
VALUE_BYTES = 32


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
        points_taken = 0
        while self._rows and (not rows or points_taken + len(self._rows[0].values) <= points):
            row = self._rows.popleft()
            rows.append(row)
            points_taken += len(row.values)
            self._bytes -= ROW_BYTES + VALUE_BYTES * len(row.values)
        self.points -= points_taken
        return rows

    def clear(self) -> int:
        lost = self.points
        self._rows.clear()
        self._bytes = self.points = 0
        return lost


class Batch:
    """Rows that leave together; turned into columns and encoded once, so that every attempt sends the very same bytes."""

    def __init__(self, rows: Sequence[Row], client: str, number: int, kind: str = FRAME) -> None:
        self.points = sum(len(row.values) for row in rows)
        self.kind = kind  # The media type of the body.
        self._rows = rows
        self._columns: list[Column] | None = None
        self.address(client, number)

    def address(self, client: str, number: int) -> None:
        """Put the pair on it that tells the server a repeat from something new."""
        self._pair = client, number
        self._body: bytes | None = None

    def turn_into_json(self) -> None:
        """For a server that did not take the frame."""
        self.kind, self._body = JSON, None

    @property
    def body(self) -> bytes:
        """The request's bytes. Encoding takes its time, so the first call is not to be made under the run's lock."""
        if self._columns is None:
            self._columns = columns_of(self._rows)
            self._rows = ()
        if self._body is None:
            encode = as_frame if self.kind == FRAME else as_json
            self._body = encode(*self._pair, self._columns)
        return self._body
