"""What the hub asks of the metric store, so that the two need not know each other."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Series(Protocol):
    """Points of one metric as parallel arrays; times are microseconds since 1970."""

    name: str
    ids: NDArray[np.int64]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    times: NDArray[np.int64]


class Tail(Protocol):
    """Points after an id up to `last_id`; `complete` when there are none beyond it, `rewound` when some before
    it may have gone."""

    @property
    def last_id(self) -> int: ...
    @property
    def series(self) -> Sequence[Series]: ...
    @property
    def complete(self) -> bool: ...
    @property
    def rewound(self) -> bool: ...


class Head(Protocol):
    """How far a run's points go."""

    @property
    def last_id(self) -> int: ...


class PointSource(Protocol):
    """The truth about a run's points."""

    def since(self, run: int, last_id: int, limit: int = ...) -> Tail: ...
    def heads(self, runs: Sequence[int]) -> Mapping[int, Head]: ...
