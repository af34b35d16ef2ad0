"""The transaction of a group of requests: their ids, their rows, and the summaries brought up to date.

The streams' rows are the only thing that every commit reads. The state of a run (its series, its
writers) is remembered from the commit before, and holds as long as the run's counter of requests is what
this process has left it at; when another process has written meanwhile, it is read again.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from ..base import OutOfTurn, RunDeleted, StoreUnavailable
from ..chunks import checksum
from ..chunks.frame import encode
from ..chunks.pack import Packed
from ..shapes import Batch, Clock, Ints, Receipt
from ..statements import Statements, chunks
from ..summary import RunningSummary
from ..tables import DELETING, LIVE, RESTING, metric_series, metric_writer
from .group_commit import Waiting
from .request import Part, RunState, WriterState, admit, axis_of, packed, stream_row, writer_row
from .wake import wake_up

_REMEMBERED = 100_000  # Series and writers, of all runs together.


class Request(Waiting):
    """A batch on its way into the database."""

    __slots__ = ("batch", "parts", "project", "receipt", "run")

    def __init__(self, run: int, project: int, batch: Batch, parts: list[Part]) -> None:
        super().__init__(size=32 * batch.count)
        self.run = run
        self.project = project
        self.batch = batch
        self.parts = parts
        self.receipt: Receipt | None = None


class Committer:
    """Stores groups of requests; called by one thread at a time."""

    def __init__(self, statements: Statements, clock: Clock) -> None:
        self._sql = statements
        self._clock = clock
        self.runs: dict[int, RunState] = {}  # As the last commit left them.
        self._remembered = 0

    def forget(self) -> None:
        """Read everything again the next time."""
        self.runs.clear()
        self._remembered = 0

    def store(self, connection: Connection, group: list[Request]) -> None:
        """Everything that a group changes, in the transaction of the connection."""
        if self._remembered > _REMEMBERED:
            self.forget()
        self._read_runs(connection, sorted({request.run for request in group}))
        for request in group:
            if request.run in self.runs:
                self._read_series(connection, request)
        clock = self._clock()
        log_rows: list[dict[str, Any]] = []
        chunks_of: dict[int, list[tuple[int, Packed]]] = {}
        projects: dict[tuple[int, int], int] = {}
        writers: dict[tuple[int, str], int] = {}
        admitted: set[int] = set()
        for request in group:
            state = self.runs.get(request.run)
            if state is None:  # Somebody emptied the database meanwhile.
                request.error = StoreUnavailable("the run's stream is not there")
                continue
            if not self._in_turn(request, state):
                continue
            admitted.add(request.run)
            state.heard_at = max(state.heard_at, clock)
            log_rows += self._admit(request, state, clock, chunks_of.setdefault(request.run, []))
            for part in request.parts:
                for metric in part.metrics:
                    projects[request.run, metric] = request.project
            if request.batch.writer is not None:
                writers[request.run, request.batch.writer] = state.heard_at
        if resting := {run for run in admitted if self.runs[run].state == RESTING}:
            wake_up(connection, resting)
            for run in resting:
                self.runs[run].state = LIVE
        with self._sql.last(connection):
            for run, numbered in chunks_of.items():
                self._sql.write_packed(connection, run, numbered)
            self._write(connection, log_rows, projects, writers, admitted)

    def _in_turn(self, request: Request, state: RunState) -> bool:
        """Whether to store the request; if not, its receipt or its error says why."""
        if state.state >= DELETING:
            request.error = RunDeleted(f"run {request.run} is deleted")
            return False
        batch = request.batch
        if batch.writer is None or batch.seq is None:
            return True
        before = state.writers[batch.writer] or WriterState(0, 0, 0, None)
        if batch.seq == before.seq + 1:
            return True
        if batch.seq > before.seq:
            request.error = OutOfTurn("gap", before.seq + 1)
        elif batch.seq < before.seq:
            last_id = before.first_id + before.count - 1
            request.receipt = Receipt(batch.count, 0, last_id, repeated=True)
        elif before.fingerprint and batch.fingerprint and before.fingerprint != batch.fingerprint:
            request.error = OutOfTurn("changed", before.seq + 1)
        else:
            last_id = before.first_id + before.count - 1
            request.receipt = Receipt(before.count, before.first_id, last_id, repeated=True)
        return False

    def _admit(
        self, request: Request, state: RunState, clock: int, large: list[tuple[int, Packed]]
    ) -> list[dict[str, Any]]:
        """Give the request its ids and its receipt; its rows of the log, and in `large` what skips it."""
        first_id = state.next_id
        # The server's own times never go back within a run, so that its order by time is its order by id.
        now = clock if state.last_time is None else max(clock, state.last_time)
        rows: list[dict[str, Any]] = []
        axis: tuple[Ints, Ints] | None = None
        for in_log, parts in groupby(request.parts, key=lambda part: part.large is None):
            start, frame_blocks = state.next_id, []
            for part in parts:
                before = state.next_id
                blocks = admit(part, state, now)
                axis = axis or axis_of(blocks[0])
                frame_blocks += blocks
                if not in_log:
                    large += enumerate(packed(part, blocks, before), state.next_axis)
                    state.next_axis = large[-1][0] + 1
                    state.tail_rows = max(state.tail_rows, 1)  # There may be something to merge.
            if in_log:
                frame = checksum.add(encode(frame_blocks))
                rows.append({"run_no": request.run, "id0": start, "n": state.next_id - start, "frame": frame})
                state.tail_rows += sum(block.rows for block in frame_blocks)
                state.tail_bytes += len(frame)
        count = state.next_id - first_id
        state.next_seq += 1
        batch = request.batch
        if batch.writer is not None and batch.seq is not None:
            state.writers[batch.writer] = WriterState(batch.seq, first_id, count, batch.fingerprint)
        request.receipt = Receipt(count, first_id, state.next_id - 1, False, *(axis or (None, None)))
        return rows

    def _write(
        self,
        connection: Connection,
        log_rows: list[dict[str, Any]],
        projects: dict[tuple[int, int], int],
        writers: dict[tuple[int, str], int],
        admitted: set[int],
    ) -> None:
        if log_rows:
            self._sql.write(connection, self._sql.add_log, log_rows)
        if projects:
            rows = []
            for (run, metric), project in projects.items():
                state = self.runs[run]
                summary = state.series[metric]
                assert summary is not None  # noqa: S101 - it was admitted
                key = {"run_no": run, "metric_id": metric, "project_id": project}
                rows.append(key | {"live": int(state.state == LIVE)} | summary.row())
            self._sql.write(connection, self._sql.put_series, rows)
        if admitted:
            rows = [stream_row(run, self.runs[run].state, self.runs[run]) for run in admitted]
            self._sql.write(connection, self._sql.put_stream, [row | {"run": row["run_no"]} for row in rows])
        if writers:
            self._sql.write(
                connection,
                self._sql.put_writer,
                [writer_row(*key, self.runs[key[0]].writers[key[1]], at) for key, at in writers.items()],
            )

    def _read_runs(self, connection: Connection, runs: list[int]) -> None:
        """Lock the rows of the runs, in one order for everybody, and see whether what is remembered still holds."""
        present = set()
        for row in self._sql.streams(connection, runs):
            present.add(row.run_no)
            state = self.runs.get(row.run_no)
            if state and state.next_seq == row.next_seq:
                # Sealing counts no request, so these may have changed nevertheless.
                state.state, state.next_axis = row.state, row.next_axis
                state.tail_rows, state.tail_bytes = row.tail_rows, row.tail_bytes
            else:
                self.runs[row.run_no] = RunState(
                    state=row.state,
                    next_id=row.next_id,
                    next_seq=row.next_seq,
                    heard_at=row.heard_at,
                    first_time=row.first_ts,
                    last_time=row.last_ts,
                    ordered=bool(row.ordered),
                    next_axis=row.next_axis,
                    tail_rows=row.tail_rows,
                    tail_bytes=row.tail_bytes,
                )
        for run in set(runs) - present:
            self.runs.pop(run, None)

    def _read_series(self, connection: Connection, request: Request) -> None:
        """Read the series and the writer that the request needs, as far as they are not remembered."""
        state, c = self.runs[request.run], metric_series.c
        missing = [m for part in request.parts for m in part.metrics if m not in state.series]
        for metrics in chunks(missing):
            state.series.update(dict.fromkeys(metrics))
            for row in connection.execute(
                select(metric_series).where(c.run_no == request.run, c.metric_id.in_(metrics))
            ):
                state.series[row.metric_id] = RunningSummary.of(row)
        self._remembered += len(missing)
        writer, w = request.batch.writer, metric_writer.c
        if writer is not None and writer not in state.writers:
            query = select(w.last_seq, w.last_id0, w.last_n, w.fingerprint)
            stored = connection.execute(query.where(w.run_no == request.run, w.writer_id == writer)).first()
            state.writers[writer] = WriterState(*stored) if stored else None
            self._remembered += 1
