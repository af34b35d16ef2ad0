"""Turning the log into chunks, small axes into full ones, and chunks into rollups.

Any process may do it, at any time, and several at once: each reads in a snapshot and packs with nobody waiting; only
then, behind the gate, it takes away what it has read. If that is no longer all there, another one was quicker, and
nothing is changed.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from time import monotonic
from typing import Any

import numpy as np
from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.engine import Connection

from ...db.engine import Database
from ..base import DamagedPoints
from ..chunks.codec import Damaged
from ..chunks.frame import Rows, blocks
from ..chunks.pack import pack
from ..shapes import Clock
from ..statements import Statements
from ..tables import DELETING, FINISHED, metric_log, metric_stream
from . import roll_up
from .merge import Merge

TAIL_ROWS, TAIL_BYTES = 1024, 256 << 10  # From here on a tail is sealed.
IDLE = 60_000_000  # Microseconds of silence after which any tail is.
LOOK_EVERY = 30.0  # Seconds after which a busy process looks for the runs of others, and for those that rest.
_AT_ONCE = 8 << 20  # Bytes of frames that are packed together.
_MANY_SETS, _FEW_ROWS = 16, 64  # Where there are so many sets of metrics, one with few rows gets no axis of its own.


class Sealer:
    """Looks after the form of what is stored. `tidy` is all that has to be called, now and then."""

    def __init__(self, database: Database, statements: Statements, clock: Clock) -> None:
        self._database = database
        self._sql = statements
        self._clock = clock
        self._merge = Merge(database, statements)
        self._called: set[int] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._look_at = 0.0

    def note(self, run: int, rows: int, size: int) -> None:
        """A run's tail has this many rows and bytes now; called after each commit."""
        if rows >= TAIL_ROWS or size >= TAIL_BYTES:
            self.call(run)

    def call(self, run: int) -> None:
        """Ask for a round for this run."""
        with self._lock:
            self._called.add(run)
        self._wake.set()

    def wake(self) -> None:
        """Wait no longer: there is other work than sealing, or none any more."""
        self._wake.set()

    def due(self, seconds: float) -> list[int]:
        """The runs that are called within that time, and now and then, or in silence, all that have something to do."""
        woken = self._wake.wait(seconds)
        self._wake.clear()
        if woken and not self._called:
            return []
        with self._lock:
            called, self._called = self._called, set()
        if called and monotonic() < self._look_at:
            return sorted(called)
        self._look_at = monotonic() + LOOK_EVERY
        return sorted(called.union(self.find()))

    def find(self) -> list[int]:
        """All runs with a tail that is long enough, has rested for long enough, or gets no longer."""
        c = metric_stream.c
        enough = or_(
            c.tail_rows >= TAIL_ROWS,
            c.tail_bytes >= TAIL_BYTES,
            c.state == FINISHED,
            c.heard_at < self._clock() - IDLE,
        )
        with self._database.reading() as connection:
            query = select(c.run_no).where(c.state < DELETING, c.tail_rows > 0, enough)
            return list(connection.scalars(query.order_by(c.run_no)))

    def tidy(self, run: int) -> None:
        """Seal a run's tail, merge what has come of it, and roll up what is full.

        Until all of that is done the run's tail is not 0, so that the process after a killed one sees it.
        """
        try:
            while self.seal(run):
                pass
            while self.merge(run):
                pass
            self.roll_up(run)
        except DamagedPoints:  # It would come to no other end the next time.
            self._settle(run)
            raise
        self._settle(run)

    def merge(self, run: int) -> bool:
        """Merge some small axes; whether there were any worth it."""
        return self._merge.run(run)

    def roll_up(self, run: int) -> None:
        """Roll up what is full."""
        roll_up.build(self._database, self._sql, run)

    def _settle(self, run: int) -> None:
        """There is nothing to do for a run, if its log is empty."""
        c = metric_stream.c
        log_is_empty = (c.run_no == run, c.tail_rows > 0, ~exists().where(metric_log.c.run_no == run))
        with self._database.reading() as connection:
            if connection.scalar(select(c.run_no).where(*log_is_empty)) is None:
                return
        with self._database.writing() as connection:
            if lock(self._sql, connection, run):
                connection.execute(update(metric_stream).where(*log_is_empty).values(tail_rows=0, tail_bytes=0))

    def seal(self, run: int) -> bool:
        """Pack frames from the front of the log; whether there are more of them."""
        with self._database.reading() as connection:
            frames, has_more = _first_frames(connection, run)
        if not frames:
            return False
        try:
            packed = [axis for rows in sets(frames) for axis in pack(rows)]
        except Damaged as damage:
            raise DamagedPoints(run, 0, 0, str(damage)) from damage
        with self._database.writing() as connection:
            stream = lock(self._sql, connection, run)
            c = metric_log.c
            sealed = delete(metric_log).where(c.run_no == run, c.id0.between(frames[0][0], frames[-1][0]))
            if stream is None or connection.execute(sealed).rowcount != len(frames):
                connection.rollback()
                return False
            self._sql.write_packed(connection, run, enumerate(packed, stream.next_axis))
            rows = sum(axis.rows for axis in packed)
            size = sum(len(frame) for _, frame in frames)
            connection.execute(
                update(metric_stream)
                .where(metric_stream.c.run_no == run)
                .values(
                    next_axis=stream.next_axis + len(packed),
                    tail_rows=max(stream.tail_rows - rows, 1),
                    tail_bytes=max(stream.tail_bytes - size, 0),
                )
            )
        return has_more


def lock(statements: Statements, connection: Connection, run: int) -> Any:
    """The row of a run that is not deleted, locked until the transaction ends; everybody's first step."""
    row = next(iter(statements.streams(connection, [run])), None)
    return row if row is not None and row.state < DELETING else None


def sets(frames: Iterable[tuple[int, bytes]]) -> list[Rows]:
    """The rows of frames by the metrics logged together, by id.

    Sets of metrics that hardly ever come are taken apart: an axis that few rows share costs more than it saves.
    """
    together: dict[tuple[int, ...], list[Rows]] = defaultdict(list)
    for rows in blocks(frames):
        together[rows.metrics].append(rows)
    alone: dict[tuple[int, ...], list[Rows]] = defaultdict(list)
    many = len(together) > _MANY_SETS
    for metrics in list(together):
        if len(metrics) == 1 or (many and sum(len(rows.ids) for rows in together[metrics]) < _FEW_ROWS):
            for rows in together.pop(metrics):
                for position, metric in enumerate(rows.metrics):
                    line = rows.line(position)
                    alone[metric,].append(Rows((metric,), line.ids, line.steps, line.times, [line.values]))
    return [joined(metrics, parts) for metrics, parts in (together | alone).items()]


def joined(metrics: tuple[int, ...], parts: list[Rows]) -> Rows:
    """Rows of one set of metrics as one, by id."""
    ids, steps, times = (np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "steps", "times"))
    values = [np.concatenate([part.values[i] for part in parts]) for i in range(len(metrics))]
    if (ids[1:] < ids[:-1]).any():
        order = np.argsort(ids)
        ids, steps, times = ids[order], steps[order], times[order]
        values = [column[order] for column in values]
    return Rows(metrics, ids, steps, times, values)


def _first_frames(connection: Connection, run: int) -> tuple[list[tuple[int, bytes]], bool]:
    """The first frames of a log, as many as are packed together, and whether there are more."""
    c = metric_log.c
    frames: list[tuple[int, bytes]] = []
    size = 0
    for id0, frame in connection.execute(select(c.id0, c.frame).where(c.run_no == run).order_by(c.id0)):
        if size > _AT_ONCE:
            return frames, True
        frames.append((id0, frame))
        size += len(frame)
    return frames, False
