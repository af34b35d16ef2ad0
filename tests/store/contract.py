"""What every engine of the store must do. An engine's test class inherits this one and gives it a `store`."""

import struct
import time

import numpy as np
import pytest

from aimanager.store import RunDeleted
from tests.store.factories import bits, column, listed, log
from tests.store.numbered import Numbered

LARGEST = 2**63 - 1
NAN_WITH_PAYLOAD = struct.unpack("<d", struct.pack("<Q", 0x7FF800000000BEEF))[0]
ODD_FLOATS = [0.0, -0.0, 5e-324, -1e-320, 1.7976931348623157e308, float("inf"), float("-inf"), NAN_WITH_PAYLOAD, 0.1]


class Contract(Numbered):
    # What goes in

    def test_the_size_of_a_project_is_of_all_its_runs_and_no_others(self, store):
        for run in (1, 2):
            log(store, run, column("loss", range(3)), column("accuracy", range(3)))
        size = store.size_of(1)
        assert size.points == 12
        assert size.bytes > 0
        assert store.size_of(2) == (0, 0)

    def test_values_come_back_bit_for_bit(self, store):
        for value in ODD_FLOATS:
            log(store, 1, column("one at a time", [value]))
        log(store, 1, column("all at once", ODD_FLOATS))
        for name in ("one at a time", "all at once"):
            assert bits(store.series(1, name).values) == bits(ODD_FLOATS)

    def test_ids_count_up_within_a_run_row_by_row(self, store):
        receipt = log(store, 1, column("a", [1, 2]), column("b", [3, 4]), column("c", [5]))
        assert (receipt.count, receipt.first_id, receipt.last_id) == (5, 1, 5)
        assert log(store, 2, column("a", [1])).first_id == 1
        assert log(store, 1, column("a", [1])).first_id == 6
        assert [(point_id, name) for point_id, name, *_ in listed(store, 1)] == list(enumerate("ababca", 1))

    def test_an_absent_step_follows_the_metrics_last(self, store):
        log(store, 1, column("loss", [1]))
        log(store, 1, column("loss", [1]), column("accuracy", [1]))
        log(store, 1, column("loss", [1], steps=[10]))
        receipt = log(store, 1, column("loss", [1, 1]), column("accuracy", [1, 1]))
        assert receipt.steps.tolist() == [11, 12]
        assert store.series(1, "loss").steps.tolist() == [0, 1, 10, 11, 12]
        assert store.series(1, "accuracy").steps.tolist() == [0, 1, 2]

    def test_an_absent_step_follows_the_greatest_step(self, store):
        log(store, 1, column("loss", [1, 1], steps=[7, 3], times=[10, 20]))
        assert log(store, 1, column("loss", [1])).steps.tolist() == [8]

    def test_a_step_stays_at_the_largest_there_is(self, store):
        log(store, 1, column("loss", [1], steps=[LARGEST - 1]))
        assert log(store, 1, column("loss", [1, 2, 3])).steps.tolist() == [LARGEST] * 3
        assert log(store, 1, column("loss", [1])).steps.tolist() == [LARGEST]

    def test_steps_are_kept_as_sent(self, store):
        steps = [5, 5, 3, -(2**63), LARGEST, 4]
        log(store, 1, column("loss", range(6), steps=steps))
        assert store.series(1, "loss").steps.tolist() == steps

    def test_an_absent_time_is_the_servers_clock(self, store):
        before = time.time_ns() // 1000
        receipt = log(store, 1, column("loss", [1, 2]))
        assert before <= receipt.times[0] == receipt.times[1] <= time.time_ns() // 1000

    def test_an_absent_time_never_goes_back_within_the_run(self, store):
        future = time.time_ns() // 1000 + 10**9
        log(store, 1, column("loss", [1], times=[future]))
        assert log(store, 1, column("other", [1])).times.tolist() == [future]

    def test_a_metric_may_come_twice_in_a_request(self, store):
        log(store, 1, column("loss", [1]), column("loss", [2]), column("other", [3]), column("loss", [4]))
        points = [(point_id, name, step) for point_id, name, step, *_ in listed(store, 1)]
        assert points == [(1, "loss", 0), (2, "loss", 1), (3, "other", 0), (4, "loss", 2)]
        assert store.summaries([1], ["loss"])[1][0].last == 4

    def test_a_request_without_points_stores_nothing_but_its_number(self, store):
        assert log(store, 1).count == 0
        assert log(store, 1, column("loss", []), writer="w", seq=1).last_id == 0
        assert log(store, 1, column("loss", [1]), writer="w", seq=2).last_id == 1
        assert [summary.name for summary in store.summaries([1])[1]] == ["loss"]

    def test_lengths_of_a_column_that_differ_are_refused(self):
        with pytest.raises(ValueError, match="one length"):
            column("loss", [1, 2], steps=[1])

    # Reading

    def test_points_are_listed_by_time_then_id(self, store):
        log(store, 1, column("a", [1, 2, 3], times=[30, 10, 20]), column("b", [4, 5, 6], times=[10, 10, 40]))
        places = [(time, point_id) for point_id, *_, time in listed(store, 1)]
        assert places == sorted(places)
        assert len(places) == 6

    @pytest.mark.parametrize("times", [[10, 20, 30, 40, 50], [10, 20, 15, 15, 5]])
    @pytest.mark.parametrize("name", [None, "a"])
    def test_pages_together_are_the_whole(self, store, times, name):
        for row in range(5):
            log(store, 1, column("a", [row], times=[times[row]]), column("b", [row], times=[times[row]]))
        whole = listed(store, 1, name=name)
        assert len(whole) == store.points(1, name=name).total == (5 if name else 10)
        pages = [listed(store, 1, name=name, skip=skip, limit=3) for skip in range(0, 12, 3)]
        assert [point for page in pages for point in page] == whole

    def test_a_page_far_down_begins_where_it_should(self, store):
        for start in range(0, 100, 10):
            log(store, 1, column("a", range(start, start + 10), times=range(start, start + 10)))
        assert store.points(1, skip=57, limit=5).values.tolist() == [57, 58, 59, 60, 61]

    def test_a_series_is_by_time(self, store):
        log(store, 1, column("loss", [1, 2, 3], steps=[1, 2, 3], times=[30, 10, 20]))
        series = store.series(1, "loss")
        assert (series.name, series.ids.tolist(), series.steps.tolist()) == ("loss", [2, 3, 1], [2, 3, 1])
        assert (series.values.tolist(), series.times.tolist()) == ([2, 3, 1], [10, 20, 30])

    @pytest.mark.parametrize("times", [range(10), [3, 1, 2, 0, 5, 4, 9, 8, 7, 6]], ids=["in order", "out of order"])
    @pytest.mark.parametrize("rows", [3, 5, 100])
    def test_the_pieces_of_a_history_are_the_series_as_it_was(self, store, rows, times):
        log(store, 1, column("loss", range(10), times=times), column("other", range(10), times=times))
        series, history = store.series(1, "loss"), store.history(1, "loss", rows)
        log(store, 1, column("loss", [99], times=[0]))
        assert (history.name, history.total) == ("loss", 10)
        for _ in range(2):
            pieces = list(history.pieces())
            for name in ("ids", "steps", "values", "times"):
                parts = [getattr(piece, name) for piece in pieces]
                assert np.concatenate(parts).tolist() == getattr(series, name).tolist()
        assert store.history(1, "nothing") is None
        assert store.history(2, "loss") is None

    def test_what_is_not_there_is_empty(self, store):
        log(store, 2, column("loss", [1]))
        assert store.points(1).total == 0
        assert store.points(2, "other").total == 0
        assert store.series(1, "loss") is None
        assert store.series(2, "other") is None
        assert store.chart(1, ["loss"]) == []
        assert store.chart(2, ["other"]) == []
        assert store.summaries([1]) == {1: []}
        assert store.heads([1]) == {}
        assert store.since(1, 0).complete

    def test_since_gives_every_point_after_an_id_once(self, store):
        for row in range(6):
            log(store, 1, column("a", [row]), column("b", [row]))
        seen, last_id = [], 0
        while True:
            tail = store.since(1, last_id, limit=5)
            seen += [point_id for series in tail.series for point_id in series.ids.tolist()]
            last_id = tail.last_id
            if tail.complete:
                break
        assert sorted(seen) == list(range(1, 13))
        assert last_id == 12

    def test_since_the_end_there_is_nothing(self, store):
        log(store, 1, column("a", [1, 2, 3]))
        for last_id in (3, 99):
            tail = store.since(1, last_id)
            assert (tail.last_id, tail.series, tail.complete) == (3, [], True)

    def test_a_tail_is_cut_within_a_request(self, store):
        log(store, 1, column("a", range(10)), column("b", range(10)))
        tail = store.since(1, 7, limit=4)
        assert (tail.last_id, tail.complete) == (11, False)
        assert {series.name: series.ids.tolist() for series in tail.series} == {"a": [9, 11], "b": [8, 10]}

    # Summaries

    def test_a_summary_is_over_finite_values(self, store):
        log(store, 1, column("loss", [3, float("nan"), 1]), column("loss", [float("inf"), -2, float("-inf")]))
        (summary,) = store.summaries([1])[1]
        assert (summary.name, summary.count, summary.bad) == ("loss", 6, 3)
        assert (summary.min, summary.max, summary.mean) == (-2, 3, 2 / 3)
        assert summary.last == float("-inf")

    def test_a_summary_without_finite_values_has_no_bounds(self, store):
        log(store, 1, column("loss", [float("nan")]))
        (summary,) = store.summaries([1])[1]
        assert np.isnan(summary.last)
        assert (summary.min, summary.max, summary.mean) == (None, None, None)

    def test_the_current_value_is_that_of_the_greatest_step_whatever_the_clock_said(self, store):
        log(store, 1, column("loss", [1, 2, 3], steps=[1, 2, 3], times=[30, 10, 20]))
        log(store, 1, column("loss", [4], steps=[2], times=[40]))
        (summary,) = store.summaries([1])[1]
        assert (summary.last, summary.last_step, summary.last_time, summary.last_id) == (3, 3, 20, 3)
        assert store.cells([1])[1]["loss"].last == 3

    def test_of_equal_steps_the_one_that_arrived_last_has_the_current_value(self, store):
        log(store, 1, column("loss", [1, 2, 3], steps=[7, 7, 5], times=[30, 20, 40]))
        (summary,) = store.summaries([1])[1]
        assert (summary.last, summary.last_step, summary.last_time, summary.last_id) == (2, 7, 20, 2)
        log(store, 1, column("loss", [4], steps=[7], times=[10]))
        (summary,) = store.summaries([1])[1]
        assert (summary.last, summary.last_step, summary.last_time, summary.last_id) == (4, 7, 10, 4)

    def test_the_current_value_of_many_rows_at_once_is_that_of_the_greatest_step(self, store):
        steps = [*range(1000), *range(500)]
        log(
            store,
            1,
            column("loss", range(1500), steps=steps, times=range(1500)),
            column("a", range(1500), steps, steps),
        )
        lasts = {one.name: (one.last, one.last_step, one.last_time, one.last_id) for one in store.summaries([1])[1]}
        assert lasts["loss"] == (999, 999, 999, 1000)
        assert lasts["a"][:3] == (999, 999, 999)

    def test_a_negative_zero_is_the_current_value_as_it_is(self, store):
        log(store, 1, column("loss", [-0.0]))
        assert bits([store.summaries([1])[1][0].last]) == bits([-0.0])
        log(store, 1, column("loss", [0.0]))
        assert bits([store.summaries([1])[1][0].last]) == bits([0.0])

    def test_a_mean_is_right_where_sums_overflow_or_cancel(self, store):
        huge = 1.7976931348623157e308
        log(store, 1, column("huge", [huge] * 3), column("small", [1e16, 1.0, -1e16]))
        log(store, 1, column("huge", [huge]), column("tiny", [5e-324]))
        means = {summary.name: summary.mean for summary in store.summaries([1])[1]}
        assert means == {"huge": huge, "small": 1 / 3, "tiny": 5e-324}

    def test_summaries_of_many_runs_come_by_run_and_name(self, store):
        for run in (1, 2):
            log(store, run, column("b", [run]), column("a", [run]), column("B", [run]))
        summaries = store.summaries([2, 1, 3], ["a", "b"])
        assert {run: [one.name for one in of_run] for run, of_run in summaries.items()} == {
            1: ["a", "b"],
            2: ["a", "b"],
            3: [],
        }

    def test_names_are_those_that_any_of_the_runs_has(self, store):
        for run, name in ((1, "b"), (2, "a"), (2, "b"), (3, "c"), (4, "d")):
            log(store, run, column(name, [1]))
        store.delete([4])
        assert store.names([1, 2, 4, 9]) == ["a", "b"]
        assert store.names([]) == []

    def test_heads_say_how_far_runs_are(self, store):
        before = time.time_ns() // 1000
        log(store, 1, column("a", [1, 2]), column("b", [1, 2]))
        head = store.heads([1, 2])[1]
        assert (head.last_id, head.points) == (4, 4)
        assert before <= head.heard_at <= time.time_ns() // 1000
        log(store, 1, writer="w", seq=1)
        assert store.heads([1])[1].heard_at >= head.heard_at

    def test_sparks_are_some_values_of_a_metric_the_last_among_them(self, store):
        for run, count in ((1, 10), (2, 10_000), (3, 1)):
            log(store, run, column("loss", range(count)), column("other", [7] * count))
            store.finish(run)
        store.tidy()
        log(store, 2, column("loss", [-1]))
        sparks = store.sparks({1: "loss", 2: "loss", 3: "other", 4: "loss"}, points=20)
        assert sorted(sparks) == [1, 2, 3]
        assert sparks[1].tolist() == list(range(10))
        assert sparks[2][0] < sparks[2][-2]
        assert sparks[2][-1] == -1
        assert 2 < len(sparks[2]) <= 20
        assert sparks[3].tolist() == [7]

    # Charts; what their buckets must be is in test_envelope.py

    def test_a_chart_of_few_points_is_exact(self, store):
        log(store, 1, column("loss", [3, float("nan"), 1], steps=[1, 2, 3], times=[10, 20, 35]))
        (chart,) = store.chart(1, ["loss"], points=3)
        assert (chart.name, chart.axis, chart.total, chart.exact) == ("loss", "step", 3, True)
        assert chart.x.tolist() == chart.steps.tolist() == [1, 2, 3]
        assert bits(chart.min) == bits(chart.last) == bits([3, np.nan, 1])
        assert (chart.bad_x.tolist(), np.isnan(chart.bad_values).tolist()) == ([2], [True])
        assert store.chart(1, ["loss"], x="time")[0].x.tolist() == [10, 20, 35]

    def test_relative_time_begins_with_the_runs_first_point(self, store):
        log(store, 1, column("early", [1], times=[100]), column("late", [1, 2], times=[150, 130]))
        assert store.chart(1, ["late"], x="relative")[0].x.tolist() == [30, 50]

    def test_a_chart_of_a_range_takes_in_its_bounds(self, store):
        log(store, 1, column("loss", range(10), steps=range(10)))
        assert store.chart(1, ["loss"], lo=2, hi=5)[0].x.tolist() == [2, 3, 4, 5]
        assert store.chart(1, ["loss"], lo=1.5, hi=5.5)[0].x.tolist() == [2, 3, 4, 5]
        assert store.chart(1, ["loss"], lo=50)[0].total == 0

    def test_a_chart_says_up_to_which_id_the_points_are_in_it(self, store):
        log(store, 1, column("a", [1, 2]), column("b", [3]))
        assert [chart.last_id for chart in store.chart(1, ["a", "b"], lo=1)] == [3, 3]
        log(store, 1, column("b", [4]))
        assert store.chart(1, ["a"])[0].last_id == 4

    def test_charts_come_in_the_order_asked_for(self, store):
        log(store, 1, column("a", [1]), column("b", [1]))
        assert [chart.name for chart in store.chart(1, ["b", "missing", "a", "b"])] == ["b", "a"]

    # Runs that end

    def test_a_finished_run_still_takes_points(self, store):
        log(store, 1, column("loss", [1]))
        store.finish(1)
        log(store, 1, column("loss", [2]), column("new", [3]))
        store.resume(1)
        assert log(store, 1, column("loss", [4])).last_id == 4
        assert store.summaries([1], ["loss"])[1][0].count == 3

    def test_a_deleted_run_is_gone_and_takes_no_more_points(self, store):
        for run in (1, 2, 3):
            log(store, run, column("loss", [1]), writer="w", seq=1)
        store.delete([1, 3, 99])
        assert store.points(1).total == 0
        assert store.series(1, "loss") is None
        assert store.chart(1, ["loss"]) == []
        assert store.since(1, 0).series == []
        assert store.summaries([1, 2])[1] == []
        assert list(store.heads([1, 2, 3])) == [2]
        for run in (1, 3, 99):
            with pytest.raises(RunDeleted):
                log(store, run, column("loss", [1]), writer="w", seq=2)
        assert log(store, 2, column("loss", [1]), writer="w", seq=2).last_id == 2

    def test_a_closed_store_takes_no_more_points(self, store):
        store.close()
        with pytest.raises(RuntimeError, match="closed"):
            log(store, 1, column("loss", [1]))
