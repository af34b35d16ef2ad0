"""Everything that is done to stored points when nobody waits; any process may do it, at any time."""

from __future__ import annotations

import logging

from ...db.engine import Database
from ..base import DamagedPoints
from ..shapes import Clock
from ..statements import Statements
from . import idle_runs, last_values
from .removal import Removal
from .seal import Sealer

log = logging.getLogger(__name__)

_REST_EVERY = 60_000_000  # Microseconds between two looks for runs that got no point for long.


class Upkeep:
    """Does what is due, be it of this process or of another."""

    def __init__(self, database: Database, statements: Statements, clock: Clock) -> None:
        self._database = database
        self._sql = statements
        self._clock = clock
        self.sealer = Sealer(database, statements, clock)
        self.removal = Removal(database, statements)
        self._looked_for_silent_at: int | None = None
        self._reported: set[tuple[object, ...]] = set()  # Damage that is in the log already.
        self._closed = False

    def tidy(self, wait: float) -> None:
        """One round, which begins with the first run that has work, or after `wait` seconds; ends early when closed."""
        for run in self.sealer.due(wait):
            if self._closed:
                return
            try:
                self.sealer.tidy(run)
            except DamagedPoints as damage:
                if damage.args not in self._reported:
                    self._reported.add(damage.args)
                    log.error("points cannot be read, so they stay as they are: %s", damage)
        self.sweep()
        if self._is_rest_due():
            idle_runs.put_to_rest(self._database, self._clock, self._is_closed)
        last_values.settle(self._database, self._sql, self._is_closed)
        self.removal.give_back(self._is_closed)

    def sweep(self) -> None:
        """Remove what is hidden."""
        self.removal.sweep(self._is_closed)

    def close(self) -> None:
        """End the round that is under way, after the transaction that it is in."""
        self._closed = True
        self.sealer.wake()

    def _is_closed(self) -> bool:
        return self._closed

    def _is_rest_due(self) -> bool:
        now = self._clock()
        last = self._looked_for_silent_at
        due = last is None or not 0 <= now - last < _REST_EVERY  # The clock may have been set back.
        if due:
            self._looked_for_silent_at = now
        return due
