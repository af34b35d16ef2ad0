"""The console output of runs: numbered lines, kept as a terminal would show them, packed in chunks."""

from __future__ import annotations

from ...db.engine import Database
from .chunk import NO_RANK, STREAMS, Batch, Line
from .reading import Extent, Hits, Only, Reading, Some
from .screen import HEIGHT
from .writing import Kept, Lines, Writing


class Console(Reading):
    """The console output of all runs of a database. `most` is how many bytes of text are kept of a run."""

    def __init__(self, database: Database, most: int) -> None:
        super().__init__(database)
        self.most = most
        self._writing = Writing(database, most)

    def append(self, run: int, project: int, sent: Lines) -> Kept:
        """Keep a request once. Raises OutOfTurn, RunDeleted, StoreUnavailable."""
        return self._writing.append(run, project, sent)


__all__ = [
    "HEIGHT",
    "NO_RANK",
    "STREAMS",
    "Batch",
    "Console",
    "Extent",
    "Hits",
    "Kept",
    "Line",
    "Lines",
    "Only",
    "Some",
]
