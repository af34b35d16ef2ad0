"""A series that the disk has damaged is an error of its own, and all else works."""

import logging

import pytest
from sqlalchemy import select, update

from aimanager.services import damage
from aimanager.services.charts import MEDIA_TYPE
from aimanager.store import tables
from aimanager.wire import columnar

SENTENCE = "The points of metric 'broken' of run {} are damaged and cannot be read; `aimanager doctor` says which"


@pytest.fixture
def run_id(app, api, make_run, alice, monkeypatch) -> int:
    """A run with a metric that is damaged in its second chunk, and one beside it that is not."""
    monkeypatch.setattr(damage, "_logged", set())
    run_id = make_run(alice)
    series = {name: {"values": [float(i % 97) for i in range(10_000)]} for name in ("broken", "whole")}
    assert api(alice).post(f"/metrics/{run_id}/bulk", {"series": series}).status_code == 200
    database, data = app.extensions["aimanager"].database, tables.metric_cdata
    with database.writing() as connection:
        name = tables.metric_name.c
        metric = connection.scalar(select(name.id).where(name.name == "broken"))
        of_chunk = (data.c.run_no == run_id, data.c.metric_id == metric, data.c.axis_no == 2)
        v, sub = connection.execute(select(data.c.v, data.c.sub).where(*of_chunk)).one()
        connection.execute(update(data).where(*of_chunk).values(v=b"?" + v[1:], sub=sub[:-3]))
    return run_id


def test_what_needs_the_damaged_points_says_so(api, alice, run_id):
    for path in (
        "history/broken",
        "chart?name=broken&points=3000",
        "chart?name=broken",
        "?metric_name=broken&skip=4999",
    ):
        answer = api(alice).get(f"/metrics/{run_id}/{path}")
        assert (answer.status_code, answer.json) == (500, {"detail": SENTENCE.format(run_id)}), path


def test_all_else_works(api, alice, run_id):
    assert len(api(alice).get(f"/metrics/{run_id}/history/whole").json["values"]) == 10_000
    assert api(alice).get(f"/metrics/{run_id}/chart?name=whole").json["total_points"] == 10_000
    # What is drawn from elsewhere than the damaged chunk is drawn.
    assert api(alice).get(f"/metrics/{run_id}/chart?name=broken&max=1000").json["total_points"] == 1001
    summaries = api(alice).get(f"/metrics/{run_id}/summary").json
    assert [(one["name"], one["total_points"]) for one in summaries] == [("broken", 10_000), ("whole", 10_000)]
    assert api(alice).post(f"/metrics/{run_id}", {"name": "broken", "value": 1}).json["step"] == 10_000
    assert len(api(alice).get(f"/metrics/{run_id}?metric_name=broken&limit=100").json) == 100


def test_of_several_charts_the_others_are_drawn(api, alice, run_id):
    path = f"/metrics/{run_id}/chart?name=broken&name=whole"
    broken, whole = api(alice).get(path).json["charts"]
    assert broken == {"run_id": run_id, "name": "broken", "last_id": 20_000, "error": SENTENCE.format(run_id)}
    assert whole["total_points"] == 10_000
    head, _ = columnar.unpack(api(alice).get(path, headers={"Accept": MEDIA_TYPE}).data)
    assert [chart.get("error") for chart in head["charts"]] == [SENTENCE.format(run_id), None]


def test_the_page_gets_the_error_beside_what_can_be_drawn(browser_of, alice, run_id):
    answer = browser_of(alice).get(f"/app/charts?runs={run_id}&name=whole&name=broken")
    head, _ = columnar.unpack(answer.data)
    assert [chart.get("error") for chart in head["charts"]] == [None, SENTENCE.format(run_id)]
    assert browser_of(alice).get(f"/app/runs/{run_id}").status_code == 200


def test_the_log_names_the_place_once(api, alice, run_id, caplog):
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            api(alice).get(f"/metrics/{run_id}/history/broken")
    (record,) = caplog.records
    assert f"run {run_id}, metric 'broken', axis 2" in record.getMessage()


def test_tidying_continues_with_the_other_runs(app, api, alice, make_run, run_id, caplog):
    """A damaged run has something to merge; the runs after it are sealed all the same."""
    store = app.extensions["aimanager"].metric_store
    for start in range(4):
        values = [float(start)] * 600
        api(alice).post(
            f"/metrics/{run_id}/bulk", {"series": {name: {"values": values} for name in ("broken", "whole")}}
        )
    later = make_run(alice)
    api(alice).post(f"/metrics/{later}", {"name": "loss", "value": 1})
    for run in (run_id, later):
        api(alice).put(f"/runs/{run}", {"status": "completed"})
    store.tidy()
    with app.extensions["aimanager"].database.reading() as connection:
        log = tables.metric_log.c
        assert connection.scalars(select(log.id0).where(log.run_no == later)).all() == []


def test_an_answer_that_is_cut_off_ends_without_its_end_and_with_one_line_in_the_log(api, alice, run_id, caplog):
    with caplog.at_level(logging.ERROR), pytest.raises(ConnectionResetError):
        # The first piece is whole, the second one cannot be read.
        list(api(alice).get(f"/metrics/{run_id}/export", buffered=False).iter_encoded())
    records = [record for record in caplog.records if "cut off" in record.getMessage()]
    assert len(records) == 1
    assert not any(record.exc_info for record in caplog.records)
