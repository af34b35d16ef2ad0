"""Carries a run's points from the store to its viewers, each from where it is."""

import time
from collections import defaultdict
from collections.abc import Iterable

from . import frames
from .source import PointSource
from .viewer import Viewer

POINTS = 8_000
FRAME_LIMIT = 512 * 1024  # Half of what a socket keeps for a viewer that does not read.
TOO_FAR = 50_000  # Beyond it a page is drawn again from a chart sooner than from points.
ROUND = 0.1  # Seconds after which a round leaves the remaining viewers to the next one.


class Relay:
    """Reads once and encodes once for all viewers that are at the same point."""

    def __init__(self, store: PointSource) -> None:
        self._store = store

    def advance(self, run: int, viewers: Iterable[Viewer]) -> bool:
        """Bring everybody who has read all that was sent one frame further; True when there is more."""
        began = time.monotonic()
        groups: dict[int, list[Viewer]] = defaultdict(list)
        for viewer in viewers:
            if not viewer.socket.busy:
                groups[viewer.cursor].append(viewer)
        has_more = False
        # Those who have waited longest come first, so that a hundred replays take turns with the live ones.
        for cursor, group in sorted(groups.items(), key=lambda item: item[1][0].served):
            if time.monotonic() - began > ROUND:
                return True
            has_more |= self._serve(run, cursor, group)
        return has_more

    def _serve(self, run: int, cursor: int, group: list[Viewer]) -> bool:
        frame, last_id, complete, rewound = self._next(run, cursor)
        if rewound:
            # What they have may have gone from the run: they begin anew.
            self._begin_anew(run, group)
            return False
        if not complete:
            group = self._resync(run, cursor, group)
        now = time.monotonic()
        for viewer in group:
            viewer.served = now
            if frame:
                viewer.send(frame, last_id, now)
        return not complete and bool(group)

    def _next(self, run: int, cursor: int) -> tuple[bytes, int, bool, bool]:
        """The points after an id as a frame of bearable size, the last id in it, if that is all, and if the run was rewound."""
        limit = POINTS
        while True:
            tail = self._store.since(run, cursor, limit)
            if tail.rewound or not tail.series:
                return b"", cursor, True, tail.rewound
            frame = frames.metrics(run, tail)
            if len(frame) <= FRAME_LIMIT or limit == 1:
                return frame, tail.last_id, tail.complete, False
            limit = max(1, limit // 8)

    def _resync(self, run: int, cursor: int, group: list[Viewer]) -> list[Viewer]:
        """Let live viewers that are hopelessly late go on from the end; the others are returned."""
        head = self._store.heads([run])[run].last_id
        if head - cursor <= TOO_FAR:
            return group
        self._begin_anew(run, [viewer for viewer in group if viewer.goal <= cursor])
        return [viewer for viewer in group if viewer.goal > cursor]

    def _begin_anew(self, run: int, group: list[Viewer]) -> None:
        """Tell viewers to fetch all anew, and to go on from the end."""
        head, now = self._store.heads([run])[run].last_id, time.monotonic()
        resync = frames.message("resync", run_id=run, last_id=head)
        for viewer in group:
            viewer.send(resync, head, now)
