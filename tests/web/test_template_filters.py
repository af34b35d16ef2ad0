import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aimanager.web import template_filters

NUMBERS = json.loads((Path(__file__).parent.parent / "wire" / "numbers.json").read_text())


@pytest.mark.parametrize("case", NUMBERS, ids=lambda case: str(case["value"]))
def test_a_number_reads_the_same_from_the_server_as_from_the_script(case):
    value = float(case["value"])
    assert template_filters.short(value) == case["short"]
    assert template_filters.plain(value) == case["exact"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (7, "7"), (12345, "12,345"), (10**9, "1e9"), (10**400, "1e400"), (-0.0, "0"), (True, "true"),
     ("text", "text"), ([1, 2], "[1, 2]")],
)  # fmt: skip
def test_what_is_no_float_is_shown_as_it_is(value, shown):
    assert template_filters.short(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.5, "0.5 s"), (59, "59 s"), (61, "1 min 01 s"), (3600 * 4 + 120, "4 h 02 min"), (86400 * 3 + 7200, "3 d 2 h"),
     (-100, "0.0 s")],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(seconds, shown):
    assert template_filters.duration(timedelta(seconds=seconds)) == shown


def test_a_moment_is_told_from_now():
    now = datetime.now(UTC).replace(tzinfo=None)
    assert template_filters.ago(now + timedelta(hours=1)) == "just now"
    assert template_filters.ago(now - timedelta(minutes=3, seconds=5)) == "3 min ago"
    assert template_filters.ago(now - timedelta(days=400)).endswith(str((now - timedelta(days=400)).year))
