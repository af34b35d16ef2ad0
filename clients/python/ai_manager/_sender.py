"""The background thread that brings every run's points to the server, and the end of the process."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable

from ai_manager._channel import Channel, whole
from ai_manager._notices import Notices, log
from ai_manager._transport import Transport
from ai_manager.errors import AIManagerError, AuthenticationError, ServerError, UnreachableError

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 45.0  # Under a minute, so that everything has arrived a minute after the server is back.
HURRIED_BACKOFF = 0.5  # While somebody waits for the end.
# Seconds that the end of a run or process waits for a server that says nothing: both together stay under five.
PATIENCE = 4.0
SECOND_PATIENCE = 0.5  # The same, when that was in vain before: enough for a server that is back.


class Sender:
    """One thread for all runs of a manager: finds the project, then does for each run what is due.

    A failure delays everything to this server, with growing pauses, without end; only refused credentials stop
    it. The thread starts when there is something to do and ends when all runs are finished and delivered.
    """

    def __init__(self, transport: Transport, project_name: str, notices: Notices) -> None:
        self.project_id: int | None = None
        self.refused: AuthenticationError | None = None
        self.failing = False  # Whether the latest attempt failed.
        self._transport = transport
        self._project_name = project_name
        self._notices = notices
        self._channels: list[Channel] = []
        self._failures = 0
        self._retry_at = 0.0
        self._server_set_delay = False  # By a Retry-After, which also those obey who are in a hurry.
        self._heard_at = time.monotonic()
        self._gave_up_at = 0.0
        self._hurried_until = 0.0
        # A generator of its own: drawing from the common one would change what a seeded training does.
        self._random = random.Random()  # noqa: S311
        self._begin_thread_state()
        _senders.add(self)

    def _begin_thread_state(self) -> None:
        self._lock = threading.RLock()
        # Not an Event: of the two only this queue may be put to from a signal handler or a finaliser.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    # Called from any thread.

    def add(self, channel: Channel) -> None:
        """Look after one more run."""
        with self._lock:
            self._channels.append(channel)
        self.wake()

    def wake(self) -> None:
        """Make the thread look again, starting it where there is none: at first, after a fork."""
        with self._lock:
            if self._thread is None and not self.refused:
                thread = threading.Thread(target=self._work, name="ai-manager-sender", daemon=True)
                # An interpreter that is going down starts no threads.
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread
                _flush_at_end_of_forked_process()
        self._wake.put(None)

    def resume(self) -> None:
        """Credentials turned out to be good: go on at once."""
        self.refused = None
        self._retry_at = 0.0
        self._heard_at = time.monotonic()
        self.wake()

    def wait_for(self, event: threading.Event, budget: float, patience: float | None = None) -> bool:
        """Hurry, and wait for the event: `budget` seconds in all, `patience` while the server says nothing.

        Patience is spent once an outage: ten runs that end while the server is away do not wait ten times.
        """
        start = time.monotonic()
        if patience is None:
            patience = SECOND_PATIENCE if self._gave_up_at > self._heard_at else PATIENCE
        self._hurried_until = start + budget
        if not self._server_set_delay:
            self._retry_at = 0.0
        self.wake()
        while not event.wait(0.02):
            now = time.monotonic()
            if self.refused or now >= min(start + budget, max(start, self._heard_at) + patience):
                self._gave_up_at = now
                break
        return event.is_set()

    def wait_until(self, is_there: Callable[[], bool]) -> None:
        """Wait a moment for an answer that is on its way, but not for a server that is away."""
        deadline = time.monotonic() + PATIENCE
        while not (is_there() or self.failing or self.refused) and time.monotonic() < deadline:
            time.sleep(0.005)

    @property
    def open_channels(self) -> list[Channel]:
        """The runs that are not finished and delivered."""
        return [channel for channel in list(self._channels) if not channel.done.is_set()]

    # The thread.

    def _work(self) -> None:
        while True:
            try:
                delay = self._round()
            except Exception as error:
                # Whatever it was, the thread lives on: without it nothing would ever be sent again.
                delay = self._failed(error)
            with self._lock:
                if delay is None and (self.refused or not self._channels):
                    self._thread = None
                    return
            self._sleep(delay)

    def _sleep(self, delay: float | None) -> None:
        """Until the delay is over or somebody calls; a burst of calls counts as one."""
        if delay is not None and delay <= 0:
            return
        with contextlib.suppress(queue.Empty):
            self._wake.get(timeout=delay)
            while True:
                self._wake.get_nowait()

    def _round(self) -> float | None:
        """Do for each run the one thing that is due; the seconds until the next, None for no next."""
        pause = self._retry_at - time.monotonic()
        if self.refused:
            return None
        if pause > 0:
            return pause
        project_id = self.project_id or self._find_project()
        delays = []
        for channel in list(self._channels):
            due = channel.due_in(time.monotonic())
            if due == 0.0 and not channel.done.is_set():
                self._advance(channel, project_id)
                due = channel.due_in(time.monotonic())
            if channel.done.is_set():
                self._channels.remove(channel)
            elif due is not None:
                delays.append(due)
        return min(delays, default=None)

    def _advance(self, channel: Channel, project_id: int) -> None:
        try:
            channel.advance(self._transport, project_id)
        except Exception:
            # Next time the others come first: one run's trouble must not hold up the rest.
            self._channels.remove(channel)
            self._channels.append(channel)
            raise
        self._note_answer()

    def _find_project(self) -> int:
        answer = self._transport.call("POST", "/projects/", {"name": self._project_name, "exist_ok": True})
        self.project_id = project_id = whole(answer, "id")
        self._note_answer()
        return project_id

    def _note_answer(self) -> None:
        if self.failing and self._failures > 1:
            log.info("AI Manager: the server answers again")
        self._heard_at = time.monotonic()
        self._failures = 0
        self.failing = self._server_set_delay = False

    def _failed(self, error: Exception) -> float | None:
        """Say what went wrong, once in a while, and how long to wait."""
        self.failing = True
        if isinstance(error, AuthenticationError):
            self.refused = error
            self._notices.once("auth", "%s. Nothing is sent; points are kept in memory", error)
            return None
        self._failures += 1
        delay = min(FIRST_BACKOFF * 2 ** min(self._failures, 10), LONGEST_BACKOFF)
        delay *= self._random.uniform(0.5, 1)
        now = time.monotonic()
        if now < self._hurried_until:
            delay = min(delay, HURRIED_BACKOFF)
        self._server_set_delay = False
        if isinstance(error, ServerError):
            if error.retry_after is not None:
                self._server_set_delay = True
                delay = max(delay, error.retry_after)
            if not error.passes:
                self.project_id = None  # It may have been deleted; found or made again by name.
        if not isinstance(error, AIManagerError):
            self._notices.again(type(error), "an error in the sender, trying again: %r", error)
        elif not isinstance(error, UnreachableError) or self._failures > 1:
            # A single broken connection is nothing to tell about.
            self._notices.again("away", "%s. Points are kept in memory, trying again", error)
        self._retry_at = now + delay
        return delay

    # The end of the process, and its children.

    def flush(self, deadline: float, status: str | None) -> None:
        """Deliver what can be delivered until the deadline, and say what could not."""
        for channel in self.open_channels:
            if status is not None:
                channel.close(status)
        for channel in self.open_channels:
            if self._thread is not None or channel.unsent:
                self.wait_for(channel.done, max(0.0, deadline - time.monotonic()))
        lost = sum(channel.unsent for channel in self.open_channels)
        if lost:
            log.warning("AI Manager: points lost, because they could not be sent before the process ended: %d", lost)

    def after_fork(self) -> None:
        """In a child: no thread and no connection is ours; send what this process logs itself."""
        self._begin_thread_state()
        self._transport.reconnect()
        self._retry_at = 0.0
        for channel in self._channels:
            channel.after_fork()
        self._channels = self.open_channels


_senders: weakref.WeakSet[Sender] = weakref.WeakSet()


def _at_exit() -> None:
    """Finish what the script left open: as failed or killed when an exception ended it, else as completed."""
    deadline = time.monotonic() + PATIENCE
    fatal = None if hasattr(sys, "ps1") else getattr(sys, "last_type", None)
    status = "completed"
    if fatal is not None:
        status = "killed" if issubclass(fatal, KeyboardInterrupt) else "failed"
    for sender in list(_senders):
        with contextlib.suppress(Exception):  # An exit hook that raises would hide the script's own error.
            sender.flush(deadline, status)


def _after_fork() -> None:
    for sender in list(_senders):
        sender.after_fork()


def _flush_at_end_of_forked_process() -> None:
    """Children of `multiprocessing` end without exit hooks, but run the finalisers of its own kind."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is not None and process is not None and process.parent_process() is not None:
        util.Finalize(None, _at_exit, exitpriority=0)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
