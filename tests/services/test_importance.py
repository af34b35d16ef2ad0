"""Which config keys matter for a metric, against plain definitions and on data whose answer is known."""

import random
from math import isclose, isnan, sqrt
from statistics import correlation, fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimanager.services.compare import importance as module
from aimanager.services.compare.importance import importance
from aimanager.services.compare.values import Values

FEW = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=30)


def plain_ranks(values):
    """One more than how many are less, and half of the others that are equal."""
    return [1 + sum(b < a for b in values) + (sum(b == a for b in values) - 1) / 2 for a in values]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_ranks_are_shared_by_equal_values(values):
    assert module.ranks(np.array(values)).tolist() == plain_ranks(values)


@given(FEW)
def test_spearman_is_the_correlation_of_the_ranks(pairs):
    x, y = ([float(value) for value in side] for side in zip(*pairs, strict=True))
    found = module.spearman(np.array(x), np.array(y))
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert isnan(found)
    else:
        assert isclose(found, correlation(plain_ranks(x), plain_ranks(y)), abs_tol=1e-12)


@given(st.lists(st.integers(-1000, 1000), min_size=3, max_size=30, unique=True))
def test_what_only_rises_is_related_wholly_however_it_is_bent(values):
    x = np.array(values, np.float64)
    assert isclose(module.spearman(x, x**3), 1)
    assert isclose(module.spearman(x, -np.exp(x / 100)), -1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), min_size=2, max_size=30))
def test_the_correlation_ratio_is_what_lies_between_the_categories(pairs):
    names = [name for name, _ in pairs]
    y = plain_ranks([value for _, value in pairs])
    n, k = len(y), len(set(names))
    found = module.correlation_ratio(names, np.array([value for _, value in pairs], np.float64))
    total = sum((value - fmean(y)) ** 2 for value in y)
    if k < 2 or n <= k or not total:
        assert isnan(found)
        return
    within = 0.0
    for name in set(names):
        group = [value for value, its in zip(y, names, strict=True) if its == name]
        within += sum((value - fmean(group)) ** 2 for value in group)
    # Compared squared: the root makes much of the last digits near 0.
    assert isclose(found**2, max(0, 1 - within / total * (n - 1) / (n - k)), abs_tol=1e-9)


def runs_of(n, seed=1):
    """Config keys of which a and the optimizer decide the metric, b does nothing, and the rest says nothing."""
    draw = random.Random(seed)
    a, b = ([draw.uniform(0, 1) for _ in range(n)] for _ in "ab")
    optimizer = [draw.choice(["adam", "lion", "sgd"]) for _ in range(n)]
    metric = [
        x + {"adam": 0, "lion": 0.3, "sgd": 0.6}[name] + draw.gauss(0, 0.02)
        for x, name in zip(a, optimizer, strict=True)
    ]
    config = [
        Values("config.a", "a", a),
        Values("config.b", "b", b),
        Values("config.optimizer", "optimizer", optimizer),
        Values("config.epochs", "epochs", [10] * n),
        Values("config.name", "name", [f"run {i}" for i in range(n)]),
    ]
    return config, Values("metrics.loss", "loss", metric)


def test_a_forest_finds_what_decides_and_says_how_well_it_predicts():
    found = importance(*runs_of(60))
    by_key = {relation.key: relation for relation in found.relations}
    assert [relation.key for relation in found.relations][-1] == "config.b"
    assert found.forest.r2 > 0.6
    assert (found.n, found.forest.n, found.forest.keys) == (60, 60, 3)
    assert min(by_key["config.a"].importance, by_key["config.optimizer"].importance) > 0.2
    assert abs(by_key["config.b"].importance) < 0.05
    assert by_key["config.a"].method == "spearman"
    assert by_key["config.optimizer"].method == "ratio"


def test_constant_keys_and_those_that_name_each_run_are_left_out_and_named():
    assert importance(*runs_of(30)).left_out == [("epochs", "constant"), ("name", "all different")]


def test_the_same_question_has_the_same_answer():
    first = importance(*runs_of(30))
    module._memory.clear()
    assert importance(*runs_of(30)) == first


def test_what_was_asked_before_grows_no_second_forest(monkeypatch):
    first = importance(*runs_of(40, seed=5))
    monkeypatch.setattr(module, "_forest", lambda *_: pytest.fail("it was grown again"))
    assert importance(*runs_of(40, seed=5)) == first


def test_of_noise_nothing_can_be_learned():
    config, _ = runs_of(40)
    draw = random.Random(7)
    noise = Values("metrics.noise", "noise", [draw.gauss(0, 1) for _ in range(40)])
    assert importance(config, noise).forest.r2 < 0.2


def test_with_too_few_runs_nothing_is_said_and_with_few_ones_no_forest_is_grown():
    few = importance(*runs_of(module.FEWEST - 1))
    assert few.too_few
    assert few.relations == []
    some = importance(*runs_of(module.FEWEST_FOREST - 1))
    assert some.relations
    assert some.forest is None
    assert all(relation.importance is None for relation in some.relations)


def test_runs_without_the_metric_do_not_count():
    config, metric = runs_of(12)
    holed = Values(metric.key, metric.label, [None] * 8 + list(metric.values[8:]))
    assert importance(config, holed).n == 4


def test_without_scikit_learn_the_correlations_are_there_and_the_rest_is_said_to_be_missing(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    found = importance(*runs_of(40))
    assert found.forest_missing
    assert found.forest is None
    assert {relation.key for relation in found.relations} == {"config.a", "config.b", "config.optimizer"}


def test_a_number_that_only_some_runs_have_is_related_over_these():
    config, metric = runs_of(30)
    a = config[0]
    holed = Values(a.key, a.label, [None if i % 3 else value for i, value in enumerate(a.values)])
    (relation,) = importance([holed], metric).relations
    assert (relation.method, relation.n) == ("spearman", 10)


def test_a_key_that_is_there_or_not_is_a_category():
    metric = Values("metrics.loss", "loss", [1.0, 2, 3, 11, 12, 13])
    (relation,) = importance([Values("config.trick", "trick", [None] * 3 + ["on"] * 3)], metric).relations
    assert (relation.method, relation.n) == ("ratio", 6)
    assert relation.value > sqrt(0.7)


def test_one_diverged_run_does_not_decide():
    x = [float(i) for i in range(10)]
    y = [*x[:9], 1e300]
    (relation,) = importance([Values("config.x", "x", x)], Values("metrics.loss", "loss", y)).relations
    assert relation.value == pytest.approx(1)
