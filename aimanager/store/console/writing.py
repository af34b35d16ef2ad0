"""Lines into the database: once, in order, many requests in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ...db.engine import Database
from ..base import OutOfTurn, RunDeleted, StoreUnavailable
from ..console_tables import console_chunk, console_stream, console_writer
from ..statements import Statements
from ..write.group_commit import GroupCommit, Waiting
from .chunk import Batch, Line
from .tail import Prepared, Tail

_NEW = {"lines": 0, "bytes": 0, "left_out": 0, "kinds": 0, "ranks": "[]", "cursors": "{}"}


@dataclass(frozen=True)
class Lines:
    """What a request brings: lines, the places of those with which the next one goes on, and whose request it is."""

    lines: Batch
    partial: frozenset[int] = frozenset()
    writer: str | None = None
    seq: int | None = None
    fingerprint: bytes | None = None

    @classmethod
    def of(cls, lines: Iterable[tuple[Line, bool]], writer: str | None = None, seq: int | None = None) -> Lines:
        """Of lines, each with whether the next one goes on with it."""
        pairs = list(lines)
        partial = frozenset(place for place, (_, is_partial) in enumerate(pairs) if is_partial)
        return cls(Batch.of(line for line, _ in pairs), partial, writer, seq)


@dataclass(frozen=True)
class Kept:
    """What became of a request: the run's last line, how many lines had no room, and whether it was a repeat."""

    last_line: int
    left_out: int = 0
    repeated: bool = False


class Request(Waiting):
    __slots__ = ("kept", "lines", "project", "run", "sent")

    def __init__(self, run: int, project: int, sent: Lines) -> None:
        self.lines = Prepared(sent.lines, sent.partial)  # Before anybody waits for it.
        super().__init__(size=self.lines.size)
        self.run, self.project, self.sent = run, project, sent
        self.kept: Kept | None = None


class Writing:
    """The way in; safe to use from any thread. `most` is how many bytes of text are kept of a run."""

    def __init__(self, database: Database, most: int) -> None:
        self._database, self._most = database, most
        self._sql = Statements(database.engine.dialect)
        self._put = {table: self._sql.upsert(table) for table in (console_chunk, console_writer)}
        self._group = GroupCommit(self._commit)

    def append(self, run: int, project: int, sent: Lines) -> Kept:
        request = Request(run, project, sent)
        self._group.carry_out(request)
        if request.error:
            raise request.error
        if request.kept is None:
            raise StoreUnavailable("the write did not come to an end")
        return request.kept

    def _commit(self, group: list[Request]) -> None:
        """Store a group; where it fails for a reason that may lie in one of them, store each by itself."""
        try:
            with self._database.writing() as connection:
                for run in sorted({request.run for request in group}):
                    self._store(connection, run, [request for request in group if request.run == run])
        except RunDeleted as error:
            self._one_by_one(group, error)
        except (OperationalError, InterfaceError, PoolTimeout) as error:  # Each of them would fail.
            for request in group:
                request.error = _unavailable(error)
        except SQLAlchemyError as error:
            self._one_by_one(group, _unavailable(error))

    def _one_by_one(self, group: list[Request], error: Exception) -> None:
        for request in group:
            request.kept = request.error = None  # What the failed transaction said of it.
            if len(group) == 1:
                request.error = error
            else:
                self._commit([request])

    def _store(self, connection: Connection, run: int, requests: list[Request]) -> None:
        tail = Tail(connection, self._stream(connection, run, requests[0].project))
        before = tail.stream_row()
        writers: dict[str, tuple[int, bytes | None, int]] = {}
        for request in requests:
            sent = request.sent
            if sent.writer is not None and not self._in_turn(connection, request, writers, tail.last):
                continue
            left_out = tail.write(request.lines, self._most)
            request.kept = Kept(tail.last, left_out)
            if sent.writer is not None:
                writers[sent.writer] = (sent.seq or 0, sent.fingerprint, tail.last)
        self._sql.write(connection, self._put[console_chunk], tail.chunk_rows())
        if (after := tail.stream_row()) != before:
            c = console_stream.c
            connection.execute(console_stream.update().where(c.run_no == run).values(after))
        rows = [
            {"run_no": run, "writer_id": writer, "last_seq": seq, "fingerprint": fingerprint, "last_line": line}
            for writer, (seq, fingerprint, line) in writers.items()
        ]
        self._sql.write(connection, self._put[console_writer], rows)

    def _stream(self, connection: Connection, run: int, project: int) -> dict:
        """The run's row, which nobody else changes meanwhile. Raises RunDeleted."""
        c = console_stream.c
        query = select(console_stream).where(c.run_no == run).with_for_update()
        row = connection.execute(query).mappings().first()
        if row is None:
            new = {"run_no": run, "project_id": project, **_NEW}
            try:
                connection.execute(self._sql.add(console_stream), [new])
            except IntegrityError as error:
                raise RunDeleted(f"run {run} is deleted") from error
            row = connection.execute(query).mappings().first()
        if row is None:
            raise RunDeleted(f"run {run} is deleted")
        return dict(row)

    def _in_turn(self, connection: Connection, request: Request, writers: dict, last: int) -> bool:
        """Whether to store the request; if not, its receipt or its error says why."""
        sent, c = request.sent, console_writer.c
        before = writers.get(sent.writer or "")
        if before is None:
            query = select(c.last_seq, c.fingerprint, c.last_line)
            row = connection.execute(query.where(c.run_no == request.run, c.writer_id == sent.writer)).first()
            before = tuple(row) if row else (0, None, 0)
        seq, fingerprint, line = before
        if sent.seq == seq + 1:
            return True
        if sent.seq > seq:
            request.error = OutOfTurn("gap", seq + 1)
        elif sent.seq == seq and fingerprint and sent.fingerprint and fingerprint != sent.fingerprint:
            request.error = OutOfTurn("changed", seq + 1)
        else:
            request.kept = Kept(line, repeated=True)
        return False


def _unavailable(error: Exception) -> StoreUnavailable:
    failure = StoreUnavailable("the database cannot be written just now")
    failure.__cause__ = error
    return failure
