"""Holds everything that is stored about points against the points themselves, and says what does not agree.

What has no second account in the database cannot be told: a step or a time within a node of 256 rows that stays between
its edges and in order, and the last digits of a value within a node, below what the sum of its series has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select

from ...db.engine import Database
from ..tables import DELETING, metric_stream
from .examination import Examination, Fault


class NoPoints(Exception):
    """A run in the list has no points, or does not exist."""

    def __init__(self, run: int) -> None:
        super().__init__(f"There are no points of a run {run}.")


def check(database: Database, runs: Sequence[int] | None = None) -> Iterator[Fault]:
    """The faults of some runs or of all, run by run, each within a snapshot of its own. Raises NoPoints."""
    for run in runs_of(database, runs):
        yield from examine(database, run)


def runs_of(database: Database, runs: Sequence[int] | None = None) -> Sequence[int]:
    """These runs, or all that have points. Raises NoPoints."""
    with database.reading() as connection:
        c = metric_stream.c
        all_runs = connection.scalars(select(c.run_no).where(c.state < DELETING).order_by(c.run_no)).all()
    for run in set(runs or ()).difference(all_runs):
        raise NoPoints(run)
    return all_runs if runs is None else runs


def examine(database: Database, run: int) -> list[Fault]:
    """The faults of a run, within one snapshot."""
    with database.reading() as connection:
        return Examination(connection, run).faults()
