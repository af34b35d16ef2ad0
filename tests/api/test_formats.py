"""A history in each of its forms says the same, and what is read back has the same bits."""

import csv
import io
import struct
from datetime import UTC, datetime

import numpy as np
import pyarrow.ipc
import pytest

from aimanager.api import formats
from aimanager.store import base, sql
from aimanager.wire import columnar

ODD = [0.1, -0.0, 5e-324, 1.7976931348623157e308, float("nan"), float("inf"), float("-inf"), 1 / 3, 1e22, 2.0]
TIMES = 1_700_000_000_000_000 + np.array([0, 1, 999_999, 2 * 10**6, 3 * 10**6, 4 * 10**6, 5 * 10**6, 6 * 10**6, 7 * 10**6, 8 * 10**6])  # fmt: skip


@pytest.fixture
def run_id(api, make_run, alice) -> int:
    return make_run(alice)


@pytest.fixture(params=[3, base.PIECE], ids=["in pieces", "whole"])
def piece(request, monkeypatch):
    """Histories of few points in several pieces, and in one."""
    find = sql.SqlStore.history
    monkeypatch.setattr(sql.SqlStore, "history", lambda self, run, name: find(self, run, name, request.param))


@pytest.fixture
def logged(api, alice, run_id):
    body = columnar.pack(
        {"series": {"train/loss": {"values": np.array(ODD), "steps": np.arange(10) * 3, "timestamps": TIMES}}}
    )
    assert api(alice).post(f"/metrics/{run_id}/bulk", data=body, content_type=formats.FRAME).status_code == 200
    return f"/metrics/{run_id}/history/train/loss"


def bits(values):
    return [struct.pack("<d", float(value)) for value in values]


def moments(words):
    return [round(datetime.fromisoformat(word).replace(tzinfo=UTC).timestamp() * 1e6) for word in words]


def test_json_is_the_contracts_whether_it_comes_in_pieces_or_not(api, alice, logged, piece):
    answer = api(alice).get(logged)
    assert answer.mimetype == "application/json"
    assert list(answer.json) == ["name", "values", "steps", "timestamps"]
    assert answer.json["name"] == "train/loss"
    assert bits(answer.json["values"]) == bits(ODD)
    assert answer.json["values"][4:7] == ["NaN", "Infinity", "-Infinity"]
    assert answer.json["steps"] == list(range(0, 30, 3))
    assert moments(answer.json["timestamps"]) == TIMES.tolist()


@pytest.mark.parametrize("by", [{"headers": {"Accept": "text/csv"}}, {"query_string": {"format": "csv"}}])
def test_csv_reads_back_to_the_same_floats(api, alice, logged, piece, by):
    answer = api(alice).get(logged, **by)
    assert answer.mimetype == "text/csv"
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == ["step", "value", "timestamp"]
    assert [int(row[0]) for row in rows] == list(range(0, 30, 3))
    assert bits(row[1] for row in rows) == bits(ODD)
    assert moments(row[2] for row in rows) == TIMES.tolist()


@pytest.mark.parametrize("by", [{"headers": {"Accept": formats.ARROW}}, {"query_string": {"format": "arrow"}}])
def test_an_arrow_stream_has_the_same_bits(api, alice, logged, piece, by):
    answer = api(alice).get(logged, **by)
    assert answer.mimetype == formats.ARROW
    table = pyarrow.ipc.open_stream(answer.data).read_all()
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("step", "int64"),
        ("value", "double"),
        ("timestamp", "timestamp[us, tz=UTC]"),
    ]
    assert table["step"].to_pylist() == list(range(0, 30, 3))
    assert bits(table["value"].to_numpy()) == bits(ODD)
    assert table["timestamp"].cast("int64").to_pylist() == TIMES.tolist()


def test_columns_can_be_posted_back(api, alice, make_run, logged, piece):
    answer = api(alice).get(logged, headers={"Accept": formats.FRAME})
    assert answer.mimetype == formats.FRAME
    copy = make_run(alice)
    posted = api(alice).post(f"/metrics/{copy}/bulk", data=answer.data, content_type=formats.FRAME)
    assert posted.status_code == 200
    assert api(alice).get(f"/metrics/{copy}/history/train/loss").data == api(alice).get(logged).data


def test_all_metrics_of_a_run_come_as_one_table(api, alice, run_id, logged, piece):
    for name in ("=cmd()", 'with "quotes", and a comma'):
        api(alice).post(f"/metrics/{run_id}", {"name": name, "value": 0.5, "step": 7})
    answer = api(alice).get(f"/metrics/{run_id}/export")
    assert answer.mimetype == "text/csv"
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == ["name", "step", "value", "timestamp"]
    assert [row[:3] for row in rows if row[0] != "train/loss"] == [
        ["'=cmd()", "7", "0.5"],
        ['with "quotes", and a comma', "7", "0.5"],
    ]
    assert bits(row[2] for row in rows if row[0] == "train/loss") == bits(ODD)


def test_an_unknown_format_is_refused_and_an_unknown_accept_header_gets_json(api, alice, logged):
    answer = api(alice).get(logged, query_string={"format": "xls"})
    assert answer.status_code == 400
    assert "format" in answer.json["detail"]
    assert api(alice).get(logged, headers={"Accept": "image/png"}).mimetype == "application/json"


def test_rights_are_checked_before_the_first_line(api, bob, run_id, logged):
    for path in (f"{logged}?format=csv", f"/metrics/{run_id}/export"):
        assert api(bob).get(path).status_code == 403
        assert api().get(path).status_code == 401
