"""The background thread that brings every spool of a manager to the server."""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
import weakref
from collections.abc import Callable

from ai_manager import _settings
from ai_manager._notices import Notices
from ai_manager._reading import Reader
from ai_manager._sending.backoff import Backoff
from ai_manager._sending.delivery import Delivery
from ai_manager._sending.leftovers import Leftovers
from ai_manager._sending.order import is_first
from ai_manager._sending.upkeep import Upkeep
from ai_manager._spool.folder import Folder
from ai_manager._transport import Transport, whole
from ai_manager.errors import AIManagerError, AuthenticationError, ConfigurationError, ServerError

# Seconds that the end of a run or process waits for a server that says nothing: both together stay under five.
PATIENCE = 4.0
SECOND_PATIENCE = 0.25  # The same, when that was in vain before: enough for a server that is back.
LOOK = 5.0  # Seconds after which spools of child processes that have ended are looked for.


class Sender:
    """One thread for all runs of a manager: finds the project, then does for each run what is due.

    A failure delays everything to this server; see `Backoff`. The thread starts when there is something to do and ends
    when all runs are finished and delivered. Without a transport it only sees to the files.
    """

    def __init__(self, transport: Transport | None, project_name: str, notices: Notices) -> None:
        self.project_id: int | None = None
        self.has_children = False  # Whether other processes may log to our runs.
        self._transport = transport
        self._project_name = project_name
        self._notices = notices
        self._deliveries: list[Delivery] = []
        self._projects: dict[str, int] = {}
        self._wants_project = False
        self._backoff = Backoff(notices)
        self._upkeep = Upkeep(cuts=transport is None)
        self._gave_up_at = 0.0
        self._hurried_until = 0.0
        self._looked_at = float("-inf")
        self._begin_process_state()
        if transport:
            transport.reconnect()
        senders.add(self)

    def _begin_process_state(self) -> None:
        self._lock = threading.RLock()
        # Not an Event: of the two only this queue may be put to from a signal handler or a finaliser.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._leftovers = Leftovers(self._notices)

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

    @property
    def refused(self) -> AuthenticationError | None:
        """Why the credentials are refused, if they are."""
        return self._backoff.refused

    @property
    def open_deliveries(self) -> list[Delivery]:
        """The runs of this process that are not finished and delivered."""
        return [delivery for delivery in list(self._deliveries) if delivery.is_live and not delivery.done.is_set()]

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
        if self._transport is not None:
            self._leftovers.add(wanted)
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
        self._backoff.go_on()
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
        backoff, start = self._backoff, time.monotonic()
        if patience is None:
            patience = SECOND_PATIENCE if self._gave_up_at > backoff.heard_at else PATIENCE
        self._hurried_until = start + budget
        backoff.hurry()
        delivery.hurry(start + budget)
        refusals = backoff.refusals + delivery.refusals
        self.wake()
        while not is_there():
            delivery.done.wait(0.02) if not delivery.done.is_set() else time.sleep(0.02)
            now = time.monotonic()
            is_refused = backoff.refusals + delivery.refusals > refusals
            if is_refused or now >= min(start + budget, max(start, backoff.heard_at) + patience):
                self._gave_up_at = now
                return is_there()
        return True

    def _is_there(self, delivery: Delivery) -> bool:
        """Whether a run is delivered, what its child processes left included."""
        if not delivery.done.is_set():
            return False
        key = delivery.facts["key"]
        # In this order, for the thread moves them the other way.
        others = [*self._leftovers.facts, *(other.facts for other in list(self._deliveries))]
        return all(other["key"] != key for other in others if other is not delivery.facts)

    def wait_until(self, is_there: Callable[[], bool]) -> None:
        """Wait a moment for an answer that is on its way, but not for a server that is away."""
        if self._transport is None:
            return
        deadline = time.monotonic() + PATIENCE
        while not (is_there() or self._backoff.failing or self.refused) and time.monotonic() < deadline:
            time.sleep(0.005)

    # The thread.

    def _work(self) -> None:
        while True:
            try:
                delay = self._round()
            except Exception as error:
                # Whatever it was, the thread lives on: without it nothing would ever be sent again.
                delay = self._failed(error)
            with self._lock:
                is_idle = not (self._deliveries or self._leftovers or self._wants_project)
                if is_idle:
                    self._thread = None
                    return
            delays = [delay, self._upkeep.see_to(list(self._deliveries))]
            self._sleep(min((delay for delay in delays if delay is not None), default=None))

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
        now = time.monotonic()
        if self._transport is None:
            with self._lock:
                self._deliveries = self.open_deliveries
            return None
        if self._backoff.retry_at > now:
            return self._backoff.retry_at - now
        if self.has_children and now - self._looked_at >= LOOK:
            self._looked_at = now
            keys = {delivery.facts["key"] for delivery in self._deliveries}
            self.adopt(lambda folder: folder.facts["key"] in keys)
        if self._wants_project:
            self._find_project(self._transport, self._project_name)
        self._leftovers.take_next(self._deliveries)
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

    def _advance(self, delivery: Delivery, transport: Transport) -> None:
        try:
            project_name = str(delivery.facts["project"])
            project_id = self._projects.get(project_name) or self._find_project(transport, project_name)
            delivery.is_first = functools.partial(is_first, delivery, self._deliveries, self._leftovers)
            delivery.advance(transport, project_id)
        except Exception as error:
            # Next time the others come first: one run's trouble must not hold up the rest.
            with self._lock:
                self._deliveries = [other for other in self._deliveries if other is not delivery] + [delivery]
            if not isinstance(error, AIManagerError) and not delivery.is_live:
                # Another process's files may be anything; ours are not to suffer from them.
                self._deliveries.remove(delivery)
                self._leftovers.say_of(delivery.folder, error)
                return
            raise
        if not delivery.is_waiting:
            self._backoff.answered()

    def _find_project(self, transport: Transport, name: str) -> int:
        answer = transport.call("POST", "/projects/", {"name": name, "exist_ok": True})
        project_id = self._projects[name] = whole(answer, "id")
        if name == self._project_name:
            self.project_id = project_id
            self._wants_project = False
        self._backoff.answered()
        return project_id

    def _failed(self, error: Exception) -> float:
        """The seconds to wait after an error."""
        if isinstance(error, AuthenticationError):
            self._use_new_credentials()
        if isinstance(error, ServerError) and not error.passes:
            self._projects.clear()  # It may have been deleted; found or made again by name.
        return self._backoff.failed(error, self._hurried_until)

    def _use_new_credentials(self) -> None:
        """The environment may name other ones by now."""
        with contextlib.suppress(AIManagerError):
            current = self._transport.settings if self._transport else None
            if self._transport and current and current.from_environment:
                self._transport.sign_in_as(_settings.resolve(current.url))

    def after_fork(self) -> None:
        """In a child: no thread, no connection and no file is ours."""
        self._begin_process_state()
        if self._transport:
            self._transport.reconnect()
        self._backoff.retry_at = 0.0
        self._deliveries = []
        self.has_children = False


senders: weakref.WeakSet[Sender] = weakref.WeakSet()
