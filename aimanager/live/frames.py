"""WebSocket frames ready to be written, made once for all viewers that need the same (RFC 6455, 5.2).

A server's frame is `0x80 | opcode`, the length in 1, 3 or 9 bytes, the payload, unmasked.
"""

import struct
from typing import Any

import numpy as np
import orjson

from ..wire import numbers, times
from .source import Series, Tail

TEXT, CLOSE = 0x1, 0x8


def frame(opcode: int, payload: bytes) -> bytes:
    """One unfragmented frame."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", 0x80 | opcode, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


def close(code: int, reason: str = "") -> bytes:
    """The frame that ends a connection, with a code and at most 123 bytes of reason."""
    return frame(CLOSE, struct.pack("!H", code) + reason.encode()[:123])


def message(kind: str, **fields: Any) -> bytes:
    """A JSON object as a text frame; arrays of numpy may be among the fields."""
    return frame(TEXT, orjson.dumps({"type": kind, **fields}, option=orjson.OPT_SERIALIZE_NUMPY))


def metrics(run: int, tail: Tail) -> bytes:
    """The points of a tail, as columns by name; times are seconds since 1970."""
    series = {one.name: _columns(one) for one in tail.series}
    return message("metrics", run_id=run, last_id=tail.last_id, series=series)


def _columns(series: Series) -> dict[str, Any]:
    return {
        "ids": np.ascontiguousarray(series.ids),
        "steps": np.ascontiguousarray(series.steps),
        "values": numbers.array_to_json(series.values),
        "timestamps": times.to_seconds(series.times),
    }
