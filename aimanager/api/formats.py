"""The forms in which points leave: JSON, a frame of columns, CSV, Arrow. Each is made piece by piece, in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import orjson
from flask import request

from ..store import History, Series, Summary
from ..wire import columnar, csv_lines, numbers, times
from . import columns
from .bodies import FRAME

CSV, ARROW = "text/csv", "application/vnd.apache.arrow.stream"
TYPES = {"json": "application/json", "columns": FRAME, "csv": CSV, "arrow": ARROW}


def preferred(types: Mapping[str, str]) -> str:
    """The name of the media type that `Accept` likes best; the first one if it likes none of them."""
    best = request.accept_mimetypes.best_match([*types.values()])
    return next((name for name, media in types.items() if media == best), next(iter(types)))


def runs_as_json(runs: list[dict[str, Any]], summaries: Iterator[dict[int, list[Summary]]]) -> Iterator[bytes]:
    """A list of runs, each with the summaries of its metrics; `summaries` are those of the runs in their order, some at a time."""
    yield b"["
    place = 0
    for some in summaries:
        part = [
            run | {"metrics": [columns.summary(row) for row in some[run["id"]]]}
            for run in runs[place : place + len(some)]
        ]
        yield (b"," if place else b"") + orjson.dumps(part)[1:-1]
        place += len(some)
    yield b"]\n"


def history_as_json(history: History) -> Iterator[bytes]:
    fields: dict[str, Callable[[Series], Any]] = {
        "values": lambda piece: numbers.array_to_json(piece.values),
        "steps": lambda piece: np.ascontiguousarray(piece.steps),
        "timestamps": lambda piece: times.array_to_json(piece.times),
    }
    yield b'{"name":' + orjson.dumps(history.name)
    for name, column in fields.items():
        yield f',"{name}":['.encode()
        for number, piece in enumerate(history.pieces()):
            text = orjson.dumps(column(piece), option=orjson.OPT_SERIALIZE_NUMPY)
            yield (b"," if number else b"") + text[1:-1]
        yield b"]"
    yield b"}\n"


def history_as_columns(history: History) -> Iterator[bytes]:
    """What `POST /metrics/{run_id}/bulk` takes: column after column, for which a long history is gone through thrice."""
    size = 8 * history.total
    places = {"steps": ["i8", 0], "values": ["f8", size], "timestamps": ["i8", 2 * size]}
    references = {name: [*place, history.total] for name, place in places.items()}
    yield columnar.opening({"series": {history.name: references}})
    for kind, attribute in (("<i8", "steps"), ("<f8", "values"), ("<i8", "times")):
        for piece in history.pieces():
            yield np.ascontiguousarray(getattr(piece, attribute), kind).tobytes()


def history_as_csv(history: History) -> Iterator[bytes]:
    yield b"step,value,timestamp\n"
    yield from _lines(history, "")


def histories_as_csv(histories: Iterator[History]) -> Iterator[bytes]:
    yield b"name,step,value,timestamp\n"
    for history in histories:
        yield from _lines(history, csv_lines.of_cells(history.name) + ",")


def history_as_arrow(history: History) -> Iterator[bytes]:
    """An Arrow stream with a record batch for each piece."""
    import nanoarrow as arrow  # Takes a while to load, and few ask for it.
    from nanoarrow import ipc

    kinds = {"step": arrow.int64(), "value": arrow.float64(), "timestamp": arrow.timestamp("us", timezone="UTC")}
    table = arrow.struct(kinds)
    sink = io.BytesIO()
    with ipc.StreamWriter.from_writable(sink) as writer:
        for piece in history.pieces():
            # The first buffer of a column would say which cells are empty; none is.
            pairs = zip(kinds.values(), (piece.steps, piece.values, piece.times), strict=True)
            cells = [
                arrow.c_array_from_buffers(kind, len(column), [None, np.ascontiguousarray(column)], null_count=0)
                for kind, column in pairs
            ]
            writer.write_array(arrow.c_array_from_buffers(table, len(piece.steps), [None], children=cells))
            yield _emptied(sink)
    yield _emptied(sink)


def _emptied(sink: io.BytesIO) -> bytes:
    """What was written since the last time."""
    written = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return written


def _lines(history: History, begin: str) -> Iterator[bytes]:
    for piece in history.pieces():
        yield from csv_lines.of_points(begin, piece.steps, piece.values, piece.times)


HISTORY = {"json": history_as_json, "columns": history_as_columns, "csv": history_as_csv, "arrow": history_as_arrow}
