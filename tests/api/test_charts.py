"""Charts over HTTP: one as the contract has it, several of several runs, and all of them as columns."""

import numpy as np
import pytest

from aimanager.services.charts import ALSO, MEDIA_TYPE
from aimanager.wire import columnar

COLUMNS = {"Accept": MEDIA_TYPE}


@pytest.fixture
def run_id(make_run, alice) -> int:
    return make_run(alice)


@pytest.fixture
def log(api, alice):
    def log(run_id, name="loss", values=(1.0, 2.0, 3.0), who=alice):
        answer = api(who).post(f"/metrics/{run_id}/bulk", {"series": {name: {"values": list(values)}}})
        assert answer.status_code == 200

    return log


@pytest.fixture
def ask(api, alice):
    def ask(run_id, who=alice, headers=None, **query):
        return api(who).get(f"/metrics/{run_id}/chart", query_string=query, headers=headers or {})

    return ask


def unpacked(answer):
    head, data = columnar.unpack(answer.data)
    for chart in head["charts"]:
        for name in {"x", "min", "max", "last", *ALSO} & chart.keys():
            chart[name] = data.column(chart[name], name)
    return head


def test_one_chart_is_the_contracts(ask, log, run_id):
    log(run_id, values=[1, "NaN", 3])
    assert ask(run_id, name="loss").json == {
        "name": "loss", "x_axis": "step", "total_points": 3, "exact": True, "x": [0, 1, 2], "min": [1, None, 3],
        "max": [1, None, 3], "last": [1, None, 3], "counts": [1, 1, 1], "bad": [{"x": 1, "value": "NaN"}],
    }  # fmt: skip
    assert ask(run_id, name="other").status_code == 404


def test_several_charts_come_by_run_in_the_requested_order(ask, log, make_run, alice, run_id):
    other = make_run(alice)
    log(run_id, "a")
    log(run_id, "b", range(100))
    log(other, "b")
    answer = ask(run_id, name=["b", "missing", "a"], run=[other, run_id], points=10).json
    assert [(chart["run_id"], chart["name"], chart["last_id"]) for chart in answer["charts"]] == [
        (run_id, "b", 103), (run_id, "a", 103), (other, "b", 3),
    ]  # fmt: skip
    assert answer["last_id"] == 103
    alone = ask(run_id, name="b", points=10).json
    assert alone.items() < answer["charts"][0].items()
    assert ask(run_id, name=["missing", "nothing"]).json["charts"] == []


@pytest.mark.parametrize("x", ["step", "time", "relative"])
def test_the_columns_say_what_the_json_says(ask, log, run_id, x):
    log(run_id, values=np.sin(np.arange(5000)).tolist())
    said = ask(run_id, name="loss", points=50, x=x).json
    answer = ask(run_id, name="loss", points=50, x=x, also=["counts", "steps", "times"], headers=COLUMNS)
    assert answer.mimetype == MEDIA_TYPE
    assert "Accept" in answer.headers["Vary"]
    head = unpacked(answer)
    (chart,) = head["charts"]
    assert head["last_id"] == chart["last_id"] == 5000
    for name in ("name", "x_axis", "total_points", "exact", "bad"):
        assert chart[name] == said[name]
    assert chart["x"].tolist() == said["x"]
    assert chart["counts"].tolist() == said["counts"]
    for name in ("min", "max", "last"):
        assert np.allclose(chart[name], said[name], rtol=0, atol=1e-6)
    assert (chart["min"] <= said["min"]).all()
    assert (chart["max"] >= said["max"]).all()


def test_rights_are_checked_for_each_run(ask, log, make_run, alice, bob, run_id):
    other = make_run(bob)
    log(run_id)
    log(other, who=bob)
    for headers in ({}, COLUMNS):
        assert ask(run_id, name="loss", run=other, headers=headers).status_code == 403
        assert ask(other, name="loss", run=run_id, headers=headers).status_code == 403
        assert ask(run_id, name="loss", run=99_999, headers=headers).status_code == 404
        assert ask(run_id, name="loss", headers=headers, who=None).status_code == 401


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "name is missing"),
        ({"name": ""}, "name.0 must have at least 1 characters"),
        ({"name": ["a"] * 51}, "name must have at most 50 items"),
        ({"name": "a", "run": "x"}, "run.0 must be an integer"),
        ({"name": "a", "also": "ids"}, "also.0"),
        ({"name": ["a"] * 50, "points": 10_000}, "names times runs times points must be at most 200000"),
    ],
)
def test_an_error_names_what_cannot_be_requested(ask, run_id, query, words):
    answer = ask(run_id, **query)
    assert answer.status_code == 400
    assert words in answer.json["detail"]


class TestOverAnotherMetric:
    def test_values_are_drawn_over_the_other_metrics_values_at_the_same_steps(self, ask, log, run_id):
        log(run_id, "loss", [3.0, 2.0, 1.0])
        log(run_id, "epoch", [0.0, 0.5, 1.0])
        chart = ask(run_id, name="loss", x="metric:epoch").json
        assert chart["x_axis"] == "metric:epoch"
        assert (chart["x"], chart["last"]) == ([0.0, 0.5, 1.0], [3.0, 2.0, 1.0])
        assert ask(run_id, name="loss", x="metric:epoch", min=0.4, max=0.6).json["last"] == [2.0]

    def test_metrics_that_never_met_are_a_404_that_says_so(self, ask, log, run_id):
        log(run_id, "loss")
        refused = ask(run_id, name="loss", x="metric:acc")
        assert refused.status_code == 404
        assert refused.json["detail"] == "loss and acc have no step in common in this run"

    def test_other_words_for_x_are_refused(self, ask, log, run_id):
        log(run_id)
        assert ask(run_id, name="loss", x="epoch").status_code == 400
        assert ask(run_id, name="loss", x="metric:").status_code == 400


class TestGroups:
    def test_runs_are_drawn_as_their_mean_with_deviation_and_range(self, api, alice, log, make_project, make_run):
        project = make_project(alice)
        runs = [make_run(alice, project) for _ in range(3)]
        for run, values in zip(runs, [[1.0, 2.0], [3.0, 2.0], [5.0]], strict=True):
            log(run, "loss", values)
        answer = api(alice).get(f"/metrics/groups?runs={','.join(map(str, runs))}&name=loss&name=none").json
        (chart,) = answer["charts"]
        assert answer["last_ids"] == {str(runs[0]): 2, str(runs[1]): 2, str(runs[2]): 1}
        assert (chart["method"], chart["runs"], chart["total_points"], chart["exact"]) == ("exact", 3, 5, True)
        assert (chart["x"], chart["mean"], chart["counts"]) == ([0, 1], [3.0, 2.0], [3, 2])
        assert (chart["low"], chart["high"]) == ([1.0, 2.0], [5.0, 2.0])
        assert (chart["min"], chart["max"]) == ([1.0, 2.0], [5.0, 2.0])

    def test_one_run_that_may_not_be_read_refuses_the_group(self, api, alice, bob, log, make_project, make_run):
        open_to_all = make_run(alice, make_project(alice, is_public=True))
        private = make_run(alice, make_project(alice))
        assert api(bob).get(f"/metrics/groups?runs={open_to_all}&name=loss").status_code == 200
        assert api(bob).get(f"/metrics/groups?runs={open_to_all},{private}&name=loss").status_code == 403
        assert api(bob).get(f"/metrics/groups?runs={open_to_all},999999&name=loss").status_code == 404

    @pytest.mark.parametrize(
        "query", ["name=loss", "runs=1", "runs=a&name=loss", "runs=1,&name=loss", "runs=1&name=loss&x=epoch"]
    )
    def test_a_wrong_question_is_refused(self, api, alice, query):
        assert api(alice).get(f"/metrics/groups?{query}").status_code == 400
