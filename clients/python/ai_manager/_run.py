"""A run as the training script holds it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from ai_manager._channel import Channel
from ai_manager._notices import Notices
from ai_manager._queue import Row
from ai_manager._sender import Sender
from ai_manager._values import INT64, integer, jsonable, metric_name, number, seconds
from ai_manager.errors import ConfigurationError

FINAL = ("completed", "failed", "killed")
MOST_NAMES = 20_000  # Names and sets of names remembered; beyond it they are checked each time.
FINISH_BUDGET = 60.0  # Seconds that `finish` gives a server that is answering but has much to take.


class Run:
    """One training run. Made by `AIManager.run`; use it with `with`, or call `finish` yourself.

    `log` may be called from several threads, and in a forked child; the parent says how the run ends.
    """

    def __init__(self, channel: Channel, sender: Sender, url: str, notices: Notices) -> None:
        self._channel = channel
        self._sender = sender
        self._server = url
        self._notices = notices
        self._last_step = -1
        self._names: dict[Any, str | None] = {}
        self._sets: dict[tuple[str, ...], tuple[str, ...]] = {}

    def __repr__(self) -> str:
        return f"<Run {self.name!r} id={self._channel.run_id} dropped={self.dropped}>"

    def log(self, metrics: Mapping[str, Any], step: Any = None, timestamp: Any = None) -> None:
        """Keep the values of some metrics at one step, for the background thread to send.

        Never waits for the server and never raises: a value that is no number, or a name that is no name, is
        left out with one warning for each name. Without `step` it is the last step plus one, 0 at first.
        Without `timestamp` (seconds since 1970, or a datetime) it is now.
        """
        try:
            now = time.time()
            if timestamp is not None:
                now = self._time(timestamp, now)
            names, values = [], []
            checked = self._names
            for key, value in metrics.items():
                name = checked.get(key) or self._name(key)
                if type(value) is not float:
                    try:
                        value = number(value)
                    except Exception:
                        self._notices.once(("value", name), "metric %.100r: %.80r is not a number", name, value)
                        continue
                if name is not None:
                    names.append(name)
                    values.append(value)
            if names:
                self._keep(step, now, tuple(names), tuple(values))
        except Exception as error:
            self._notices.once("log", "log() takes a mapping of names to numbers and a whole step: %r", error)

    def _keep(self, step: Any, now: float, names: tuple[str, ...], values: tuple[float, ...]) -> None:
        """Queue a row; the step is settled under the lock, so that threads do not get the same one."""
        names = self._sets.get(names) or self._remember(names)
        with self._channel.lock:
            if step is None:
                step = self._next_step()
            elif type(step) is not int or not -INT64 <= step < INT64:
                step = self._step(step)
            self._last_step = step
            idle = self._channel.put(Row(step, now, names, values))
        if idle:
            self._sender.wake()

    def _next_step(self) -> int:
        return min(self._last_step + 1, INT64 - 1)

    def _step(self, step: Any) -> int:
        try:
            return integer(step)
        except Exception:
            self._notices.once("step", "step %.80r is not a whole number of 64 bits; counting on instead", step)
            return self._next_step()

    def _time(self, timestamp: Any, now: float) -> float:
        try:
            return seconds(timestamp)
        except Exception:
            self._notices.once("time", "timestamp %.80r is not in seconds since 1970; using now", timestamp)
            return now

    def _name(self, key: Any) -> str | None:
        """The checked name, None for one that cannot be; remembered, because this is done for every value."""
        try:
            name = metric_name(key)
        except (TypeError, ValueError) as error:
            self._notices.once(("name", repr(key)[:100]), "%.100r is left out: %s", key, error)
            return None
        if len(self._names) < MOST_NAMES:
            self._names[key] = name
        return name

    def _remember(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """One tuple for all rows of the same metrics: a million rows then share it."""
        if len(set(names)) < len(names):
            raise ValueError("the same metric twice in one call")
        if len(self._sets) < MOST_NAMES:
            self._sets[names] = names
        return names

    def update_config(self, config: Mapping[str, Any] | None = None, **settings: Any) -> None:
        """Add settings after the start; anything that has no JSON form is kept as its text."""
        self._channel.update_config(as_config({**as_config(config), **settings}))
        self._sender.wake()

    def finish(self, status: str = "completed", timeout: float | None = None) -> bool:
        """End the run and wait until the server has everything; True when it has.

        Waits up to a minute for a server that is answering and 4 seconds for one that is not, or `timeout`
        seconds. What was not delivered then is still tried in the background until the process ends.
        """
        if status not in FINAL:
            raise ConfigurationError("a run ends as one of: " + ", ".join(FINAL))
        self._channel.close(status)
        budget = FINISH_BUDGET if timeout is None else timeout
        delivered = self._sender.wait_for(self._channel.done, budget, patience=timeout)
        if not delivered:
            self._notices.once("late", "points not delivered yet: %d; still trying", self._channel.unsent)
        return delivered

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        status = "completed"
        if kind is not None and not (isinstance(error, SystemExit) and error.code in (None, 0)):
            status = "killed" if issubclass(kind, KeyboardInterrupt) else "failed"
        self.finish(status)

    @property
    def id(self) -> int | None:
        """The run's number; None until the server was reached. Waits for it 4 s at most."""
        self._sender.wait_until(lambda: self._channel.run_id is not None or self._channel.done.is_set())
        return self._channel.run_id

    @property
    def url(self) -> str | None:
        """The address of the run's page, as soon as it has an id."""
        return None if self.id is None else f"{self._server}/app/runs/{self.id}"

    @property
    def name(self) -> str | None:
        """The run's name; None until the server, which then chooses it, was reached."""
        return self._channel.name

    @property
    def config(self) -> dict[str, Any]:
        """The settings as they are stored."""
        return dict(self._channel.config)

    @property
    def should_stop(self) -> bool:
        """Whether somebody asked the run to stop, on its page or by the API. Costs no request: end the loop when it is True."""
        return self._channel.stop_requested

    @property
    def dropped(self) -> int:
        """Values that will never arrive: refused, too many for the memory, or logged after the end."""
        return self._channel.dropped


def as_config(config: Any) -> dict[str, Any]:
    """Settings as a JSON object, from a mapping, an argparse namespace or a dataclass."""
    if config is None:
        return {}
    plain = jsonable(config)
    return plain if isinstance(plain, dict) else {"config": plain}
