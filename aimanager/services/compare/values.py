"""The values of runs under one key: a key of their configs, or a metric."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import orjson

from ...store import Summary
from ..run_list.columns import interest
from ..run_list.direction import better
from .runs import Compared

Of = Literal["last", "min", "max", "mean", "best"]
STATISTICS: tuple[Of, ...] = get_args(Of)
LOG_FROM = 50  # Values above 0 that differ by such a factor lie on a logarithmic axis.


def metric_value(summary: Summary | None, of: Of) -> float | None:
    """One value of a metric; `best` is its lowest or its highest by its direction. None: it has no such value."""
    if summary is None:
        return None
    return getattr(summary, better(summary.name) if of == "best" else of)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def identity(value: Any) -> Any:
    """Equal for values that are the same to a reader: 1 and 1.0 are, 1 and true are not, NaN is NaN."""
    if is_number(value):
        return "NaN" if value != value else value
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def as_text(value: Any) -> str:
    """A value of a config that is not a number, in the words of a reader."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


@dataclass(frozen=True)
class Values:
    """The values of runs under a key, in the order of the runs; None where a run has none.

    `key` is `config.lr`, `metrics.val/loss.min` or `duration`. Of metrics only finite values are here.
    """

    key: str
    label: str
    values: Sequence[Any]

    @cached_property
    def numeric(self) -> bool:
        """Whether all values are numbers; else they are categories."""
        return all(is_number(value) for value in self.values if value is not None)

    @cached_property
    def present(self) -> int:
        return sum(value is not None for value in self.values)

    @cached_property
    def differs(self) -> bool:
        return len({identity(value) for value in self.values}) > 1

    @cached_property
    def numbers(self) -> list[float]:
        """As numbers, NaN where there is none; for a key whose values are numbers."""
        return [math.nan if value is None else float(value) for value in self.values]

    @cached_property
    def texts(self) -> list[str | None]:
        """As the names of categories; numbers as they are written."""
        return [None if value is None else as_text(value) for value in self.values]

    @cached_property
    def categories(self) -> list[str]:
        """The different texts: numbers by size, the others by letters."""
        of_text = {text: value for text, value in zip(self.texts, self.values, strict=True) if text is not None}
        return sorted(of_text, key=lambda text: (float(of_text[text]), "") if self.numeric else (0.0, text))

    @cached_property
    def present_numbers(self) -> list[float]:
        """The numbers that there are; of a key with categories none."""
        return [number for number in self.numbers if number == number] if self.numeric else []

    @cached_property
    def logarithmic(self) -> bool:
        """Whether it lies on a logarithmic axis. A score does not: a run that failed would be all that is seen."""
        numbers = self.present_numbers
        if not numbers or (self.key.startswith("metrics.") and better(self.key) == "max"):
            return False
        return min(numbers) > 0 and max(numbers) / LOG_FROM >= min(numbers)


def config_keys(runs: Iterable[Compared]) -> list[str]:
    """The keys of all configs, in the order in which they were written."""
    return list(dict.fromkeys(key for one in runs for key in one.config))


def metric_names(runs: Iterable[Compared]) -> list[str]:
    """All metrics, those first that one looks at first."""
    logged = Counter(name for one in runs for name in one.metrics)
    return sorted(logged, key=lambda name: (interest(name), -logged[name], name))


def of_config(runs: Sequence[Compared], key: str) -> Values:
    return Values(f"config.{key}", key, [one.config.get(key) for one in runs])


def of_metric(runs: Sequence[Compared], name: str, of: Of) -> Values:
    values = [metric_value(one.metrics.get(name), of) for one in runs]
    finite = [value if value is not None and math.isfinite(value) else None for value in values]
    return Values(f"metrics.{name}", f"{name} ({of})", finite)


def duration(runs: Sequence[Compared]) -> Values:
    seconds = [one.run.duration.total_seconds() if one.run.duration is not None else None for one in runs]
    return Values("duration", "duration (s)", seconds)


def read(runs: Sequence[Compared], key: str, of: Of) -> Values | None:
    """What a key of an address means: `config.lr`, `metrics.val/loss`, `metrics.val/loss.min` or `duration`.

    A metric without a statistic has `of`. None if no run has it.
    """
    kind, _, name = key.partition(".")
    if key == "duration":
        return duration(runs)
    if kind == "config" and any(name in one.config for one in runs):
        return of_config(runs, name)
    if kind != "metrics":
        return None
    if any(name in one.metrics for one in runs):
        return of_metric(runs, name, of)
    name, _, statistic = name.rpartition(".")
    if statistic in STATISTICS and any(name in one.metrics for one in runs):
        found = of_metric(runs, name, statistic)
        return Values(key, found.label, found.values)
    return None
