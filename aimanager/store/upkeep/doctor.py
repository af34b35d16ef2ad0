"""Holds everything that is stored about points and console output against what it is about, and says what does not agree.

What has no second account in the database cannot be told: a step or a time within a node of 256 rows that stays between
its edges and in order, and the last digits of a value within a node, below what the sum of its series has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select, union

from ...db.engine import Database
from ..console import examination as console
from ..console_tables import console_chunk, console_stream, console_writer
from ..tables import BEING_DELETED, DELETING, metric_rollup, metric_stream
from .examination import Examination, Fault


class NoPoints(Exception):
    """A run in the list has neither points nor console output, or does not exist."""

    def __init__(self, run: int) -> None:
        super().__init__(f"There are no points of a run {run}.")


def check(database: Database, runs: Sequence[int] | None = None) -> Iterator[Fault]:
    """The faults of some runs or of all, run by run, each within a snapshot of its own. Raises NoPoints."""
    for run in runs_of(database, runs):
        yield from examine(database, run)


def runs_of(database: Database, runs: Sequence[int] | None = None) -> Sequence[int]:
    """These runs, or all that have points or console output, or what is left of some. Raises NoPoints."""
    with database.reading() as connection:
        c = metric_stream.c
        with_points = select(c.run_no).where(c.state < DELETING)
        # What a run need not have is not missed there either: it is looked for where it is.
        others = (metric_rollup, console_stream, console_chunk, console_writer)
        with_others = union(*(select(table.c.run_no) for table in others))
        found = {*connection.scalars(with_points), *connection.scalars(with_others)}
        all_runs = sorted(found.difference(connection.scalars(select(c.run_no).where(BEING_DELETED))))
    for run in set(runs or ()).difference(all_runs):
        raise NoPoints(run)
    return all_runs if runs is None else runs


def examine(database: Database, run: int) -> list[Fault]:
    """The faults of a run, within one snapshot."""
    with database.reading() as connection:
        of_points = Examination(connection, run).faults()
        return [*of_points, *(Fault(run, None, place, what) for place, what in console.faults(connection, run))]
