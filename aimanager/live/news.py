"""When each project last had news: a page that was made before its socket joined is told at once what it missed, and only then."""

from __future__ import annotations

import time


class News:
    """Noted on any thread. Of the time before it began it knows nothing, and says that there was news."""

    def __init__(self) -> None:
        self._begun = time.time()
        self._noted: dict[int, float] = {}

    def note(self, project: int) -> None:
        self._noted[project] = time.time()

    def since(self, project: int, moment: float) -> bool:
        """Whether there may have been news at this moment, in seconds since 1970, or later."""
        return moment < self._begun or self._noted.get(project, 0.0) >= moment
