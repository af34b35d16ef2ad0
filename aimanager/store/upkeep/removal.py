"""Clearing runs away: hidden in one short transaction, then taken apart in steps that leave the gate to others.

What they have left free, SQLite gives back to the disk in such steps too. PostgreSQL uses it again for other runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, Table, and_, delete, select, update
from sqlalchemy.engine import Connection

from ...db.engine import Database
from ..statements import Statements, chunks
from ..tables import BEING_DELETED, DELETED, DELETING, OF_RUNS, metric_stream
from ..write.request import stream_row

_STEP = 500  # Rows in one transaction: a few milliseconds for small frames, some tens for the largest.
_INCREMENTAL = 2  # What PRAGMA auto_vacuum says.
_PAGES = 256  # Pages that are given back in one transaction, 1 MB.
_KEPT, _SHARE = 1024, 16  # So many free pages, or this share of the file, are kept for what is written next.


class Removal:
    """What is begun is ended by whoever comes next: the state in the stream's row is all there is to know."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._sql = statements

    def hide(self, runs: Sequence[int]) -> None:
        """From now on nobody reads these runs or adds to them; also runs that never had a point."""
        for some in chunks(sorted(set(runs))):
            with self._database.writing() as connection:
                c = metric_stream.c
                rows = [stream_row(run, DELETING) for run in some]
                connection.execute(self._sql.add_stream, rows)
                connection.execute(self._sql.lock_streams, {"runs": some})
                connection.execute(
                    update(metric_stream).where(c.run_no.in_(some), c.state < DELETING).values(state=DELETING)
                )

    def sweep(self) -> None:
        """Take apart all that is hidden."""
        with self._database.reading() as connection:
            hidden = connection.scalars(select(metric_stream.c.run_no).where(BEING_DELETED)).all()
        for run in hidden:
            while not self._step(run):
                pass

    def give_back(self, stop: Callable[[], bool]) -> None:
        """Make the SQLite file smaller by what it has no use for, until told to stop; half of the time is others'."""
        if not self._database.is_sqlite:
            return
        smaller = False
        while not stop():
            begun = time.monotonic()
            if not self._shrink():
                break
            smaller = True
            time.sleep(time.monotonic() - begun)
        if smaller:
            self._database.checkpoint()  # Until then the file keeps its size.

    def _shrink(self) -> bool:
        """Give some free pages back; whether there were enough of them."""
        if not self._free():
            return False
        with self._database.writing() as connection:
            # The driver's own call: it does its work while the rows are fetched, of which there are none.
            driver = connection.connection.driver_connection
            driver.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()  # type: ignore[union-attr]
        return True

    def _free(self) -> bool:
        """Whether more pages are free than are kept, in a file that can give them back."""
        with self._database.reading() as connection:
            able, free, pages = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("auto_vacuum", "freelist_count", "page_count")
            )
        return able == _INCREMENTAL and free > max(_KEPT, pages // _SHARE)

    def _step(self, run: int) -> bool:
        """Take away some of a run's rows; whether that was the last of them."""
        with self._database.writing() as connection:
            # Rows are found by key, and two processes may be at it: what is gone already does no harm.
            for table in OF_RUNS:
                if _delete_some(connection, table, run):
                    return False
            connection.execute(update(metric_stream).where(metric_stream.c.run_no == run).values(state=DELETED))
            return True


def _delete_some(connection: Connection, table: Table, run: int) -> bool:
    """Delete the first rows of a run by their key, of one metric where that is part of it; whether there were any."""
    first, *others = [column for column in table.primary_key if column.name != "run_no"]
    mine: ColumnElement[bool] = table.c.run_no == run
    if others:
        metric = connection.scalar(select(first).where(mine).order_by(first).limit(1))
        first, mine = others[0], and_(mine, first == metric)
    some = connection.scalars(select(first).where(mine).order_by(first).limit(_STEP)).all()
    if some:
        connection.execute(delete(table).where(and_(mine, first >= some[0], first <= some[-1])))
    return bool(some)
