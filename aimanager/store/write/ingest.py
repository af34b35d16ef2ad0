"""How requests get into the database: prepared by their own threads, and committed in groups."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ...db.engine import Database
from ...db.write_gate import PATIENCE
from ..base import StoreUnavailable
from ..names import Names
from ..shapes import Batch, Clock, Receipt
from ..statements import Statements
from ..tables import LIVE
from .commit import Committer, Request
from .group_commit import GroupCommit
from .request import prepare, stream_row

log = logging.getLogger(__name__)

_MOST_INTRODUCED = 1_000_000
_LEAST_PATIENCE = 0.5  # Seconds that a group waits for its turn to write, however long its members have waited.


class Ingest:
    """The way in; safe to use from any thread."""

    def __init__(
        self,
        database: Database,
        names: Names,
        statements: Statements,
        clock: Clock,
        on_growth: Callable[[int, int, int], None],
    ) -> None:
        """`on_growth` gets a run, and the rows and bytes of its tail, after a commit."""
        self._on_growth = on_growth
        self._database = database
        self._names = names
        self._sql = statements
        self._group = GroupCommit(self._commit)
        self._introduced: set[int] = set()  # Runs that have a row in metric_stream.
        self.committer = Committer(statements, clock)

    def append(self, run: int, project: int, batch: Batch) -> Receipt:
        names = [column.name for column in batch.columns]
        metric_ids = self._names.remembered(names)
        if run not in self._introduced or len(metric_ids) < len(set(names)):
            metric_ids = self._introduce(run, names)
        request = Request(run, project, batch, prepare(batch, metric_ids))
        self._group.carry_out(request)
        if request.error:
            raise request.error
        if request.receipt is None:
            raise StoreUnavailable("the write did not come to an end")
        return request.receipt

    def _introduce(self, run: int, names: list[str]) -> dict[str, int]:
        """Give the run its row and the names their numbers, in a short transaction of their own."""
        try:
            with self._database.writing() as connection:
                metric_ids = self._names.add(connection, names)
                connection.execute(self._sql.add_stream, [stream_row(run, LIVE)])
        except Exception as error:
            failure = self._failure(error)
            raise failure from failure.__cause__
        if len(self._introduced) >= _MOST_INTRODUCED:
            self._introduced.clear()
        self._introduced.add(run)
        return metric_ids

    def _commit(self, group: list[Request]) -> None:
        """Store a group; where it fails for a reason that may lie in one of them, store each by itself."""
        error = self._commit_together(group)
        if error is None:
            return
        if len(group) > 1 and not self._is_outage(error):
            log.warning("a group of %d requests failed, each is stored by itself: %s", len(group), error)
            for request in group:
                request.receipt = request.error = None  # What the failed transaction said of it.
                self._commit([request])
            return
        log.error("a group of %d requests could not be stored", len(group), exc_info=error)
        for request in group:
            request.error = self._failure(error)

    def _commit_together(self, group: list[Request]) -> Exception | None:
        """Store a group in one transaction, or nothing of it; the error if it failed."""
        # What the first in line has waited for other groups is not waited once more.
        patience = max(_LEAST_PATIENCE, PATIENCE - (time.monotonic() - group[0].arrived))
        try:
            with self._database.writing(patience) as connection:
                self.committer.store(connection, group)
        except BaseException as error:
            # Whatever it was: the transaction is gone, and with it all that was remembered from within.
            self.committer.forget()
            if isinstance(error, Exception):
                return error
            for request in group:
                request.error = self._failure(error)
            raise
        for run in {request.run for request in group}:
            if state := self.committer.runs.get(run):
                self._on_growth(run, state.tail_rows, state.tail_bytes)
            else:
                self._introduced.discard(run)
        return None

    def _is_outage(self, error: BaseException) -> bool:
        """Whether the database or the way to it failed, so that every other request would fail too."""
        driver = self._database.engine.dialect.loaded_dbapi
        cause = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(cause, (driver.OperationalError, driver.InterfaceError, OSError, PoolTimeout))

    def _failure(self, error: BaseException) -> BaseException:
        """The error for the sender of a failed request: the database cannot be written, or its data cannot be stored."""
        driver = self._database.engine.dialect.loaded_dbapi
        cause = error.orig if isinstance(error, StatementError) else error
        if isinstance(cause, (driver.DataError, ValueError, OverflowError)):
            return cause
        failure = StoreUnavailable("the database cannot be written just now")
        failure.__cause__ = error
        return failure
