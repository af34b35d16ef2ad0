"""A run as the training script holds it."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from ai_manager import _ends
from ai_manager._capture import Capture
from ai_manager._exit_code import exits
from ai_manager._identity import withdraw
from ai_manager._notices import Notices
from ai_manager._points import Points
from ai_manager._reading import History
from ai_manager._run_config import RunConfig
from ai_manager._sending.delivery import Delivery
from ai_manager._sending.sender import Sender
from ai_manager._sink import RunSink
from ai_manager._spool.folder import LAST_LINES, Folder
from ai_manager._spool.writer import Spool, limit_of_environment
from ai_manager._verbs import Verbs
from ai_manager.errors import ConfigurationError, StopRequested

FINAL = ("completed", "failed", "killed")
FINISH_BUDGET = 60.0  # Seconds that `finish` gives a server that is answering but has much to take.


class Run(Points, Verbs):
    """One training run. Made by `AIManager.run`; use it with `with`, or call `finish` yourself.

    `log` may be called from several threads and processes. A copy is the same run; what is pickled is a handle to it,
    without credentials, with which another process can log to it. Whoever began the run says how it ends.
    """

    def __init__(
        self,
        facts: dict[str, Any],
        sender: Sender | None,
        server: str,
        rank: int | None = None,
        parent: Run | None = None,
    ) -> None:
        Points.__init__(self)
        Verbs.__init__(self)
        self._facts = facts
        self._sender = sender  # None when the run is disabled.
        self._server = server
        self.rank = rank  # Which of the processes of a shared run this one is.
        self._parent = parent._delivery if parent else None  # Of the run that this one is forked from.
        self._notices = Notices()
        self._config = RunConfig(facts["run"].get("config") or {}, self._notices, weakref.WeakMethod(self._say_config))
        self._delivery: Delivery | None = None
        self._capture: Capture | None = None
        self._spool: Spool | _Unopened = _Unopened(self)
        runs[facts["key"]] = self

    def __repr__(self) -> str:
        run_id = self._delivery.run_id if self._delivery else None
        return f"<Run {self.name!r} id={run_id} dropped={self.dropped}>"

    def _open(self) -> Spool | _Unopened:
        """Begin this process's part of the run: its spool, and the way from there to the server."""
        sender = self._sender
        if sender is None or not isinstance(self._spool, _Unopened) or self._spool.is_over:
            return self._spool
        folder = None
        is_online = self._facts["mode"] == "online" and sender.is_online
        try:
            folder = Folder.create(self._facts, sends=is_online)
        except OSError as error:
            self._notices.again("disk", "no spool can be made (%s): what is logged is kept in memory only", error)
        self._spool = spool = Spool(folder, self._notices, limit_of_environment())
        self._delivery = Delivery(spool, folder, self._facts, self._notices)
        self._delivery.parent = self._parent
        spool.wake = sender.wake
        exits.watch()
        _ends.flush_at_end_of_forked_process()
        sender.add(self._delivery)
        return spool

    def _go_on(self) -> None:
        """Count on from the last step of the run that this one goes on with, if the server says so in time."""
        delivery = self._delivery
        if self._sender and delivery and self._sender.is_online:
            self._sender.wait_until(lambda: delivery.run_id is not None or delivery.done.is_set())
            if delivery.last_step is not None:
                self._last_step = delivery.last_step

    def _begin_capture(
        self, parts: frozenset[str], secrets: Iterable[str | None], rank: int | None, is_shared: bool
    ) -> None:
        """Capture what happens around the run until it ends. Not for a run that is disabled.

        A process that joined a run without a rank of its own leaves the machine to the one that began it.
        """
        if is_shared and rank is None:
            parts -= {"system"}
        if parts and self._delivery is not None:
            folder = self._delivery.folder
            left = str(folder.path / LAST_LINES) if folder else ""
            self._capture = Capture(RunSink(self, rank), parts, secrets, rank, is_shared, left)
            self._delivery.before_close = self._capture.stop
            self._capture.start()

    # What else is said about the run. Each is a record in the spool, in order with the points.

    def say(self, kind: str, value: Any) -> None:
        """Keep a fact about the run, of one of the kinds in `_sending.requests`. Never raises."""
        try:
            self._spool.fact({"kind": kind, "value": value})
        except Exception as error:
            self._notices.again(("say", kind), "%s could not be kept: %r", kind, error)

    def update_config(self, config: Any = None, **settings: Any) -> None:
        """Add settings after the start, as `run.config.update` does."""
        self.config.update({} if config is None else config, **settings)

    def _say_config(self, changes: dict[str, Any]) -> None:
        self.say("config", changes)

    # The end.

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the server has everything that was logged so far; True when it has.

        Waits as `finish` does. In the modes offline and disabled there is nothing to wait for.
        """
        sender, delivery, spool = self._sender, self._delivery, self._spool
        if sender is None or delivery is None or not isinstance(spool, Spool):
            return True
        spool.cut()
        if not sender.is_online:
            spool.flush()
            return True
        place = spool.cut_at
        budget = FINISH_BUDGET if timeout is None else timeout
        return sender.wait(delivery, lambda: delivery.has_passed(place), budget, patience=timeout)

    def finish(self, status: str = "completed", timeout: float | None = None) -> bool:
        """End the run and wait until the server has everything; True when it has.

        Waits up to a minute for a server that is answering and 4 seconds for one that is not, or `timeout`
        seconds. What was not delivered then is still tried in the background until the process ends; after that
        it is on disk, for the next run on this machine or `ai-manager sync`. Offline, True says that all is on disk.
        """
        if status not in FINAL:
            raise ConfigurationError("a run ends as one of: " + ", ".join(FINAL))
        return self._finish(status, None, timeout)

    def _finish(self, status: str, exit_: _ends.Exit | None, timeout: float | None = None) -> bool:
        withdraw(self._facts["key"])
        sender, delivery = self._sender, self._delivery
        if sender is None or delivery is None:
            self._spool.end({})
            return True
        delivery.close(status, exit_)
        if not sender.is_online:
            delivery.leave()
            return not delivery.keeps_in_memory
        if sender.has_children:
            key = self._facts["key"]
            sender.adopt(lambda folder: folder.facts.get("key") == key)
        budget = FINISH_BUDGET if timeout is None else timeout
        delivered = sender.wait_for(delivery, budget, patience=timeout)
        if not delivered:
            delivery.say_what_is_left()
        return delivered

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StopRequested):
            error = KeyboardInterrupt()
            self._finish("killed", _ends.exit_of(None))
            return
        self._finish(*_ends.end_of(error))

    def __del__(self) -> None:
        # A script that makes many runs and forgets one: nothing more will come of it. At the end of the process, the exit
        # hook has said how it ended already.
        with contextlib.suppress(Exception):
            if self._delivery is not None and not self._delivery.closed:
                if self._capture is not None:
                    # Not here: a finaliser may run in the middle of what the end of the capture would wait for.
                    self._delivery.before_close = threading.Thread(target=self._capture.stop, daemon=True).start
                self._delivery.close("completed", None)
                if self._sender:
                    self._sender.wake()

    @property
    def should_stop(self) -> bool:
        """Whether somebody asked the run to stop, on its page or by the API. Costs no request: end the loop when it is True."""
        return self._delivery is not None and self._delivery.stop_requested

    def raise_if_stopped(self) -> None:
        """Raise StopRequested if somebody asked the run to stop; leaving the `with` block by it ends the run as killed."""
        if self.should_stop:
            raise StopRequested("somebody asked this run to stop")

    # What it is.

    @property
    def id(self) -> int | None:
        """The run's number; None until the server was reached. Waits for it 4 s at most."""
        sender, delivery = self._sender, self._delivery
        if sender is None or delivery is None:
            known = self._facts.get("run_id")
            return int(known) if known else None
        sender.wait_until(lambda: delivery.run_id is not None or delivery.done.is_set())
        return delivery.run_id

    @property
    def url(self) -> str | None:
        """The address of the run's page, as soon as it has an id."""
        return None if self.id is None else f"{self._server}/app/runs/{self.id}"

    @property
    def name(self) -> str | None:
        """The run's name; None until the server, which then chooses it, was reached."""
        return self._delivery.name if self._delivery else self._facts["run"].get("name")

    @property
    def config(self) -> RunConfig:
        """The settings as they are stored, to be read and changed: `run.config["lr"] = 1e-3`, `run.config.update(seed=1)`.

        What cannot be stored of a value is left out, by name. Of a run that goes on or is forked it has those of the server as
        soon as that has answered.
        """
        if self._delivery and self._delivery.stored_config is not None:
            stored, self._delivery.stored_config = self._delivery.stored_config, None
            self._config.learn(stored)
        return self._config

    @config.setter
    def config(self, settings: Any) -> None:
        if settings is not self._config:  # As after `run.config |= {...}`.
            self._config.update(settings)

    @property
    def dropped(self) -> int:
        """Values that will never arrive: refused, without room on disk and in memory, or logged after the end."""
        return self._delivery.dropped if self._delivery else self._spool.dropped

    def history(self, name: str, x: str = "step", samples: int | None = None) -> History:
        """The points of a metric that the server has (`flush()` before, to have all): to go through as pairs of x and
        value, or `.to_pandas()`, `.to_polars()`, `.to_arrow()`. Every point, 24 bytes each, unless `samples` asks for at most
        that many buckets.

        `x` is "step", "time" (seconds since 1970), "relative" (seconds since the first point) or another metric, whose
        value at the same step is taken, NaN where there is none. Raises ServerError for a metric that the run has not.
        """
        run_id = self.id
        if self._sender is None or run_id is None:
            raise ConfigurationError("this run is not on a server, so there is nothing to read back")
        return self._sender.reader.history(run_id, name, x, samples)

    # Copies, and other processes.

    def __copy__(self) -> Run:
        return self

    def __deepcopy__(self, memo: Any) -> Run:
        return self

    def _after_fork(self) -> None:
        """In a child: this process's part of the run begins when it logs something."""
        is_over = self._spool.is_over
        if self._delivery:
            self._facts = {**self._facts, "inherited": True, "run_id": self._delivery.run_id}
            self._delivery = None
        self._capture = None
        self._notices = Notices()
        self._spool = _Unopened(self)
        self._spool.is_over = is_over


class _Unopened:
    """Stands for a spool until there is something to keep in it, and for ever in a run that is disabled."""

    def __init__(self, run: Run) -> None:
        self._run = weakref.ref(run)
        self.lock = threading.RLock()
        self.is_over = False
        self.dropped = 0

    def _opened(self) -> Spool | None:
        run = self._run()
        spool = run._open() if run else self
        return spool if isinstance(spool, Spool) else None

    def points(self, step: int, when: float, names: tuple[str, ...], values: tuple[float, ...]) -> None:
        spool = self._opened()
        if spool:
            spool.points(step, when, names, values)
        elif self.is_over:
            self.dropped += len(values)

    def fact(self, fact: dict[str, Any], is_alone: bool = False) -> None:
        spool = self._opened()
        if spool:
            spool.fact(fact, is_alone)

    def end(self, fact: dict[str, Any]) -> None:
        self.is_over = True


runs: weakref.WeakValueDictionary[str, Run] = weakref.WeakValueDictionary()


def _after_fork() -> None:
    for run in list(runs.values()):
        run._after_fork()


_ends.forked.append(_after_fork)
