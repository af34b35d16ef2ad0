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
