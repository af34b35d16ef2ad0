"""The background thread that brings every spool of a manager to the server."""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

from ai_manager import _settings
from ai_manager._delivery import SLOW_RETRY, SLOWEST_RETRY, Delivery, whole
from ai_manager._notices import Notices, log
from ai_manager._reading import Reader
from ai_manager._spool.folder import Folder, folders
from ai_manager._spool.source import Leftover
from ai_manager._spool.writer import Spool
from ai_manager._transport import Transport
from ai_manager.errors import (
    AIManagerError,
    AuthenticationError,
    ConfigurationError,
    ServerError,
    UnreachableError,
)

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 45.0  # Under a minute, so that everything has arrived a minute after the server is back.
HURRIED_BACKOFF = 0.5  # While somebody waits for the end.
# Seconds that the end of a run or process waits for a server that says nothing: both together stay under five.
PATIENCE = 4.0
SECOND_PATIENCE = 0.5  # The same, when that was in vain before: enough for a server that is back.
FLUSH = 1.0  # Seconds after which what was logged is on the disk itself.
TOUCH = 30.0  # Seconds after which the files that show that this process lives are touched.
LOOK = 5.0  # Seconds after which spools of child processes that have ended are looked for.


class Sender:
    """One thread for all runs of a manager: finds the project, then does for each run what is due.

    A failure delays everything to this server, with growing pauses, without end; so do refused credentials, with longer
    ones. The thread starts when there is something to do and ends when all runs are finished and delivered. Without
    a transport it only sees to the files.
    """

    def __init__(self, transport: Transport | None, project_name: str, notices: Notices) -> None:
        self.project_id: int | None = None
        self.refused: AuthenticationError | None = None
        self.failing = False  # Whether the latest attempt failed.
        self._transport = transport
        self._project_name = project_name
        self._notices = notices
        self._deliveries: list[Delivery] = []
        self._left: deque[Folder] = deque()  # Of processes that have ended, waiting for their turn.
        self._projects: dict[str, int] = {}
        self._failures = 0
        self._refusals = 0  # How often the credentials were refused.
        self._retry_at = 0.0
        self._server_set_delay = False  # By a Retry-After, which also those obey who are in a hurry.
        self._heard_at = time.monotonic()
        self._gave_up_at = 0.0
        self._hurried_until = 0.0
        self._flushed_at = self._touched_at = self._looked_at = float("-inf")
        self._wants_project = False
        self.has_children = False  # Whether other processes may log to our runs.
        # A generator of its own: drawing from the common one would change what a seeded training does.
        self._random = random.Random()  # noqa: S311
        self._begin_thread_state()
        if transport:
            transport.reconnect()
        senders.add(self)

    def _begin_thread_state(self) -> None:
        self._lock = threading.RLock()
        # Not an Event: of the two only this queue may be put to from a signal handler or a finaliser.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    # Called from any thread.

    @property
    def reader(self) -> Reader:
        """Reads back what the server has, for those that are online."""
        if self._transport is None:
            raise ConfigurationError("offline, so there is nothing to read back")
        return Reader(self._transport)

    @property
    def is_online(self) -> bool:
        """Whether it sends at all."""
        return self._transport is not None

    def find_project(self) -> None:
        """Look the project up before there is a run."""
        self._wants_project = True
        self.wake()

    def add(self, delivery: Delivery) -> None:
        """Look after one more run."""
        with self._lock:
            self._deliveries.append(delivery)
        self.wake()

    def adopt(self, wanted: Callable[[Folder], bool]) -> None:
        """Send what processes that have ended left, one spool after the other."""
        if self._transport is None:
            return
        waiting = {folder.path for folder in list(self._left)}
        for folder in folders():
            if folder.path not in waiting and wanted(folder) and not folder.is_written and not folder.is_sent:
                self._left.append(folder)
        self.wake()

    def wake(self) -> None:
        """Make the thread look again, starting it where there is none: at first, after a fork."""
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="ai-manager-sender", daemon=True)
                # An interpreter that is going down starts no threads.
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread
        self._wake.put(None)

    def resume(self) -> None:
        """Credentials turned out to be good: go on at once."""
        self.refused = None
        self._retry_at = 0.0
        self._heard_at = time.monotonic()
        for delivery in list(self._deliveries):
            delivery.hurry()
        self.wake()

    def wait_for(self, delivery: Delivery, budget: float, patience: float | None = None) -> bool:
        """Wait until a run is delivered, what its child processes left included; see `wait`."""
        return self.wait(delivery, lambda: self._is_there(delivery), budget, patience)

    def wait(
        self, delivery: Delivery, is_there: Callable[[], bool], budget: float, patience: float | None = None
    ) -> bool:
        """Hurry, and wait for what a run is to deliver: `budget` seconds in all, `patience` while the server says nothing.

        Patience is spent once an outage: ten runs that end while the server is away do not wait ten times.
        """
        start = time.monotonic()
        if patience is None:
            patience = SECOND_PATIENCE if self._gave_up_at > self._heard_at else PATIENCE
        self._hurried_until = start + budget
        if not self._server_set_delay:
            self._retry_at = 0.0
        delivery.hurry(start + budget)
        refusals = self._refusals + delivery.refusals
        self.wake()
        while not is_there():
            delivery.done.wait(0.02) if not delivery.done.is_set() else time.sleep(0.02)
            now = time.monotonic()
            is_refused = self._refusals + delivery.refusals > refusals
            if is_refused or now >= min(start + budget, max(start, self._heard_at) + patience):
                self._gave_up_at = now
                return is_there()
        return True

    def _is_there(self, delivery: Delivery) -> bool:
        """Whether a run is delivered, what its child processes left included."""
        if not delivery.done.is_set():
            return False
        key = delivery.facts["key"]
        # In this order, for the thread moves them the other way.
        others = [folder.facts for folder in list(self._left)]
        others += [other.facts for other in list(self._deliveries)]
        return all(other["key"] != key for other in others if other is not delivery.facts)

    def wait_until(self, is_there: Callable[[], bool]) -> None:
        """Wait a moment for an answer that is on its way, but not for a server that is away."""
        if self._transport is None:
            return
        deadline = time.monotonic() + PATIENCE
        while not (is_there() or self.failing or self.refused) and time.monotonic() < deadline:
            time.sleep(0.005)

    @property
    def open_deliveries(self) -> list[Delivery]:
        """The runs of this process that are not finished and delivered."""
        return [delivery for delivery in list(self._deliveries) if delivery.is_live and not delivery.done.is_set()]

    # The thread.

    def _work(self) -> None:
        while True:
            try:
                delay = self._round()
            except Exception as error:
                # Whatever it was, the thread lives on: without it nothing would ever be sent again.
                delay = self._failed(error)
            with self._lock:
                is_idle = not (self._deliveries or self._left or self._wants_project)
                if is_idle:
                    self._thread = None
                    return
            self._sleep(self._keep_files(delay))

    def _sleep(self, delay: float | None) -> None:
        """Until the delay is over or somebody calls; a burst of calls counts as one."""
        if delay is not None and delay <= 0:
            return
        with contextlib.suppress(queue.Empty):
            self._wake.get(timeout=delay)
            while True:
                self._wake.get_nowait()

    def _keep_files(self, delay: float | None) -> float | None:
        """Bring what was logged to the disk, and show that we live. The seconds until something is due."""
        now = time.monotonic()
        spools = [d._source for d in list(self._deliveries) if isinstance(d._source, Spool)]
        if now - self._flushed_at >= FLUSH:
            self._flushed_at = now
            for spool in spools:
                if self._transport is None:
                    spool.cut()
                spool.flush()
        if now - self._touched_at >= TOUCH:
            self._touched_at = now
            for delivery in list(self._deliveries):
                if delivery.folder:
                    delivery.folder.touch()
        due = [TOUCH] if spools else []
        due += [FLUSH] if any(spool.is_dirty for spool in spools) else []
        due += [] if delay is None else [delay]
        return min(due, default=None)

    def _round(self) -> float | None:
        """Do for each run the one thing that is due; the seconds until the next, None for no next."""
        now = time.monotonic()
        if self._transport is None:
            with self._lock:
                self._deliveries = self.open_deliveries
            return None
        if self._retry_at > now:
            return self._retry_at - now
        if self.has_children and now - self._looked_at >= LOOK:
            self._looked_at = now
            keys = {delivery.facts["key"] for delivery in self._deliveries}
            self.adopt(lambda folder: folder.facts["key"] in keys)
        if self._wants_project:
            self._find_project(self._transport, self._project_name)
        self._take_next_leftover()
        delays = [LOOK] if self.has_children and self._deliveries else []
        for delivery in list(self._deliveries):
            due = delivery.due_in(time.monotonic())
            if due == 0.0 and not delivery.done.is_set():
                self._advance(delivery, self._transport)
                due = delivery.due_in(time.monotonic())
            if delivery.done.is_set():
                self._deliveries.remove(delivery)
                delays.append(0.0)
            elif due is not None:
                delays.append(due)
        return min(delays, default=None)

    def _take_next_leftover(self) -> None:
        """At most one at a time, so that our own runs have their turn and memory stays small."""
        while self._left and all(delivery.is_live for delivery in self._deliveries):
            folder = self._left[0]
            try:
                if folder.take():
                    folder.facts["goes_on"] = goes_on(folder)
                    delivery = Delivery(Leftover(folder), folder, folder.facts, Notices())
                    if delivery.cursor.stopped:
                        folder.release()
                    else:
                        self._deliveries.append(delivery)
            except Exception as error:  # Another process's files may be anything.
                self._say_of(folder, error)
            finally:
                # Not before: who waits for it must find it in one of the two at any moment.
                self._left.popleft()

    def _say_of(self, folder: Folder | None, error: Exception) -> None:
        """Why a spool of another process cannot be sent; one that is gone was sent by somebody else meanwhile."""
        if folder is None or folder.path.exists():
            self._notices.again("leftover", "%s cannot be sent: %r", folder and folder.path, error)

    def _advance(self, delivery: Delivery, transport: Transport) -> None:
        try:
            project_name = str(delivery.facts["project"])
            project_id = self._projects.get(project_name) or self._find_project(transport, project_name)
            delivery.advance(transport, project_id)
        except Exception as error:
            # Next time the others come first: one run's trouble must not hold up the rest.
            with self._lock:
                self._deliveries = [other for other in self._deliveries if other is not delivery] + [delivery]
            if not isinstance(error, AIManagerError) and not delivery.is_live:
                # Another process's files may be anything; ours are not to suffer from them.
                self._deliveries.remove(delivery)
                self._say_of(delivery.folder, error)
                return
            raise
        self._note_answer()

    def _find_project(self, transport: Transport, name: str) -> int:
        answer = transport.call("POST", "/projects/", {"name": name, "exist_ok": True})
        project_id = self._projects[name] = whole(answer, "id")
        if name == self._project_name:
            self.project_id = project_id
            self._wants_project = False
        self._note_answer()
        return project_id

    def _note_answer(self) -> None:
        if self.failing and self._failures > 1:
            log.info("AI Manager: the server answers again")
        self._heard_at = time.monotonic()
        self._failures = 0
        self.failing = self._server_set_delay = False
        self.refused = None

    def _failed(self, error: Exception) -> float:
        """Say what went wrong, once in a while, and how long to wait."""
        self.failing = True
        self._failures += 1
        first, longest = FIRST_BACKOFF, LONGEST_BACKOFF
        if isinstance(error, AuthenticationError):
            self.refused = error
            self._refusals += 1
            first, longest = SLOW_RETRY / 2, SLOWEST_RETRY
            self._use_new_credentials()
        delay = min(first * 2 ** min(self._failures, 10), longest)
        delay *= self._random.uniform(0.5, 1)
        now = time.monotonic()
        if now < self._hurried_until and not self.refused:
            delay = min(delay, HURRIED_BACKOFF)
        self._server_set_delay = False
        if isinstance(error, ServerError):
            if error.retry_after is not None:
                self._server_set_delay = True
                delay = max(delay, error.retry_after)
            if not error.passes:
                self._projects.clear()  # It may have been deleted; found or made again by name.
        self._say(error)
        self._retry_at = now + delay
        return delay

    def _say(self, error: Exception) -> None:
        kept = "Values are kept on disk, trying again"
        if isinstance(error, AuthenticationError):
            self._notices.once(
                ("auth", str(error)), "%s. Values are kept on disk; give manager.sign_in() the right ones", error
            )
        elif not isinstance(error, AIManagerError):
            self._notices.again(type(error), "an error in the sender, trying again: %r", error)
        elif not isinstance(error, UnreachableError) or self._failures > 1:
            # A single broken connection is nothing to tell about.
            self._notices.again("away", "%s. " + kept, error)

    def _use_new_credentials(self) -> None:
        """The environment may name other ones by now."""
        with contextlib.suppress(AIManagerError):
            current = self._transport._settings if self._transport else None
            if self._transport and current and current.from_environment:
                self._transport.sign_in_as(_settings.resolve(current.url))

    def after_fork(self) -> None:
        """In a child: no thread, no connection and no file is ours."""
        self._begin_thread_state()
        if self._transport:
            self._transport.reconnect()
        self._retry_at = 0.0
        self._deliveries = []
        self._left = deque()
        self.has_children = False


def goes_on(folder: Folder) -> bool:
    """Whether another process of this machine is in the same run, so that the end of this one is not the run's."""
    return any(
        other.path != folder.path and other.facts.get("key") == folder.facts.get("key") and other.is_written
        for other in folders(folder.path.parent)
    )


senders: weakref.WeakSet[Sender] = weakref.WeakSet()
