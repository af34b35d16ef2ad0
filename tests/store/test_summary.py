"""Sums keep some hundred bits and never overflow."""

from fractions import Fraction
from types import SimpleNamespace

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from aimanager.store.summary import RunningSummary, tally

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


def exact(standing: RunningSummary) -> Fraction:
    return (Fraction(standing.high) + Fraction(standing.low)) * (2**64 if standing.scaled else 1)


def stand(requests) -> RunningSummary:
    standing = RunningSummary()
    for values in requests:
        standing.add(tally(np.array(values, np.float64)), 0.0, 0, 0, 1)
    return standing


@given(st.lists(st.lists(finite, min_size=1, max_size=100), min_size=1, max_size=5))
def test_a_sum_is_right_to_ninety_bits_of_its_largest_value(requests):
    values = [value for request in requests for value in request]
    largest = max(map(abs, values))
    error = abs(exact(stand(requests)) - sum(map(Fraction, values)))
    assert error <= Fraction(largest) / 2**90 + Fraction(5e-324)


@given(st.integers(0, 2**32), st.integers(48, 5000), st.sampled_from([1e-310, 1.0, 1e10, 1e300, 1.7e308]))
def test_a_long_column_is_as_right_as_a_short_one(seed, rows, scale):
    values = np.random.default_rng(seed).uniform(-1, 1, rows) * scale
    error = abs(exact(stand([values])) - sum(map(Fraction, values.tolist())))
    assert error <= Fraction(scale) / 2**80 + Fraction(5e-324)


def test_a_mean_stays_among_the_values():
    largest = 1.7976931348623157e308
    assert stand([[largest]] * 3 + [[largest] * 100]).mean == largest
    assert stand([[-largest, largest]] * 50).mean == 0
    assert stand([[0.1]] * 1000).mean == 0.1


@given(st.lists(st.lists(st.floats(width=64), min_size=1, max_size=60), min_size=1, max_size=4))
def test_a_standing_survives_its_row(requests):
    standing = stand(requests)
    again = RunningSummary.of(SimpleNamespace(**standing.row()))
    assert repr(again) == repr(standing)
