"""What the spools of a process need while they are written."""

from __future__ import annotations

import time

from ai_manager._sending.delivery import Delivery

FLUSH = 1.0  # Seconds after which what was logged is on the disk itself.
TOUCH = 30.0  # Seconds after which the files that show that this process lives are touched.


class Upkeep:
    """Brings what was logged to the disk, and shows that we live."""

    def __init__(self, cuts: bool) -> None:
        self._cuts = cuts  # Where nobody sends, nobody else ends the windows.
        self._flushed_at = self._touched_at = float("-inf")

    def see_to(self, deliveries: list[Delivery]) -> float | None:
        """Do what is due; the seconds until something is again, None for never."""
        now = time.monotonic()
        spools = [delivery.spool for delivery in deliveries if delivery.spool]
        if now - self._flushed_at >= FLUSH:
            self._flushed_at = now
            for spool in spools:
                if self._cuts:
                    spool.cut()
                spool.flush()
        if now - self._touched_at >= TOUCH:
            self._touched_at = now
            for delivery in deliveries:
                if delivery.folder:
                    delivery.folder.touch()
        if any(spool.is_dirty for spool in spools):
            return FLUSH
        return TOUCH if spools else None
