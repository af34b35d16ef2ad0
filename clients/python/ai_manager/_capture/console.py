"""What the process prints, as lines for the runs that are open: one listener of the process, however many runs it has."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ai_manager._capture.descriptors import Descriptors, possible
from ai_manager._capture.fold import Fold
from ai_manager._capture.fold import Line as Folded
from ai_manager._capture.pump import PIECE
from ai_manager._capture.secrets import HIDDEN
from ai_manager._capture.wrapped import Wrapped
from ai_manager._values import whole

Take = Callable[[list[dict[str, Any]]], None]

STREAMS = {1: "stdout", 2: "stderr"}
PATIENCE = 2.0  # Seconds that the end waits for the last lines.
MARK = "AI_MANAGER_CONSOLE"  # Names to child processes the descriptors that are heard already.


class Console:
    """Both streams of this process from `__init__` to `close`."""

    def __init__(self, streams: Iterable[int], left: str, secrets: list[str]) -> None:
        self._lock = threading.Lock()
        self._folds = {number: Fold() for number in STREAMS}
        self.takers: dict[Take, list[str]] = {}  # With the texts to be hidden from each.
        self._sources: list[Descriptors | Wrapped] = []
        self.pid = os.getpid()
        descriptors = [number for number in streams if _is_descriptor(number)] if possible() else []
        if descriptors:
            try:
                source = Descriptors(descriptors, self._heard, self._left_out, left, secrets)
                self._sources.append(source)
                os.environ[MARK] = " ".join([str(self.pid), *source.marks()])
            except OSError:
                descriptors = []
        objects = {number: getattr(sys, STREAMS[number], None) for number in streams if number not in descriptors}
        objects = {number: stream for number, stream in objects.items() if stream is not None}
        if objects:
            self._sources.append(Wrapped(objects, self._heard, self._left_out))

    def leave(self, take: Take) -> None:
        """Hand out what was printed until now, then no more to this one."""
        for source in self._sources:
            source.flush(PATIENCE)
        with self._lock:
            self.takers.pop(take, None)

    def close(self) -> None:
        """Put the streams back, and hand out the last lines."""
        os.environ.pop(MARK, None)
        deadline = time.monotonic() + PATIENCE
        in_time = [source.stop(max(0.1, deadline - time.monotonic())) for source in self._sources]
        now = time.time()
        with self._lock:
            for number, fold in self._folds.items():
                self._hand_out(number, fold.close(now))
            if not all(in_time):
                self._hand_out(2, [(now, "[AI Manager: the rest of the output came too fast to be kept]")])
            self.takers.clear()

    def forget(self) -> None:
        """In a forked child: what it prints is heard by its parent."""
        for source in self._sources:
            source.forget()

    def _heard(self, number: int, when: float, data: bytes | str) -> None:
        """Some output, or for the stream 0 the news that there is none."""
        with self._lock, contextlib.suppress(Exception):
            if number:
                self._hand_out(number, self._folds[number].feed(data, when))
            for stream, fold in self._folds.items():
                self._hand_out(stream, fold.tick(when))

    def _left_out(self, size: int) -> None:
        with self._lock:
            self._hand_out(2, [(time.time(), f"[AI Manager: {size:,} bytes of output came too fast to be kept]")])

    def _hand_out(self, number: int, lines: list[Folded]) -> None:
        if not lines:
            return
        for take, secrets in list(self.takers.items()):
            with contextlib.suppress(Exception):
                shown = _hide(lines, secrets)
                take([{"stream": STREAMS[number], "time": when, "text": text} for when, text in shown])


_lock = threading.RLock()
_console: Console | None = None


def listen(take: Take, secrets: list[str], is_shared: bool = False, left: str = "") -> None:
    """Hand every line that is printed from now on to `take`, in batches, from another thread, without these secrets.

    A process that logs to a run of its parent's (`is_shared`) listens only to what the parent does not hear. What was
    not handed out when the process dies is in the file `left`, for `left_lines`.
    """
    global _console
    with _lock:
        streams = [number for number in STREAMS if not (is_shared and _is_heard(number))]
        if _console is None:
            if not streams:
                return
            _console = Console(streams, left, secrets)
        _console.takers[take] = [whole(secret) for secret in secrets]  # As they stand in what was printed.


def left_lines(path: Path) -> list[dict[str, Any]]:
    """The last lines of a process that died; none where there is no such file."""
    try:
        data = path.read_bytes()
    except OSError:
        return []
    folds = {number: Fold() for number in STREAMS}
    lines: list[tuple[int, Folded]] = []
    at, when = 0, 0.0
    while at + PIECE.size <= len(data):
        number, when, size = PIECE.unpack_from(data, at)
        at += PIECE.size + size
        if number in folds:
            lines += [(number, line) for line in folds[number].feed(data[at - size : at], when)]
    for number, fold in folds.items():
        lines += [(number, line) for line in fold.close(when)]
    return [{"stream": STREAMS[number], "time": printed, "text": text} for number, (printed, text) in lines]


def unlisten(take: Take) -> None:
    """The lines up to now are handed out before this returns, or at least two seconds long."""
    global _console
    with _lock:
        console = _console
        if console is None or take not in console.takers:
            return
        if len(console.takers) > 1:
            console.leave(take)
            return
        _console = None
        console.close()


def _forget() -> None:
    global _console, _lock
    _lock = threading.RLock()
    if _console is not None:
        _console.forget()
        _console = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _is_descriptor(number: int) -> bool:
    """Whether what Python prints to this stream goes to the descriptor of that number: not in notebooks and tests."""
    stream: Any = getattr(sys, STREAMS[number], None)
    try:
        return bool(stream.fileno() == number and os.fstat(number))
    except Exception:
        return False


def _is_heard(number: int) -> bool:
    pid, *marks = os.environ.get(MARK, "").split() or [""]
    try:
        status = os.fstat(number)
    except OSError:
        return False
    mine = f"{status.st_dev}:{status.st_ino}:{status.st_rdev}"
    return pid not in ("", str(os.getpid())) and mine in marks


def _hide(lines: list[Folded], secrets: list[str]) -> list[Folded]:
    """The lines without the secrets; nearly always none is in them, which one look at all of them tells."""
    if not secrets:
        return lines
    everything = "\n".join([text for _, text in lines])
    if not any(secret in everything for secret in secrets):
        return lines
    hidden = []
    for when, text in lines:
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        hidden.append((when, text))
    return hidden
