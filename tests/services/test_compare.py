"""Runs side by side: rows, deltas to a baseline, and the values of a key as a column."""

from math import inf, isclose, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimanager.errors import Forbidden, NotFound, Unauthorized
from aimanager.principal import ANONYMOUS
from aimanager.services.compare import runs, table, values
from aimanager.services.compare.values import Values

ANY = st.floats(allow_nan=True, allow_infinity=True)


@pytest.fixture
def find(app, alice):
    def find(*run_ids, who=None):
        with app.test_request_context():
            return runs.find(who.principal if who else alice.principal, run_ids)

    return find


@pytest.fixture
def pair(alice, make_project, make_run, make_points):
    """Two runs of two projects: a slow one, and one that is better."""
    first = make_run(
        alice, make_project(alice, "one"), name="slow", config={"lr": 0.1, "net": {"width": 64}, "seed": 1}
    )
    second = make_run(alice, make_project(alice, "two"), name="fast", config={"lr": 0.2, "net": {"width": 64.0}})
    make_points(alice, first, **{"val/loss": [3, 1, 2], "val/acc": [0.1, 0.5], "same": [1]})
    make_points(alice, second, **{"val/loss": [4, 0.5, 1], "val/acc": [0.1, "NaN"], "same": [1]})
    return first, second


def row_of(found, key, **options):
    return next(row for row in table.table(found, **options).rows if row.key == key)


def test_runs_come_in_the_order_in_which_they_were_asked_for_and_once(find, pair):
    first, second = pair
    assert [one.id for one in find(second, first, second)] == [second, first]


def test_one_run_that_may_not_be_read_or_does_not_exist_refuses_all(find, app, pair, bob, make_run):
    public = make_run(bob, public=True)
    with pytest.raises(Forbidden):
        find(public, pair[0], who=bob)
    with pytest.raises(NotFound):
        find(pair[0], 999)
    assert [one.id for one in find(pair[0], public)] == [pair[0], public]
    with app.test_request_context():
        assert [one.id for one in runs.find(ANONYMOUS, [public])] == [public]
        with pytest.raises(Unauthorized):
            runs.find(ANONYMOUS, [public, pair[0]])


def test_only_keys_whose_values_differ_are_there_where_only_differences_are_asked_for(find, pair):
    everything, differing = (table.table(find(*pair), differing_only=only) for only in (False, True))
    keys = [row.key for row in differing.rows if row.kind != "run"]
    assert keys == ["lr", "seed", "val/acc", "val/loss"]  # The width is 64 in both, however it is written.
    assert [row.key for row in everything.rows if row.kind != "run"] == ["lr", "net.width", "seed", *keys[2:], "same"]
    assert (everything.total, everything.differing) == (differing.total, differing.differing) == (6, 4)


def test_runs_of_several_projects_say_of_which(find, pair):
    assert [cell.value for cell in row_of(find(*pair), "project").cells] == ["one", "two"]
    assert not [row for row in table.table(find(pair[0])).rows if row.key == "project"]


def test_a_search_finds_keys_that_have_all_words(find, pair):
    assert [row.key for row in table.table(find(*pair), search="LOSS val").rows] == ["val/loss"]


@pytest.mark.parametrize(
    ("of", "expected"),
    [("last", [2, 1]), ("min", [1, 0.5]), ("max", [3, 4]), ("mean", [2, 5.5 / 3]), ("best", [1, 0.5])],
)
def test_each_statistic_of_a_metric_is_its_own(find, pair, of, expected):
    assert [cell.value for cell in row_of(find(*pair), "val/loss", of=of).cells] == pytest.approx(expected)


def test_the_best_of_an_accuracy_is_the_highest_and_of_a_loss_the_lowest(find, pair):
    assert [cell.value for cell in row_of(find(*pair), "val/acc", of="best").cells] == [0.5, 0.1]
    assert [cell.best for cell in row_of(find(*pair), "val/acc", of="best").cells] == [True, False]
    assert [cell.best for cell in row_of(find(*pair), "val/loss").cells] == [False, True]
    assert not any(cell.best for cell in row_of(find(*pair), "same").cells)


def test_a_lower_loss_is_better_and_a_config_key_has_no_direction(find, pair):
    base, other = row_of(find(*pair), "val/loss", base=pair[0]).cells
    assert base.delta is None
    assert (other.delta.absolute, other.delta.percent, other.delta.verdict) == (-1, -50, "better")
    rate = row_of(find(*pair), "lr", base=pair[0]).cells[1].delta
    assert (rate.absolute, rate.percent, rate.verdict) == (0.1, 100, None)


def test_there_is_no_delta_to_what_is_not_there_or_not_finite(find, pair):
    assert row_of(find(*pair), "seed", base=pair[0]).cells[1].delta is None
    assert row_of(find(*pair), "val/acc", base=pair[0]).cells[1].delta is None
    assert all(cell.delta is None for row in table.table(find(*pair)).rows for cell in row.cells)


@given(ANY, ANY, st.sampled_from(["min", "max", None]))
def test_a_delta_leads_from_the_baseline_to_the_value(value, base, direction):
    delta = table.delta(value, base, direction)
    if not (isfinite(value) and isfinite(base) and isfinite(value - base)):
        assert delta is None
        return
    assert base + delta.absolute == pytest.approx(value, rel=1e-12, abs=max(abs(value), abs(base)) * 1e-12)
    if delta.percent is None:
        assert base == 0 or not isfinite((value - base) / abs(base) * 100)
    else:
        assert isclose(delta.percent, (value - base) / abs(base) * 100, rel_tol=1e-12)
        assert delta.percent * delta.absolute >= 0  # A rise is positive, below zero too.
    improved = value < base if direction == "min" else value > base
    assert delta.verdict == (None if direction is None or value == base else "better" if improved else "worse")


@given(ANY, ANY)
def test_the_way_back_is_the_opposite(value, base):
    there, back = table.delta(value, base, "min"), table.delta(base, value, "min")
    assert (there is None) == (back is None)
    if there and back:
        assert there.absolute == -back.absolute
        assert {there.verdict, back.verdict} in ({"better", "worse"}, {None})


def test_no_delta_is_made_of_truth_and_text():
    assert table.delta(True, 1.0) is None
    assert table.delta("2", 1.0) is None
    assert table.delta(inf, 1.0) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(1, 1.0, True), (1, True, False), ("1", 1, False), (nan, nan, True), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
     ([1, 2], [2, 1], False), ("true", True, False), (2**53, 2**53 + 1, False)],
)  # fmt: skip
def test_two_values_are_the_same_if_a_reader_would_say_so(one, other, same):
    assert (values.identity(one) == values.identity(other)) is same


def test_a_key_of_an_address_names_a_config_key_or_a_statistic_of_a_metric(find, pair):
    found = find(*pair)
    assert values.read(found, "config.lr", "last").values == [0.1, 0.2]
    assert values.read(found, "config.seed", "last").values == [1, None]
    assert values.read(found, "metrics.val/loss", "max").values == [3, 4]
    assert values.read(found, "metrics.val/loss.min", "max").values == [1, 0.5]
    assert values.read(found, "metrics.val/acc", "last").values == [0.5, None]  # NaN has no place in a figure.
    for unknown in ("config.none", "metrics.none", "metrics.val/loss.median", "lr", ""):
        assert values.read(found, unknown, "last") is None


def test_categories_are_sorted_as_people_read_them():
    assert Values("k", "k", [10, 9, None, 9.5]).categories == ["9", "9.5", "10"]
    assert Values("k", "k", ["sgd", True, "adam", None]).categories == ["adam", "sgd", "true"]


@pytest.mark.parametrize(
    ("numbers", "log"), [([1e-4, 1e-2], True), ([1, 49], False), ([0, 1e9], False), ([-1, 100], False), ([], False)]
)
def test_values_above_zero_that_span_orders_of_magnitude_lie_on_a_logarithmic_axis(numbers, log):
    assert Values("k", "k", numbers).logarithmic is log
