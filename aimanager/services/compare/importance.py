"""Which config keys matter for a metric: how each is related to it alone, and what a forest loses without it.

All of it is computed on ranks of the metric, so that one diverged run does not decide, and is the same each time.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Lock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .values import Values

FEWEST = 5  # Runs, below which nothing is said.
FEWEST_FOREST = 20  # Runs, below which a forest only learns them by heart.
MOST_KEYS = 50  # In the forest, those with the strongest relation first: what it costs grows with them.
MOST_CATEGORIES = 30
TREES, FOLDS, SHUFFLES = 60, 5, 5
REMEMBERED = 64

Floats = NDArray[np.float64]
Reason = Literal["constant", "all different"]


@dataclass(frozen=True)
class Relation:
    """`value` is Spearman's rank correlation from -1 to 1, or for a key with categories the correlation ratio from 0 to 1,
    adjusted for their number. `n` runs have both. `importance` is what the forest loses of its R² when the key's values are
    shuffled; None without a forest."""

    key: str
    label: str
    method: Literal["spearman", "ratio"]
    value: float
    n: int
    importance: float | None = None


@dataclass(frozen=True)
class Forest:
    """`r2` is that of its predictions for runs that it had not seen; of 0 or less it has learned nothing."""

    r2: float
    n: int
    keys: int


@dataclass(frozen=True)
class Importance:
    """What matters most comes first. `n` runs have the metric. `left_out` says why keys are missing here."""

    n: int
    relations: Sequence[Relation]
    left_out: Sequence[tuple[str, Reason]]
    forest: Forest | None
    forest_missing: bool = False

    @property
    def too_few(self) -> bool:
        return self.n < FEWEST


def importance(config: Sequence[Values], metric: Values) -> Importance:
    """How the keys of configs are related to the values of a metric, over the runs that have it."""
    has_metric = [value is not None for value in metric.values]
    config = [_of(values, has_metric) for values in config]
    y = np.array(_of(metric, has_metric).numbers, np.float64)
    if len(y) < FEWEST:
        return Importance(len(y), [], [], None)
    left_out = [(values.label, reason) for values in config if (reason := _useless(values))]
    relations = [found for values in config if not _useless(values) and (found := _relation(values, y))]
    relations.sort(key=lambda relation: -abs(relation.value))
    forest_missing = find_spec("sklearn") is None
    if len(y) < FEWEST_FOREST or forest_missing or not relations:
        return Importance(len(y), relations, left_out, None, forest_missing)
    by_key = {values.key: values for values in config}
    grown = [by_key[relation.key] for relation in relations[:MOST_KEYS]]
    r2, losses = _remembered(grown, y)
    loss_of = {values.key: loss for values, loss in zip(grown, losses, strict=True)}
    relations = [Relation(one.key, one.label, one.method, one.value, one.n, loss_of.get(one.key)) for one in relations]
    if r2 > 0:
        relations.sort(key=lambda relation: (relation.importance is None, -(relation.importance or 0.0)))
    return Importance(len(y), relations, left_out, Forest(r2, len(y), len(grown)))


def ranks(values: Floats) -> Floats:
    """1 for the least; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((2 * last - counts + 1) / 2)[inverse]


def spearman(x: Floats, y: Floats) -> float:
    """The correlation of the ranks; NaN where one side is constant."""
    a, b = ranks(x) - (len(x) + 1) / 2, ranks(y) - (len(y) + 1) / 2
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size else math.nan


def correlation_ratio(categories: Sequence[str], y: Floats) -> float:
    """How much of the spread of y's ranks lies between the categories, from 0 to 1, less what chance alone would give
    (epsilon squared), as a root so that it can be read beside a correlation. NaN where nothing can be said."""
    y = ranks(y)
    _, group = np.unique(np.array(categories, dtype=object).astype(str), return_inverse=True)
    counts = np.bincount(group)
    n, k = len(y), len(counts)
    total = float(((y - y.mean()) ** 2).sum())
    if k < 2 or n <= k or not total:
        return math.nan
    means = np.bincount(group, y) / counts
    within = float(((y - means[group]) ** 2).sum())
    return math.sqrt(max(0.0, 1 - within / total * (n - 1) / (n - k)))


def _of(values: Values, chosen: Sequence[bool]) -> Values:
    return Values(
        values.key, values.label, [value for value, one in zip(values.values, chosen, strict=True) if one]
    )  # fmt: skip


def _useless(values: Values) -> Reason | None:
    if not values.differs:
        return "constant"
    if not values.numeric and len(values.categories) == values.present > 1:
        return "all different"
    return None


def _relation(values: Values, y: Floats) -> Relation | None:
    """None where there are too few runs that have the key, or it tells them apart in no way that could be compared."""
    if values.numeric:
        numbers = np.array(values.numbers)
        has = ~np.isnan(numbers)
        if has.sum() >= FEWEST and not math.isnan(rho := spearman(numbers[has], y[has])):
            return Relation(values.key, values.label, "spearman", rho, int(has.sum()))
    # Where a key is there in some runs only, that is a category too.
    texts = [text or "" for text in values.texts]
    if math.isnan(ratio := correlation_ratio(texts, y)):
        return None
    return Relation(values.key, values.label, "ratio", ratio, len(y))


_memory: OrderedDict[bytes, tuple[float, list[float]]] = OrderedDict()
_memory_lock = Lock()


def _remembered(config: Sequence[Values], y: Floats) -> tuple[float, list[float]]:
    """Growing forests takes a second; the same question is asked again by each reload."""
    key = hashlib.blake2b(repr([(values.key, values.values) for values in config]).encode() + y.tobytes()).digest()
    with _memory_lock:
        if key in _memory:
            _memory.move_to_end(key)
            return _memory[key]
    found = _forest([_features(values) for values in config], y)
    with _memory_lock:
        _memory[key] = found
        if len(_memory) > REMEMBERED:
            _memory.popitem(last=False)
    return found


def _features(values: Values) -> Floats:
    """A key as columns, a row a run: a number as one, with NaN where there is none, categories as one each."""
    if values.numeric:
        return np.array(values.numbers)[:, None]
    texts = np.array([text or "" for text in values.texts], dtype=object)
    names, counts = np.unique(texts.astype(str), return_counts=True)
    most_common = names[np.argsort(-counts, kind="stable")][:MOST_CATEGORIES]
    return (texts[:, None] == most_common[None, :]).astype(np.float64)


def _forest(features: Sequence[Floats], y: Floats) -> tuple[float, list[float]]:
    """R² for held-out runs, and what of it is lost when the columns of one key are shuffled, key by key."""
    from sklearn.ensemble import RandomForestRegressor

    x, target = np.hstack(features), ranks(y)
    ends = np.cumsum([one.shape[1] for one in features])
    random = np.random.default_rng(0)
    folds = np.array_split(random.permutation(len(target)), FOLDS)
    error, errors_without = 0.0, np.zeros(len(features))
    for fold in folds:
        rest = np.setdiff1d(np.arange(len(target)), fold)
        forest: Any = RandomForestRegressor(TREES, max_features=1 / 3 if x.shape[1] > 3 else 1.0, random_state=0)
        forest.fit(x[rest], target[rest])
        held_out = x[fold]
        # All shuffled copies in one prediction: each call costs more than its rows.
        copies = [held_out]
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            for _ in range(SHUFFLES):
                copy = held_out.copy()
                # From all runs, as a fold may hold one value only.
                copy[:, start:end] = x[random.choice(len(target), len(fold)), start:end]
                copies.append(copy)
        predicted = forest.predict(np.vstack(copies)).reshape(len(copies), len(fold))
        squares = ((predicted - target[fold]) ** 2).sum(axis=1)
        error += squares[0]
        errors_without += squares[1:].reshape(len(features), SHUFFLES).mean(axis=1)
    spread = float(((target - target.mean()) ** 2).sum())
    if not spread:
        return 0.0, [0.0] * len(features)
    return float(1 - error / spread), ((errors_without - error) / spread).tolist()
