"""Group commit: the first thread to come commits for all that wait.

A thread that finds nobody committing takes everything that waits, its own request among it, and commits it
at once. Those who come meanwhile wait; when it is done it wakes those it served and makes the first of the
others commit the next group. A lonely request is committed by its own thread without any hand-over, and
under load the groups grow by themselves. There is no thread of its own to start, to stop or to lose in a
fork.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar


class Waiting:
    """A request on its way: who carries it out sets `done`, and `error` if it failed."""

    __slots__ = ("_wake", "arrived", "done", "error", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.arrived = time.monotonic()
        self.done = False
        self.error: BaseException | None = None
        self._wake = threading.Lock()  # A bare lock is the cheapest thing to wait on.
        self._wake.acquire()

    def wait(self) -> None:
        self._wake.acquire()

    def wake(self) -> None:
        self._wake.release()


R = TypeVar("R", bound=Waiting)


class GroupCommit(Generic[R]):
    """Calls `commit` with groups of requests, one group at a time; at most `most` requests and about `most_bytes`."""

    def __init__(self, commit: Callable[[list[R]], None], most: int = 256, most_bytes: int = 4 << 20) -> None:
        self._commit = commit
        self._most = most
        self._most_bytes = most_bytes
        self._start_anew()
        start_anew = weakref.WeakMethod(self._start_anew)
        os.register_at_fork(after_in_child=lambda: (start := start_anew()) and start())

    def _start_anew(self) -> None:
        """Nobody waits: those who did before a fork live in the parent only."""
        self._lock = threading.Lock()
        self._queue: deque[R] = deque()
        self._busy = False

    def carry_out(self, request: R) -> None:
        """Returns when the request is done; its error says how."""
        with self._lock:
            self._queue.append(request)
            leading, self._busy = not self._busy, True
        if not leading:
            request.wait()
            if request.done:
                return
        self._lead()

    def _lead(self) -> None:
        group = self._take()
        try:
            self._commit(group)
        except BaseException as error:
            for request in group:
                request.error = request.error or error
            raise
        finally:
            with self._lock:
                following = self._queue[0] if self._queue else None
                self._busy = following is not None
            # First who leads the next group: the disk should not wait until all of these have answered.
            if following:
                following.wake()
            for request in group:
                request.done = True
                request.wake()

    def _take(self) -> list[R]:
        """What waits, from the front; always at least one."""
        group: list[R] = []
        size = 0
        with self._lock:
            while self._queue and len(group) < self._most and size < self._most_bytes:
                group.append(self._queue.popleft())
                size += group[-1].size
        return group
