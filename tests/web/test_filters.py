from datetime import UTC, datetime, timedelta

import pytest

from aimanager.web import filters


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456, "0.1235"), (1.0, "1"), (0.0, "0"), (-0.0, "0"), (123456.789, "123457"), (1e-9, "1e-9"),
        (1.2345e20, "1.234e20"), (-0.5, "−0.5000"), (float("nan"), "NaN"), (float("inf"), "∞"),
        (float("-inf"), "−∞"), (None, "–"), (7, "7"), (10**9, "1e9"), (True, "true"), ("text", "text"),
        ([1, 2], "[1, 2]"),
        (5e-324, "4.941e-324"), (1.797e308, "1.797e308"), (999999.9, "1000000"),
    ],
)  # fmt: skip
def test_a_number_is_rounded_to_four_digits(value, shown):
    assert filters.short(value).replace("e−", "e-") == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.5, "0.5 s"), (59, "59 s"), (61, "1 min 01 s"), (3600 * 4 + 120, "4 h 02 min"), (86400 * 3 + 7200, "3 d 2 h"),
     (-100, "0.0 s")],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(seconds, shown):
    assert filters.duration(timedelta(seconds=seconds)) == shown


def test_a_moment_is_told_from_now():
    now = datetime.now(UTC).replace(tzinfo=None)
    assert filters.ago(now + timedelta(hours=1)) == "just now"
    assert filters.ago(now - timedelta(minutes=3, seconds=5)) == "3 min ago"
    assert filters.ago(now - timedelta(days=400)).endswith(str((now - timedelta(days=400)).year))
