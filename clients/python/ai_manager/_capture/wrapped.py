"""Hears a stream that is no descriptor, as in a notebook, by its `write`."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

MOST = 32 << 20  # Characters kept for a script that prints faster than its lines are taken.
CHUNK = 1 << 16  # Characters that are delivered at a time.
GATHER = 0.25  # Seconds between two looks.

Deliver = Callable[[int, float, str], None]  # The stream's number, seconds since 1970, what was printed.


class Wrapped:
    """Keeps a copy of what is written to some stream objects, and delivers it from a thread of its own.

    The copy is made after the write, under no lock, and whatever goes wrong with it the write does not notice.
    """

    def __init__(self, streams: dict[int, Any], deliver: Deliver, left_out: Callable[[int], None]) -> None:
        self._deliver, self._left_out = deliver, left_out
        self._pieces: deque[tuple[int, float, str]] = deque()
        self._kept = self._lost = 0
        self._lock = threading.Lock()  # Of those who drain; nobody waits for it who writes.
        self._ending = threading.Event()
        self._is_over = False
        self._undo = [undo for undo in (self._wrap(number, stream) for number, stream in streams.items()) if undo]
        self._thread = threading.Thread(target=self._follow, name="ai-manager-console", daemon=True)
        self._thread.start()

    def flush(self, patience: float) -> None:
        """Deliver what was printed until now."""
        self._drain()

    def stop(self, patience: float) -> bool:
        """Put everything back; whether all that was printed was delivered within `patience` seconds."""
        self.forget()
        self._ending.set()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def forget(self) -> None:
        """Listen no more."""
        self._is_over = True
        for undo in self._undo:
            with contextlib.suppress(AttributeError):
                undo()

    def _wrap(self, number: int, stream: Any) -> Callable[[], None] | None:
        """Listen to a stream; what undoes it, unless somebody has wrapped it again meanwhile."""
        original = stream.write
        before = getattr(stream, "__dict__", {}).get("write")
        pieces = self._pieces

        def write(text: str) -> Any:
            result = original(text)
            if self._is_over or type(text) is not str:
                return result
            if self._kept < MOST:
                pieces.append((number, time.time(), text))
                self._kept += len(text)
            else:
                self._lost += len(text)
            return result

        def undo() -> None:
            if stream.write is write:
                if before is None:
                    del stream.write
                else:
                    stream.write = before

        try:
            stream.write = write
        except AttributeError:
            return None
        return undo

    def _follow(self) -> None:
        while True:
            is_ending = self._ending.wait(GATHER)
            self._drain()
            if is_ending:
                return

    def _drain(self) -> None:
        with self._lock:
            self._take()

    def _take(self) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            self._left_out(lost)
        while self._pieces:
            number, when, text = self._pieces.popleft()
            parts, size = [text], len(text)
            while self._pieces and self._pieces[0][0] == number and self._pieces[0][1] - when < GATHER and size < CHUNK:
                parts.append(self._pieces.popleft()[2])
                size += len(parts[-1])
            self._kept -= size
            self._deliver(number, when, "".join(parts))
        self._deliver(0, time.time(), "")
