"""The columns that charts travel as."""

import numpy as np
import pytest

from aimanager.services import charts
from aimanager.services.charts import Drawn
from aimanager.store import Batch, Column
from aimanager.wire import columnar
from tests.store.memory import MemoryStore


def drawn(values, points, x="step", times=None):
    store, values = MemoryStore(), np.asarray(values, np.float64)
    times = 10**15 + 123_457 * np.arange(len(values)) if times is None else np.array(times)
    store.append(1, 1, Batch((Column("loss", values, None, times),)))
    (chart,) = store.chart(1, ["loss"], points, x)
    return Drawn(1, "loss", len(values), chart)


def travelled(*several, also=()):
    """Heads of charts as they arrive, with arrays for references."""
    head, data = columnar.unpack(charts.packed(several, 7, also))
    assert head["last_id"] == 7
    for chart in head["charts"]:
        for name, part in chart.items():
            if isinstance(part, list) and len(part) == 3 and part[0] in columnar.KINDS:
                chart[name] = data.column(part, name)
    data.close()
    return head["charts"]


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e30])
def test_no_spike_shrinks_on_the_way(scale):
    one = drawn(np.random.default_rng(1).normal(size=5000) * scale, 100)
    (chart,) = travelled(one)
    assert chart["min"].dtype == chart["max"].dtype == chart["last"].dtype == np.float32
    assert (chart["min"] <= one.chart.min).all()
    assert (chart["max"] >= one.chart.max).all()
    assert np.allclose(chart["last"], one.chart.last, rtol=1e-6)
    assert np.allclose(chart["min"], one.chart.min, rtol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        1.7e9 + np.arange(5000) % 50,
        np.full(5000, 0.1),
        np.linspace(1e300, 2e300, 5000),
        np.linspace(1e-60, 2e-60, 5000),
    ],
    ids=["far from 0", "level", "huge", "tiny"],
)
def test_what_float32_cannot_show_travels_as_float64(values):
    one = drawn(values, 100)
    (chart,) = travelled(one)
    for name in ("min", "max", "last"):
        assert chart[name].dtype == np.float64
        assert chart[name].tolist() == getattr(one.chart, name).tolist()


def test_where_every_point_is_drawn_its_value_is_exact():
    one = drawn([0.1, float("nan"), 3, float("-inf")], 10)
    (chart,) = travelled(one)
    assert chart["exact"] is True
    assert "min" not in chart
    assert np.array_equal(chart["last"], [0.1, np.nan, 3, np.nan], equal_nan=True)
    assert chart["bad"] == [{"x": 1, "value": "NaN"}, {"x": 3, "value": "-Infinity"}]


@pytest.mark.parametrize(("x", "first"), [("step", 0), ("time", 1e9), ("relative", 0)])
def test_times_on_the_axis_are_seconds(x, first):
    (chart,) = travelled(drawn(range(1000), 10, x))
    assert (chart["x_axis"], chart["from"]) == (x, [first])
    step = 1 if x == "step" else 0.123457
    assert np.allclose(chart["x"], first + step * np.arange(99, 1000, 100), rtol=0, atol=1e-6)


def test_what_a_bucket_has_besides_comes_where_it_is_asked_for():
    one = drawn(range(1000), 10, "relative")
    (plain,), (full,) = travelled(one), travelled(one, also=charts.ALSO)
    assert not set(charts.ALSO) & plain.keys()
    assert full["counts"].tolist() == [100] * 10
    assert full["steps"].tolist() == list(range(99, 1000, 100))
    assert np.allclose(full["times"] * 1e6, one.chart.times, rtol=0, atol=0.5)


def test_a_chart_that_cannot_be_drawn_says_why_beside_those_that_can():
    broken = Drawn(1, "broken", 3, None, "it is damaged")
    charts = travelled(drawn(range(10), 10), broken)
    assert [chart.get("error") for chart in charts] == [None, "it is damaged"]
    assert (charts[1]["run_id"], charts[1]["name"]) == (1, "broken")


def test_two_thousand_buckets_take_less_than_45_kilobytes():
    one = drawn(np.random.default_rng(1).normal(size=100_000), 2000)
    assert len(charts.packed([one], 7)) < 45_000
