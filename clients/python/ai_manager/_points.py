"""What a script logs at steps, as rows of the spool: the half of a run that writes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ai_manager._notices import Notices
from ai_manager._values import INT64, integer, metric_name, number, seconds

MOST_NAMES = 20_000  # Names and sets of names remembered; beyond it they are checked each time.
MOST_IN_A_ROW = 500  # Metrics of one record; a call with more becomes several of the same step.


class Points:
    """Takes what is logged, and counts the steps."""

    rank: int | None
    _notices: Notices
    _spool: Any  # A `Spool`, or what stands for it until there is something to keep.

    def __init__(self) -> None:
        self._last_step = -1
        self._has_fractions = False  # Whether steps are epochs.
        self._names: dict[Any, str | None] = {}
        self._sets: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {}

    def log(self, metrics: Mapping[str, Any], step: Any = None, timestamp: Any = None, rank: Any = None) -> None:
        """Keep the values of some metrics at one step: on disk when this returns, and sent in the background.

        Never waits for the server and never raises: a value that is no number, or a name that is no name, is
        left out with one warning for each name. Metrics may be nested: `{"train": {"loss": 0.1}}` is `train/loss`.
        Without `step` it is the last step plus one, 0 at first. A step with a fraction is an epoch: it becomes the
        metric `epoch`, and steps count on. Without `timestamp` (seconds since 1970, or a datetime) it is now.

        Processes that share a run keep their metrics apart by `rank`: with 3, or with True in the process of rank 3, `loss` is
        `loss/rank3`. Metrics of the same name are one series, whoever logs them.
        """
        try:
            now = time.time()
            if timestamp is not None:
                now = self._time(timestamp, now)
            names: list[str] = []
            values: list[float] = []
            self._read(metrics, names, values)
            if rank is not None and rank is not False:
                names, values = self._of_rank(rank, names, values)
            if names:
                self._keep(step, now, names, values)
        except Exception as error:
            self._notices.once("log", "log() takes a mapping of names to numbers and a whole step: %r", error)

    def _read(self, metrics: Mapping[str, Any], names: list[str], values: list[float], prefix: str = "") -> None:
        """Append the names and values that can be kept."""
        checked = self._names
        for key, value in metrics.items():
            if type(value) is not float:
                if isinstance(value, Mapping):
                    if prefix.count("/") < 20:
                        self._read(value, names, values, f"{prefix}{key}/")
                    continue
                try:
                    value = number(value)
                except Exception:
                    self._notices.once(
                        ("value", prefix, key), "metric %.100r: %.80r is not a number", prefix + str(key), value
                    )
                    continue
            if prefix:
                key = f"{prefix}{key}"
            name = checked.get(key) or self._name(key)
            if name is not None:
                names.append(name)
                values.append(value)

    def _of_rank(self, rank: Any, names: list[str], values: list[float]) -> tuple[list[str], list[float]]:
        """The names with a rank behind; as they are where a process has none."""
        number = self.rank if rank is True else integer(rank)
        if number is None:
            return names, values
        named = [(self._names.get(key := f"{name}/rank{number}") or self._name(key)) for name in names]
        kept = [(name, value) for name, value in zip(named, values) if name is not None]
        return [name for name, _ in kept], [value for _, value in kept]

    def _keep(self, step: Any, now: float, names: list[str], values: list[float]) -> None:
        """Write a row; the step is settled under the lock, so that threads do not get the same one."""
        spool = self._spool
        with spool.lock:
            if step is None:
                step = self._next_step()
            elif self._has_fractions or type(step) is not int or not -INT64 <= step < INT64:
                step = self._step(step, names, values)
            self._last_step = step
            key = tuple(names)
            parts = self._sets.get(key) or self._remember(key)
            if len(parts) == 1:
                spool.points(step, now, parts[0], tuple(values))
                return
            at = 0
            for part in parts:
                spool.points(step, now, part, tuple(values[at : at + len(part)]))
                at += len(part)

    def rewind(self, step: Any) -> None:
        """Take back what was logged at greater steps, as after a checkpoint was loaded, and count on from this one.

        What is taken back stays in an archived run on the server. It is in order with what is logged before and after, also
        of processes of this machine that have ended. Of several processes of a run only the one that began it can; the
        others then count on. Never raises.
        """
        try:
            whole = integer(step)
            if not isinstance(whole, int):
                raise ValueError("it has a fraction")
        except Exception as error:
            self._notices.again("rewind", "rewind() takes a whole step, not %.80r: %s", step, error)
            return
        with self._spool.lock:
            self._spool.fact({"kind": "rewind", "value": {"step": whole}}, is_alone=True)
            self._last_step = whole

    def _next_step(self) -> int:
        return min(self._last_step + 1, INT64 - 1)

    def _step(self, step: Any, names: list[str], values: list[float]) -> int:
        try:
            whole = integer(step)
        except Exception:
            self._notices.once("step", "step %.80r is not a whole number of 64 bits; counting on instead", step)
            return self._next_step()
        if isinstance(whole, int) and not self._has_fractions:
            return whole
        if not self._has_fractions:
            self._has_fractions = True
            self._notices.once(
                "fraction", "step %r has a fraction: it becomes the metric 'epoch', and steps count on", whole
            )
        if "epoch" not in names:
            names.append("epoch")
            values.append(float(whole))
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

    def _remember(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """The names of a call in records of their own where they are many; the same objects each time."""
        if len(set(names)) < len(names):
            raise ValueError("the same metric twice in one call")
        parts = tuple(names[at : at + MOST_IN_A_ROW] for at in range(0, len(names), MOST_IN_A_ROW))
        if len(self._sets) < MOST_NAMES:
            self._sets[names] = parts
        return parts
