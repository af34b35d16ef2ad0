"""The doctor names run, metric and place of what is damaged; a damaged series is an error, and all else works."""

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from aimanager import Settings
from aimanager.cli import main
from aimanager.db import schema
from aimanager.db.engine import Database
from aimanager.store import DamagedPoints, SqlStore, tables
from aimanager.store.chunks import checksum, layout
from aimanager.store.read import zoom
from aimanager.store.upkeep import doctor
from tests.store.factories import column, log, open_database

AXIS = "axis 2, ids 1025 to 2048"


@pytest.fixture
def database(database_url, monkeypatch):
    for name, size in {"CHUNK": 512, "NODE": 64, "ROLLUP": 2}.items():
        monkeypatch.setattr(layout, name, size)
    database = open_database(database_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def store(database):
    store, rng = SqlStore(database), np.random.default_rng(1)
    for run in (1, 2):
        times = 10**15 + np.cumsum(rng.integers(1, 10**6, 2500))
        log(store, run, *(column(name, rng.normal(size=2500), times=times) for name in ("a", "b")))
        store.upkeep.sealer.tidy(run)
        log(store, run, column("a", [1, float("nan")]), column("b", [3, 4]))
    assert not list(doctor.check(database))
    return store


def change(database, table, values, axis=2, run=1):
    with database.writing() as connection:
        query = update(table).where(table.c.run_no == run)
        if "axis_no" in table.c:
            query = query.where(table.c.axis_no == axis)
        if "metric_id" in table.c:
            first = connection.scalar(select(tables.metric_name.c.id).where(tables.metric_name.c.name == "a"))
            query = query.where(table.c.metric_id == first)
        assert connection.execute(query.values(values)).rowcount


def cut_short(database, table, name, run=1):
    with database.reading() as connection:
        of_axis = (table.c.run_no == run, table.c.axis_no == 2) if "axis_no" in table.c else (table.c.run_no == run,)
        blob = connection.scalar(select(table.c[name]).where(*of_axis))
    change(database, table, {name: blob[:-3]}, run=run)


def faults(database):
    return [(fault.run, fault.metric, fault.place, fault.what) for fault in doctor.check(database)]


@pytest.mark.parametrize(
    ("table", "values", "where"),
    [
        (tables.metric_axis, {"ts_hi": 7}, AXIS),
        (tables.metric_axis, {"step_lo": -1}, AXIS),
        (tables.metric_axis, {"flags": 0}, AXIS),
        (tables.metric_axis, {"ts_edges": None}, AXIS),
        (tables.metric_chunk, {"vmin": -99.0}, AXIS),
        (tables.metric_chunk, {"n_bad": 4}, AXIS),
        (tables.metric_chunk, {"vlast": None}, AXIS),
        (tables.metric_rollup, {"ts_hi": 1}, "rollup of axes 1 to 2"),
        (tables.metric_series, {"vmax": 99.0}, "summary"),
        (tables.metric_series, {"vsum": 99.0}, "summary"),
        (tables.metric_series, {"last_step": 0}, "summary"),
        (tables.metric_stream, {"next_id": 99_999}, "ids"),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else str(value),
)
def test_what_does_not_agree_with_the_points_is_named(database, store, table, values, where):
    change(database, table, values)
    reported = faults(database)
    assert {run for run, *_ in reported} == {1}
    assert where in {place for _, _, place, _ in reported}
    if "metric_id" in table.c:
        assert {metric for _, metric, _, _ in reported} == {"a"}


def test_a_damaged_series_is_an_error_and_all_else_works(database, store):
    cut_short(database, tables.metric_cdata, "v")
    ((run, metric, place, what),) = faults(database)
    assert (run, metric, place) == (1, "a", AXIS)
    assert "the values from id 1025 to 2047" in what
    with pytest.raises(DamagedPoints):
        store.series(1, "a")
    assert len(store.series(1, "b").ids) == 2502
    assert len(store.series(2, "a").ids) == 2502
    assert store.summaries([1])[1][0].count == 2502
    assert log(store, 1, column("a", [5])).count == 1


def test_a_damaged_axis_is_named_for_each_of_its_metrics(database, store):
    cut_short(database, tables.metric_axis, "ts")
    assert {(metric, place) for _, metric, place, _ in faults(database)} == {
        ("a", f"{AXIS}, column ts"),
        ("b", f"{AXIS}, column ts"),
    }


def test_a_damaged_frame_is_named_by_its_ids(database, store):
    cut_short(database, tables.metric_log, "frame")
    assert "the frame of ids 5001 to 5004" in {place for _, _, place, _ in faults(database)}


def test_a_tree_that_lies_is_found(database, store, monkeypatch):
    with database.reading() as connection:
        sub = connection.scalar(select(tables.metric_cdata.c.sub).where(tables.metric_cdata.c.axis_no == 2))
    body = checksum.body(sub)
    change(database, tables.metric_cdata, {"sub": checksum.add(body[:2] + bytes(8) + body[10:])})
    assert [fault[3] for fault in faults(database)] == ["the tree is not that of the points from id 1025 to 1151"]
    change(database, tables.metric_cdata, {"sub": sub[:5] + bytes((sub[5] ^ 1,)) + sub[6:]})
    assert [fault[3] for fault in faults(database)] == ["the tree: its checksum does not match"]
    change(database, tables.metric_cdata, {"sub": sub[:-1]})
    monkeypatch.setattr(zoom, "READ", 0)
    with pytest.raises(DamagedPoints):
        store.chart(1, ["a"], 10)


def test_a_chunk_that_is_lost_is_named(database, store):
    with database.writing() as connection:
        c = tables.metric_cdata.c
        connection.execute(tables.metric_cdata.delete().where(c.run_no == 2, c.axis_no == 3))
    reported = faults(database)
    assert {(run, metric, place) for run, metric, place, _ in reported} == {
        (2, name, "axis 3, ids 2049 to 3072") for name in ("a", "b")
    }


def test_tidying_goes_on_beside_a_damaged_run(database, store):
    cut_short(database, tables.metric_axis, "ts")
    for run in (1, 2):
        store.finish(run)
    store.tidy()
    with database.reading() as connection:
        left = set(connection.scalars(select(tables.metric_log.c.run_no)))
    assert left == set()


def test_the_command_says_what_is_wrong_and_exits_with_one(tmp_path, monkeypatch):
    monkeypatch.setenv("AI_MANAGER_DATA_DIR", str(tmp_path))
    settings = Settings.from_env()
    schema.upgrade(Database.open(settings))
    database = Database.open(settings)
    store = SqlStore(database)
    log(store, 1, column("a", range(1000)))
    well = CliRunner().invoke(main, ["doctor"])
    assert (well.exit_code, well.output) == (0, "no faults found\n")
    change(database, tables.metric_series, {"last_step": 5})
    ill = CliRunner().invoke(main, ["doctor"])
    assert (ill.exit_code, ill.output) == (
        1,
        "run 1, metric 'a', summary: last_step is not that of the points\n1 fault\n",
    )
    assert CliRunner().invoke(main, ["doctor", "2"]).exit_code == 2
    database.engine.dispose()


def test_a_run_that_has_no_points_is_not_well_but_unknown(database):
    with pytest.raises(doctor.NoPoints, match="no points of a run 999"):
        list(doctor.check(database, [999]))
