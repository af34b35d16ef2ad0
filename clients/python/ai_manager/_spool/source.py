"""A log to read windows from: one's own, or one that another process left or still writes."""

from __future__ import annotations

from typing import Protocol

from ai_manager._spool.cursor import Cursor
from ai_manager._spool.folder import Folder
from ai_manager._spool.record import HEAD_BYTES
from ai_manager._spool.segment import SUFFIX, FileSegment
from ai_manager._spool.window import Segment, Window, read_window


class Source(Protocol):
    """What can be read: the segments, and whether anything will be added to them."""

    @property
    def is_final(self) -> bool: ...

    def segments(self) -> list[Segment]: ...

    def forget(self, number: int) -> None: ...


class Leftover:
    """The log of another process. It grows as long as that lives."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.is_final = not folder.is_written

    def look(self) -> None:
        """See anew whether its process lives."""
        self.is_final = not self.folder.is_written

    def segments(self) -> list[Segment]:
        """The files as they are now. Raises OSError, NewerFormat."""
        paths = sorted(self.folder.path.glob("[0-9]*" + SUFFIX))
        return [segment for path in paths if (segment := FileSegment.open(path))]

    def forget(self, number: int) -> None:
        for segment in self.segments():
            if segment.number < number:
                segment.discard()

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return sum(segment.end - HEAD_BYTES for segment in self.segments())


def next_window(source: Source, cursor: Cursor) -> Window | None:
    """The window at the cursor, which moves on to the next segment where one is read to its end; None when there is none yet."""
    segments = source.segments()
    for segment in segments:
        if segment.number < cursor.segment:
            continue
        if segment.number > cursor.segment:
            cursor.enter(segment.number, segment.head, HEAD_BYTES)
        window = read_window(segment, cursor.offset, source.is_final or segment is not segments[-1])
        if window:
            return window
    return None
