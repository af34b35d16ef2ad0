"""What a request is turned into before anybody waits for it, and how it is settled at the commit.

`prepare` runs in the thread that brings the request: it finds the columns that share an axis and tallies
them. What only the transaction can say (ids, absent steps, absent times) is filled in by `settle`,
which touches no array.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from ..chunks import checksum, codec, layout
from ..chunks.frame import Block
from ..chunks.pack import AxisColumn, Packed, Piece, slices
from ..shapes import Batch, Column, Ints
from ..summary import BatchSummary, RunningSummary, tally

_LARGEST = 2**63 - 1


@dataclass(slots=True)
class Times:
    """The times of a part: an int for one time, and what the run needs to know about them."""

    given: int | Ints
    first: int
    last: int
    ascending: bool

    def of_row(self, row: int) -> int:
        return self.given if isinstance(self.given, int) else int(self.given[row])


@dataclass(slots=True)
class Part:
    """Columns that were given one axis; steps and times are None where they are to be filled in."""

    rows: int
    steps: int | Ints | None
    times: Times | None
    last_row: int  # That of the greatest step, the latest among equals.
    metrics: list[int] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    tallies: list[BatchSummary] = field(default_factory=list)
    lasts: list[float] = field(default_factory=list)
    large: Large | None = None  # Of a part that skips the log, which then has no `values`.


@dataclass(slots=True)
class Large:
    """A part that is written as chunks: its columns packed before anybody waits; steps and times where given."""

    pieces: list[list[Piece]] = field(default_factory=list)
    steps: list[AxisColumn] | None = None
    times: list[AxisColumn] | None = None


@dataclass(slots=True)
class RunState:
    """A run as its stream row and the rows read so far have it; the series that it has not are None."""

    state: int
    next_id: int = 1
    next_seq: int = 1
    heard_at: int = 0
    first_time: int | None = None
    last_time: int | None = None
    ordered: bool = True
    next_axis: int = 1
    tail_rows: int = 0
    tail_bytes: int = 0
    series: dict[int, RunningSummary | None] = field(default_factory=dict)
    writers: dict[str, WriterState | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WriterState:
    """A writer's last request."""

    seq: int
    first_id: int
    count: int
    fingerprint: bytes | None


def prepare(batch: Batch, metric_ids: Mapping[str, int]) -> list[Part]:
    """The columns of a request in parts that share an axis; a metric is in a part once."""
    parts: list[Part] = []
    before: Column | None = None
    for column in batch.columns:
        rows = len(column.values)
        if not rows:
            continue
        metric = metric_ids[column.name]
        part = parts[-1] if parts else None
        if not (part and before and _same_axis(before, column)) or metric in part.metrics:
            part = Part(rows, _steps(column.steps, rows), _times(column.times, rows), _last_row(column.steps, rows))
            part.large = _large(part) if rows >= layout.LARGE else None
            parts.append(part)
        values = np.ascontiguousarray(column.values, "<f8")
        part.metrics.append(metric)
        if part.large:
            part.large.pieces.append([Piece.of(values[span], layout.LEVEL) for span in slices(rows)])
        part.values.append(b"" if part.large else values.tobytes())
        part.tallies.append(tally(values))
        part.lasts.append(float(values[part.last_row]))
        before = column
    return parts


def settle(part: Part, run: RunState, now: int) -> list[Block]:
    """The part with its steps and times filled in. Columns whose next steps differ become blocks of their own."""
    times = part.times.given if part.times else now
    if part.steps is not None:
        return [Block(part.rows, part.metrics, part.steps, times, part.values)]
    blocks = []
    for following, columns in groupby(range(len(part.metrics)), key=lambda i: _next_step(run.series[part.metrics[i]])):
        chosen = list(columns)
        metrics, values = [part.metrics[i] for i in chosen], [part.values[i] for i in chosen]
        blocks.append(Block(part.rows, metrics, _consecutive_steps(following, part.rows), times, values))
    return blocks


def admit(part: Part, run: RunState, now: int) -> list[Block]:
    """Settle a part and bring the run up to date with it: its ids, its times and its summaries."""
    blocks = settle(part, run, now)
    columns = iter(zip(part.tallies, part.lasts, strict=True))
    row = part.last_row
    time = part.times.of_row(row) if part.times else now
    for block in blocks:
        step = int(block.steps[row]) if not isinstance(block.steps, int) else block.steps + row
        last_id = run.next_id + row * len(block.metrics)
        for position, metric in enumerate(block.metrics):
            summary = run.series[metric]
            if summary is None:
                summary = run.series[metric] = RunningSummary()
            batch, last = next(columns)
            summary.add(batch, last, step, time, last_id + position)
        run.next_id += block.count
        _note_times(run, part.times, now)
    return blocks


def packed(part: Part, blocks: list[Block], first_id: int) -> list[Packed]:
    """The chunks of a large part, from its settled blocks and the first's first id."""
    assert part.large is not None  # noqa: S101 - that is what makes a part large
    chunks, pieces = [], iter(part.large.pieces)
    for block in blocks:
        width = len(block.metrics)
        columns = [next(pieces) for _ in block.metrics]
        for i, span in enumerate(slices(block.rows)):
            rows, start = span.stop - span.start, first_id + span.start * width
            chunks.append(
                Packed(
                    metrics=block.metrics,
                    rows=rows,
                    id_lo=start,
                    id_hi=start + rows * width - 1,
                    base=checksum.add(codec.affine(0, width)),
                    steps=part.large.steps[i] if part.large.steps else _axis_column(block.steps, span, 1),
                    times=part.large.times[i] if part.large.times else _axis_column(block.times, span, 0),
                    pieces=[column[i] for column in columns],
                )
            )
        first_id += block.count
    return chunks


def _large(part: Part) -> Large:
    times = part.times.given if part.times else None
    given = [
        None
        if column is None or isinstance(column, int)
        else [_axis_column(column, span, 0) for span in slices(part.rows)]
        for column in (part.steps, times)
    ]
    return Large([], *given)


def _axis_column(column: int | Ints, span: slice, delta: int) -> AxisColumn:
    """A slice of steps or times; an int is the first of them, and each row adds delta."""
    if isinstance(column, int):
        return AxisColumn.counted(column + span.start * delta, delta, span.stop - span.start)
    return AxisColumn.of(column[span], layout.LEVEL)


def _note_times(run: RunState, times: Times | None, now: int) -> None:
    first, last, ascending = (times.first, times.last, times.ascending) if times else (now, now, True)
    if run.last_time is None or run.first_time is None:
        run.first_time, run.last_time, run.ordered = first, last, ascending
    else:
        run.ordered = run.ordered and ascending and first >= run.last_time
        run.first_time, run.last_time = min(first, run.first_time), max(last, run.last_time)


def _same_axis(one: Column, other: Column) -> bool:
    if one.steps is other.steps and one.times is other.times:
        return len(one.values) == len(other.values)  # As columns of one row are, for which looking closer is dear.
    return len(one.values) == len(other.values) and all(
        a is b or (a is not None and b is not None and np.array_equal(a, b))
        for a, b in ((one.steps, other.steps), (one.times, other.times))
    )


def _steps(steps: Ints | None, rows: int) -> int | Ints | None:
    """Consecutive steps are kept as their first."""
    if steps is None:
        return None
    first = int(steps[0])
    if rows == 1 or (int(steps[-1]) - first == rows - 1 and (steps[1:] > steps[:-1]).all()):
        return first
    return steps


def _times(times: Ints | None, rows: int) -> Times | None:
    if times is None:
        return None
    first = int(times[0])
    if rows == 1:
        return Times(first, first, first, True)
    if (times[1:] >= times[:-1]).all():
        last = int(times[-1])
        return Times(first if first == last else times, first, last, True)
    return Times(times, int(times.min()), int(times.max()), False)


def _last_row(steps: Ints | None, rows: int) -> int:
    # Steps that the store fills in never go back.
    return rows - 1 if steps is None or rows == 1 else rows - 1 - int(steps[::-1].argmax())


def _next_step(summary: RunningSummary | None) -> int:
    return 0 if summary is None else min(summary.last_step + 1, _LARGEST)


def _consecutive_steps(first: int, rows: int) -> int | Ints:
    """Steps that count up from the first and stay at the largest there is."""
    if rows == 1 or first <= _LARGEST - rows:
        return first
    return np.array([min(first + row, _LARGEST) for row in range(rows)], np.int64)


def stream_row(run: int, state: int, run_state: RunState | None = None) -> dict[str, Any]:
    """A row of metric_stream."""
    run_state = run_state or RunState(state)
    return {
        "run_no": run,
        "next_id": run_state.next_id,
        "next_seq": run_state.next_seq,
        "state": state,
        "heard_at": run_state.heard_at,
        "first_ts": run_state.first_time,
        "last_ts": run_state.last_time,
        "ordered": int(run_state.ordered),
        "next_axis": run_state.next_axis,
        "tail_rows": run_state.tail_rows,
        "tail_bytes": run_state.tail_bytes,
    }


def writer_row(run: int, writer: str, writer_state: WriterState | None, heard_at: int) -> dict[str, Any]:
    """A row of metric_writer."""
    writer_state = writer_state or WriterState(0, 0, 0, None)
    return {
        "run_no": run,
        "writer_id": writer,
        "last_seq": writer_state.seq,
        "last_id0": writer_state.first_id,
        "last_n": writer_state.count,
        "fingerprint": writer_state.fingerprint,
        "heard_at": heard_at,
    }


def axis_of(block: Block) -> tuple[Ints, Ints]:
    """Steps and times of a block, row by row."""
    if block.rows == 1:
        return np.array([block.steps], np.int64).ravel(), np.array([block.times], np.int64).ravel()
    rows = np.arange(block.rows)
    steps = rows + block.steps if isinstance(block.steps, int) else block.steps
    return steps, np.full(block.rows, block.times) if isinstance(block.times, int) else block.times
