"""Spools of processes that have ended, waiting for their turn to be sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ai_manager._notices import Notices
from ai_manager._sending.delivery import Delivery
from ai_manager._spool.folder import Folder, folders
from ai_manager._spool.source import Leftover


class Leftovers:
    """A queue of folders. Filled by any thread, emptied by the one that sends."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._left: deque[Folder] = deque()
        self._given_up: set[Path] = set()

    def __len__(self) -> int:
        return len(self._left)

    def add(self, wanted: Callable[[Folder], bool]) -> None:
        """Queue what is on this machine and wanted, and neither written nor sent by a process."""
        waiting = {folder.path for folder in list(self._left)}
        for folder in folders():
            if folder.path not in waiting and wanted(folder) and not folder.is_written and not folder.is_sent:
                self._left.append(folder)

    def have(self, wanted: Callable[[Folder], bool]) -> bool:
        """Whether a process that has ended left something that is wanted. It is queued, unless another process sends it."""
        found = [
            folder.path
            for folder in folders()
            if folder.path not in self._given_up and folder.has_records and wanted(folder) and not folder.is_written
        ]
        if found:
            self.add(lambda folder: folder.path in found)
        return bool(found)

    @property
    def facts(self) -> list[dict[str, Any]]:
        """What the runs in the queue are."""
        return [folder.facts for folder in list(self._left)]

    def take_next(self, deliveries: list[Delivery]) -> None:
        """Add the next to the deliveries: at most one at a time, so that our own runs have their turn and memory stays small."""
        while self._left and all(delivery.is_live or delivery.is_waiting for delivery in deliveries):
            folder = self._left[0]
            try:
                if folder.take():
                    folder.facts["goes_on"] = goes_on(folder)
                    delivery = Delivery(Leftover(folder), folder, folder.facts, Notices())
                    if delivery.cursor.stopped:
                        folder.release()
                    else:
                        deliveries.append(delivery)
            except Exception as error:  # Another process's files may be anything.
                self.say_of(folder, error)
            finally:
                # Not before: who waits for it must find it in one of the two at any moment.
                self._left.popleft()

    def say_of(self, folder: Folder | None, error: Exception) -> None:
        """Why a spool of another process cannot be sent; one that is gone was sent by somebody else meanwhile."""
        if folder is not None:
            self._given_up.add(folder.path)
        if folder is None or folder.path.exists():
            self._notices.again("leftover", "%s cannot be sent: %r", folder and folder.path, error)


def goes_on(folder: Folder) -> bool:
    """Whether another process of this machine is in the same run, so that the end of this one is not the run's."""
    return any(
        other.path != folder.path and other.facts.get("key") == folder.facts.get("key") and other.is_written
        for other in folders(folder.path.parent)
    )
