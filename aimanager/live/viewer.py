"""Who looks at what, and how far they have seen."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .sockets import GuardedSocket


@dataclass(eq=False, slots=True)
class Viewer:
    """One socket in one room, `run:7`, `project:3` or `home:5`, which is of a user.

    A socket is opened for one room, and may watch runs besides: `watching` has a viewer for each of them by its room,
    whose `host` is the one that opened the socket.

    `cursor` is the last point that was sent, `goal` the last one that the run had when the viewer came: up
    to there it is given everything, however far back it began. `version` is the state of the room's news
    that it has been told.
    """

    socket: GuardedSocket
    room: str
    principal: Any = None
    cursor: int = 0
    goal: int = 0
    version: int = 0
    greeted: bool = False
    served: float = 0.0
    checked_at: float = 0.0
    recheck_at: float = 0.0
    since: float | None = None  # When the page of a project was made, in seconds since 1970.
    host: Viewer | None = None
    watching: dict[str, Viewer] = field(default_factory=dict)

    def send(self, frame: bytes, cursor: int, now: float) -> None:
        """Offer points up to `cursor`; a viewer that is busy stays where it is."""
        if self.socket.offer(frame):
            self.cursor, self.served = cursor, now


class Room:
    """The viewers of one run or project and the latest news that is not points, numbered by `version`."""

    def __init__(self) -> None:
        self.viewers: frozenset[Viewer] = frozenset()  # Replaced, never changed: the hub walks it without a lock.
        self.news = b""
        self.version = 0
        self.last_line = 0  # Of the run's console, as far as the viewers were told.
        self.refreshed_at = time.monotonic()  # When the hub last looked for news by itself.

    def announce(self, news: bytes) -> None:
        """Set the news and tell everybody."""
        self.news, self.version = news, self.version + 1
        self.send_news(self.viewers)

    def send_news(self, viewers: Iterable[Viewer]) -> None:
        """Send the news to viewers that have not had it; a busy one gets the latest when it has caught up."""
        for viewer in viewers:
            if self.news and viewer.version != self.version:
                version = self.version
                if viewer.socket.offer(self.news):
                    viewer.version = version
