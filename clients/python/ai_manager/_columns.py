"""What was logged as rows, rows as columns, columns as the bytes of a request: a frame, or JSON for a server without frames."""

from __future__ import annotations

import json
import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

FRAME, JSON = "application/vnd.ai-manager.points", "application/json"
MAGIC = b"AIMCOLS\x01"
KINDS = {"q": "i8", "d": "f8"}
SLICE = 1_000  # Numbers encoded as text in one go: the interpreter is held that long, under a millisecond.


class Row(NamedTuple):
    """What one call of `log` left: values of several metrics at one step and time."""

    step: int
    time: float  # seconds since 1970
    names: tuple[str, ...]
    values: tuple[float, ...]


class Column(NamedTuple):
    """The values of a metric in the order logged; metrics that were logged in the same rows share steps and times."""

    name: str
    steps: array[int]
    times: array[float]
    values: array[float]


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """One column for each metric that is in the rows."""
    if not rows:
        return []
    names = rows[0].names
    if all(row.names is names for row in rows):
        # The usual loop, which logs the same metrics at each step.
        steps, times = array("q", [row.step for row in rows]), array("d", [row.time for row in rows])
        return [
            Column(name, steps, times, array("d", values))
            for name, values in zip(names, zip(*[row.values for row in rows]))
        ]
    places: dict[str, list[int]] = {}
    values: dict[str, list[float]] = {}
    for place, row in enumerate(rows):
        for name, value in zip(row.names, row.values):
            if name not in places:
                places[name], values[name] = [], []
            places[name].append(place)
            values[name].append(value)
    axes: dict[tuple[int, ...], tuple[array[int], array[float]]] = {}
    columns = []
    for name, row_numbers in places.items():
        axis = tuple(row_numbers)
        if axis not in axes:
            axes[axis] = (
                array("q", [rows[place].step for place in row_numbers]),
                array("d", [rows[place].time for place in row_numbers]),
            )
        columns.append(Column(name, *axes[axis], array("d", values[name])))
    return columns


def as_frame(client: str, number: int, columns: Iterable[Column]) -> bytes:
    """The numbers as they lie in memory, behind a head of JSON that says where; docs/api.md has the form."""
    data: list[bytes] = []
    references: dict[int, list[object]] = {}
    size = 0

    def reference(numbers: array[int] | array[float]) -> list[object]:
        nonlocal size
        entry = references.get(id(numbers))
        if entry is None:
            entry = references[id(numbers)] = [KINDS[numbers.typecode], size, len(numbers)]
            data.append(_little_endian(numbers))
            size += len(data[-1])
        return entry

    series = {
        name: {"steps": reference(steps), "timestamps": reference(times), "values": reference(values)}
        for name, steps, times, values in columns
    }
    head = json.dumps({"client": client, "seq": number, "series": series}).encode()
    head += b" " * (-len(head) % 8)
    return b"".join([MAGIC, struct.pack("<II", len(head), 0), head, *data])


def _little_endian(numbers: array[int] | array[float]) -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def as_json(client: str, number: int, columns: Iterable[Column]) -> bytes:
    """Floats as the shortest text that reads back to the same float64; NaN and the infinities as bare words."""
    texts: dict[int, str] = {}

    def text(numbers: array[int] | array[float]) -> str:
        if id(numbers) not in texts:
            texts[id(numbers)] = _list(numbers)
        return texts[id(numbers)]

    series = ",".join(
        f'{json.dumps(name)}:{{"steps":{text(steps)},"timestamps":{text(times)},"values":{text(values)}}}'
        for name, steps, times, values in columns
    )
    return f'{{"client":"{client}","seq":{number},"series":{{{series}}}}}'.encode()


def _list(numbers: array[int] | array[float]) -> str:
    """A JSON array, encoded slice by slice so that the training thread gets its turns."""
    slices = (
        json.dumps(numbers[at : at + SLICE].tolist(), separators=(",", ":"))[1:-1]
        for at in range(0, len(numbers), SLICE)
    )
    return "[{}]".format(",".join(slices))
