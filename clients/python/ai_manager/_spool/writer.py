"""The log that a training process appends to."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import uuid
import zlib
from collections import deque
from collections.abc import Callable
from typing import Any

from ai_manager._notices import Notices
from ai_manager._spool.folder import Folder
from ai_manager._spool.record import CUT_RECORD, FRAME, POINTS, Head, pack_fact, pack_names, row_packer
from ai_manager._spool.segment import BYTES, FileSegment, MemorySegment
from ai_manager._spool.window import Segment

LIMIT = 1 << 30  # Bytes on disk that wait for the server.
MEMORY = 48 << 20  # The same in memory, while the disk takes nothing.
MEMORY_SEGMENT = 1 << 20
SMALLEST_SEGMENT = 64 << 10
RETRY_DISK = 30.0  # Seconds after which a disk that took nothing is tried again.

# A window is one batch: what the server takes at once, with room to spare.
WINDOW_POINTS = 20_000
WINDOW_BYTES = 4 << 20
WINDOW_NAMES = 9_000
WINDOW_HEAD = 3 << 20  # Bytes of the names in a batch's head, which has at most 4 MiB.
WINDOW_SETS = 60_000
NAME_BYTES = 140  # What a metric takes in the head besides its name.

Packer = Callable[..., bytes]


class Full(Exception):
    """There is no room for a record."""


class Spool:
    """Appends records and cuts them into windows; forgets the segments that are delivered.

    `points` and `fact` may be called by any thread, from signal handlers and finalisers. They never raise: what
    the disk does not take waits in memory up to a bound, and what has no room there is counted.
    """

    def __init__(self, folder: Folder | None, notices: Notices, limit: int = LIMIT) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self.dropped = 0  # Values that had no room, or came after the end.
        self.logged = 0  # Values that are in the log.
        self.is_over = False
        self.wake: Callable[[], None] = lambda: None  # Called when something waits and nothing did before.
        self.cut_at = (0, 0)  # Segment and offset of the last cut.
        self._notices = notices
        self._limit = limit
        self._segment_bytes = min(BYTES, max(SMALLEST_SEGMENT, limit // 8))
        self._segments: deque[Segment] = deque()
        self._unflushed: list[Segment] = []
        self._aside: deque[tuple[Any, ...]] = deque()  # What comes while this thread is in the middle of a record.
        self._is_busy = False
        self.is_dirty = False  # Whether something was written since the last flush.
        self._disk_tried = float("-inf")
        self._client = str(uuid.uuid4())
        self._windows = 0  # Windows with points so far, under this client.
        self._points = 0
        self._next_segment()

    # Called by whoever logs.

    def points(self, step: int, when: float, names: tuple[str, ...], values: tuple[float, ...]) -> None:
        """Append a row. `when` is in seconds since 1970."""
        with self.lock:
            if self._is_busy:
                self._aside.append((self._put_points, step, when, names, values))
                return
            self._is_busy = True
            try:
                self._put_points(step, when, names, values)
                while self._aside:
                    put, *rest = self._aside.popleft()
                    put(*rest)
            finally:
                self._is_busy = False

    def fact(self, fact: dict[str, Any], is_alone: bool = False) -> None:
        """Append something that is said about the run: a JSON object with a "kind".

        A window's facts are sent after its points. One that `is_alone` has a window of its own, so that it comes between what
        was logged before it and after it.
        """
        self._say(pack_fact(fact), is_alone=is_alone)

    def end(self, fact: dict[str, Any]) -> None:
        """Append the last thing that is said; nothing is taken afterwards."""
        self._say(pack_fact(fact), is_last=True)

    def _say(self, record: bytes, is_last: bool = False, is_alone: bool = False) -> None:
        with self.lock:
            if self._is_busy:
                self._aside.append((self._put_fact, record, is_last, is_alone))
                return
            self._is_busy = True
            try:
                self._put_fact(record, is_last, is_alone)
                while self._aside:
                    put, *rest = self._aside.popleft()
                    put(*rest)
            finally:
                self._is_busy = False

    def _put_points(self, step: int, when: float, names: tuple[str, ...], values: tuple[float, ...]) -> None:
        if self.is_over:
            self.dropped += len(values)
            self._notices.once("over", "values logged to a run after its end are not kept")
            return
        try:
            while True:
                try:
                    if self._points + len(values) > WINDOW_POINTS or self._segment.end >= self._full_at:
                        self._make_room()
                    number, pack = self._sets.get(names) or self._define(names)
                    payload = pack(POINTS, number, step, when, *values)
                    self._segment.append(FRAME.pack(len(payload), zlib.crc32(payload)) + payload)
                    break
                except OSError as error:
                    self._leave_disk(error)
        except Full as full:
            self.dropped += len(values)
            self._notices.again("full", "%s. Values dropped so far: %d", full, self.dropped)
            return
        self.logged += len(values)
        self.is_dirty = True
        if self._points:
            self._points += len(values)
        else:
            self._points = len(values)
            self.wake()

    def _put_fact(self, record: bytes, is_last: bool, is_alone: bool) -> None:
        if self.is_over:
            return
        self.is_over = is_last
        try:
            while True:
                try:
                    if is_alone:
                        self._cut()
                    if self._segment.end >= self._full_at:
                        self._make_room()
                    self._segment.append(record)
                    break
                except OSError as error:
                    self._leave_disk(error)
        except Full as full:
            self._notices.again("fact", "%s. Something said about the run was not kept", full)
            return
        if is_alone:
            self.cut()
        self.is_dirty = True
        self.wake()

    def _define(self, names: tuple[str, ...]) -> tuple[int, Packer]:
        """Write a set of names down in the window that uses it."""
        fresh = [name for name in names if name not in self._names]
        size = sum(len(json.dumps(name)) + NAME_BYTES for name in fresh)
        too_many = len(self._names) + len(fresh) > WINDOW_NAMES or len(self._sets) >= WINDOW_SETS
        if self._names and (too_many or self._name_bytes + size > WINDOW_HEAD):
            self._make_room()
            return self._define(names)
        self._segment.append(pack_names(len(self._sets), names))
        self._names.update(fresh)
        self._name_bytes += size
        entry = self._sets[names] = len(self._sets), row_packer(len(names)).pack
        return entry

    # Windows and segments.

    def cut(self) -> None:
        """End the window, if there is something in it, so that it can be sent."""
        with self.lock:
            try:
                self._cut()
            except OSError as error:
                with contextlib.suppress(Full):
                    self._leave_disk(error)

    def _cut(self) -> None:
        if self._segment.end == self._start:
            return
        self._segment.append(CUT_RECORD)
        self._windows += self._points > 0
        self._begin_window()

    def _begin_window(self) -> None:
        self._start = self._segment.end
        self.cut_at = self._segment.number, self._start
        size = MEMORY_SEGMENT if self._segment.in_memory else self._segment_bytes
        self._full_at = min(size, self._start + WINDOW_BYTES)
        self._sets: dict[tuple[str, ...], tuple[int, Packer]] = {}
        self._names: set[str] = set()
        self._name_bytes = self._points = 0

    def _make_room(self) -> None:
        """Begin another window, in another segment where this one is full. Raises Full, OSError."""
        self._cut()
        if self._segment.end >= self._full_at:
            self._next_segment()

    def _leave_disk(self, error: OSError) -> None:
        """Go on in memory. What is in the segment is the end of its last window. Raises Full."""
        self._disk_tried = time.monotonic()
        self._notices.again("disk", "%s cannot be written (%s); going on in memory", self._place, error)
        self._next_segment()

    @property
    def _place(self) -> str:
        return str(self.folder.path) if self.folder else "the spool"

    def _next_segment(self) -> None:
        """Begin another segment: on disk where that works, else in memory. Raises Full."""
        kept = list(self._segments)
        number = kept[-1].number + 1 if kept else 1
        segment = self._on_disk(number, kept) or self._in_memory(number, kept)
        if kept:
            self._unflushed.append(kept[-1])
        self._segment = segment
        self._segments.append(segment)
        self._begin_window()

    def _head(self, kept: list[Segment], in_memory: bool) -> Head:
        """What is in memory dies with the process: only what is all on disk, or all not, is numbered together."""
        if kept and kept[-1].in_memory != in_memory:
            self._client, self._windows = str(uuid.uuid4()), 0
        return Head(self._client, self._windows)

    def _on_disk(self, number: int, kept: list[Segment]) -> Segment | None:
        if self.folder is None or time.monotonic() - self._disk_tried < RETRY_DISK:
            return None
        if (sum(not segment.in_memory for segment in kept) + 1) * self._segment_bytes > self._limit:
            raise Full("unsent values fill the spool; AI_MANAGER_SPOOL_LIMIT allows for more")
        try:
            return FileSegment.create(self.folder.path, number, self._head(kept, False))
        except OSError as error:
            self._disk_tried = time.monotonic()
            self._notices.again("disk", "%s cannot be written (%s); going on in memory", self._place, error)
            return None

    def _in_memory(self, number: int, kept: list[Segment]) -> Segment:
        if sum(segment.end for segment in kept if segment.in_memory) + MEMORY_SEGMENT > MEMORY:
            raise Full("no disk takes unsent values, and the memory for them is full")
        return MemorySegment(number, self._head(kept, True))

    # Called by whoever sends.

    is_final = False  # While this process lives, a window that can be sent ends with a cut.

    def segments(self) -> list[Segment]:
        """What is not delivered, oldest first."""
        with self.lock:
            return list(self._segments)

    def forget(self, number: int) -> None:
        """Segments before this one are delivered."""
        with self.lock:
            while self._segments[0].number < number:
                segment = self._segments.popleft()
                if segment in self._unflushed:
                    self._unflushed.remove(segment)
                segment.discard()

    @property
    def waits(self) -> bool:
        """Whether something is in the log that is not yet in a window that can be sent."""
        return self._segment.end > self._start

    def flush(self) -> None:
        """Bring it to the disk itself, so that it survives a power cut. Not called by whoever logs: it takes its time."""
        with self.lock:
            if not self.is_dirty:
                return
            self.is_dirty = False
            closed, self._unflushed = self._unflushed, []
            # Copies, for the originals may be closed meanwhile.
            copies = [segment.duplicate() for segment in [*closed, self._segment]]
        for segment in copies:
            with contextlib.suppress(OSError):
                segment.flush()
            segment.close()

    @property
    def is_half_full(self) -> bool:
        """Whether undelivered records take half of the room that there is for them, on disk or in memory."""
        kept = self.segments()
        on_disk = sum(not segment.in_memory for segment in kept) * self._segment_bytes
        return on_disk * 2 > self._limit or sum(segment.end for segment in kept if segment.in_memory) * 2 > MEMORY

    @property
    def in_memory(self) -> bool:
        """Whether something undelivered dies with this process."""
        return any(segment.in_memory for segment in self.segments())

    def close(self) -> None:
        """Close the files; what is in them stays, and nothing more is taken."""
        with self.lock:
            self.is_over = True
            for segment in self._segments:
                segment.close()


def limit_of_environment() -> int:
    """AI_MANAGER_SPOOL_LIMIT in bytes, or with K, M, G behind; the default where it says nothing sensible."""
    text = os.environ.get("AI_MANAGER_SPOOL_LIMIT", "").strip().upper().removesuffix("B").removesuffix("I")
    unit = {"K": 10, "M": 20, "G": 30, "T": 40}.get(text[-1:], 0)
    try:
        limit = int(float(text[:-1] if unit else text) * (1 << unit))
    except (ValueError, OverflowError):
        return LIMIT
    return limit if limit > 0 else LIMIT
