"""Who is in which room. Rooms are made when somebody enters and go with the last one who leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from .viewer import Room, Viewer


class Rooms:
    """The rooms by their names, for threads that enter and leave while the hub walks through them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rooms: dict[str, Room] = {}
        self.homes = 0  # Rooms of people who look at their home.

    def __contains__(self, name: str) -> bool:
        return name in self._rooms

    def get(self, name: str) -> Room | None:
        return self._rooms.get(name)

    def of_runs(self) -> dict[int, Room]:
        """The rooms of runs by the number of the run."""
        return {int(name[4:]): room for name, room in list(self._rooms.items()) if name.startswith("run:")}

    def viewers(self) -> list[Viewer]:
        """Everybody in every room: a socket that watches runs is here once for each of them."""
        with self._lock:
            return [viewer for room in self._rooms.values() for viewer in room.viewers]

    def hosts(self) -> list[Viewer]:
        """Everybody once."""
        return [viewer for viewer in self.viewers() if viewer.host is None]

    def enter(self, viewer: Viewer) -> None:
        """Let a viewer in, to be told what is new from now on."""
        with self._lock:
            self._enter(viewer)
            self._count_homes()

    def leave(self, viewer: Viewer) -> None:
        """Let a viewer go, with all that it watches."""
        with self._lock:
            if viewer.host:
                viewer.host.watching.pop(viewer.room, None)
            for each in (viewer, *viewer.watching.values()):
                self._leave(each)
            viewer.watching.clear()
            self._count_homes()

    def watch(self, host: Viewer, cursors: Mapping[str, int]) -> None:
        """Let a socket watch these rooms from these ids on, and leave those that it watched before.

        A room that it watched already goes on from where it is, unless the viewer has not come so far: what was sent
        while it did not look is sent again.
        """
        with self._lock:
            room = self._rooms.get(host.room)
            if room is None or host not in room.viewers:
                return  # It has left.
            for name in host.watching.keys() - cursors.keys():
                self._leave(host.watching.pop(name))
            for name, cursor in cursors.items():
                former = host.watching.get(name)
                if name == host.room or (former and former.cursor <= cursor):
                    continue
                guest = Viewer(host.socket, name, host.principal, cursor=cursor, host=host)
                host.watching[name] = guest
                self._enter(guest)
                if former:
                    guest.version, guest.greeted = former.version, former.greeted
                    self._leave(former)

    def _enter(self, viewer: Viewer) -> None:
        room = self._rooms.setdefault(viewer.room, Room())
        viewer.version = room.version
        viewer.checked_at = time.monotonic()
        # Its rights were read before it was let in: what has been revoked since was announced too early for it.
        viewer.recheck_at = viewer.checked_at
        room.viewers |= {viewer}

    def _leave(self, viewer: Viewer) -> None:
        room = self._rooms.get(viewer.room)
        if room is None:
            return
        room.viewers -= {viewer}
        if not room.viewers:
            del self._rooms[viewer.room]

    def _count_homes(self) -> None:
        self.homes = sum(name.startswith("home:") for name in self._rooms)
