"""Clearing runs away: hidden in one short transaction, then taken apart in steps that leave the gate to others.

What they have left free, SQLite gives back to the disk in such steps too. PostgreSQL uses it again for other runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Table, delete, select, tuple_, update
from sqlalchemy.engine import Connection

from ...db.engine import Database
from ..statements import Statements, chunks
from ..tables import BEING_DELETED, DELETED, DELETING, OF_RUNS, metric_stream
from ..write.request import stream_row

ROWS = 500  # In one transaction: a few milliseconds for small frames, some tens for the largest.
_INCREMENTAL = 2  # What PRAGMA auto_vacuum says.
_PAGES = 256  # Pages that are given back in one transaction, 1 MB.
_KEPT, _SHARE = 1024, 16  # So many free pages, or this share of the file, are kept for what is written next.


class Removal:
    """What one process began, any other ends: the state in the stream's row is all there is to know.

    `rows` is how many rows one transaction takes away at most.
    """

    def __init__(self, database: Database, statements: Statements, rows: int = ROWS) -> None:
        self._database = database
        self._sql = statements
        self._rows = rows

    def hide(self, connection: Connection, runs: Sequence[int]) -> None:
        """Once the transaction of the connection is committed, nobody reads these runs or adds to them; also those
        that never had a point."""
        for part in chunks(sorted(set(runs))):
            c = metric_stream.c
            connection.execute(self._sql.add_stream, [stream_row(run, DELETING) for run in part])
            connection.execute(self._sql.lock_streams, {"runs": part})
            connection.execute(
                update(metric_stream).where(c.run_no.in_(part), c.state < DELETING).values(state=DELETING)
            )

    def sweep(self, stop: Callable[[], bool]) -> None:
        """Take apart all that is hidden, until told to stop; half of the time is left to other writers."""
        with self._database.reading() as connection:
            hidden = connection.scalars(select(metric_stream.c.run_no).where(BEING_DELETED)).all()
        for run in hidden:
            gone = False
            while not gone and not stop():
                started = time.monotonic()
                gone = self.step(run)
                time.sleep(time.monotonic() - started)

    def step(self, run: int) -> bool:
        """Take away some of a run's rows; whether none is left but the mark that it is deleted."""
        room = self._rows
        with self._database.writing() as connection:
            # Rows are selected by key, and two processes may do this at once: a row that is gone already does no harm.
            for table in OF_RUNS:
                room -= _delete_first(connection, table, run, room)
                if room <= 0:
                    return False
            connection.execute(update(metric_stream).where(metric_stream.c.run_no == run).values(state=DELETED))
            return True

    def give_back(self, stop: Callable[[], bool]) -> None:
        """Make the SQLite file smaller by what it has no use for, until told to stop; half of the time is others'."""
        if not self._database.is_sqlite:
            return
        smaller = False
        while not stop():
            started = time.monotonic()
            if not self._shrink():
                break
            smaller = True
            time.sleep(time.monotonic() - started)
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


def _delete_first(connection: Connection, table: Table, run: int, most: int) -> int:
    """Delete the first rows of a run by their key, at most so many; how many there were."""
    keys = [column for column in table.primary_key if column.name != "run_no"]
    first = select(*keys).where(table.c.run_no == run).order_by(*keys).limit(most)
    rows = connection.execute(first).all()
    if rows:
        up_to_last = tuple_(*keys) <= tuple_(*rows[-1])
        connection.execute(delete(table).where(table.c.run_no == run, up_to_last))
    return len(rows)
