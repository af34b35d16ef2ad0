"""Every byte that a disk may change: the doctor says where, a read gives the same points or refuses; nothing crashes."""

import numpy as np
import pytest
from sqlalchemy import and_, delete, func, select, update

from aimanager.store import DamagedPoints, SqlStore, tables
from aimanager.store.chunks import layout
from aimanager.store.upkeep import doctor
from tests.store.factories import bits, column, log, open_database
from tests.store.test_doctor import faults

pytestmark = pytest.mark.slow

BLOBS = [
    *((tables.metric_axis, name) for name in ("base", "step", "ts", "step_edges", "ts_edges", "metrics")),
    *((tables.metric_cdata, name) for name in ("sub", "v")),
    (tables.metric_chunk, "marks"),
    (tables.metric_rollup, "chunks"),
    (tables.metric_log, "frame"),
]
NUMBERS = [
    (table, column.name)
    for table in (
        tables.metric_axis,
        tables.metric_chunk,
        tables.metric_rollup,
        tables.metric_series,
        tables.metric_log,
    )
    for column in table.c
    # Whether a run is live and whose it is, other tables say too.
    if (column.type.python_type in (int, float) or column.name == "n")
    and column.name not in ("run_no", "live", "project_id")
]


@pytest.fixture
def small(monkeypatch):
    """So small that a few thousand points have every kind of row."""
    for name, size in {"CHUNK": 512, "NODE": 64, "ROLLUP": 2}.items():
        monkeypatch.setattr(layout, name, size)


@pytest.fixture
def database(database_url, small):
    database = filled(database_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def one_database(tmp_path, small):
    """For bytes, which are the same in both."""
    database = filled(f"sqlite:///{tmp_path / 'test.db'}")
    yield database
    database.engine.dispose()


def filled(url):
    database = open_database(url)
    store, rng = SqlStore(database), np.random.default_rng(1)
    for run in (1, 2):
        times = 10**15 + np.cumsum(rng.integers(1, 10**6, 2500))
        steps = np.cumsum(rng.integers(0, 3, 2500))
        values = rng.normal(size=2500)
        values[rng.integers(0, 2500, 30)] = np.nan
        log(store, run, column("a", values, steps, times), column("b", rng.normal(size=2500), steps, times))
        store.upkeep.sealer.tidy(run)
        for i in range(5):
            at = [int(times[-1]) + 1000 * i + 1]
            log(store, run, column("a", [i], times=at), column("b", [i / 3], times=at))
    assert not list(doctor.check(database))
    return database


def places(table, run=1):
    """The keys of a run's rows."""
    return list(table.primary_key), select(*table.primary_key).where(table.c.run_no == run)


def rows_of(database, table):
    keys, query = places(table)
    with database.reading() as connection:
        return keys, connection.execute(query.order_by(*keys)).all()


def is_row(keys, row):
    return and_(*(key == value for key, value in zip(keys, row, strict=True)))


def changed(database, table, keys, row, name, value):
    with database.writing() as connection:
        assert connection.execute(update(table).where(is_row(keys, row)).values({name: value})).rowcount == 1


def read(database):
    """All that is read of run 1 by name, None where it is damaged."""
    histories = {}
    for name in ("a", "b"):
        try:
            series = SqlStore(database).series(1, name)
            histories[name] = [series.ids.tolist(), series.steps.tolist(), bits(series.values), series.times.tolist()]
        except DamagedPoints:
            histories[name] = None
    return histories


@pytest.mark.parametrize(("table", "name"), BLOBS, ids=lambda value: getattr(value, "name", value))
def test_a_changed_byte_is_found_wherever_it_is(one_database, table, name):
    database = one_database
    rng, before = np.random.default_rng(7), read(database)
    keys, rows = rows_of(database, table)
    with database.reading() as connection:
        blobs = [(row, connection.scalar(select(table.c[name]).where(is_row(keys, row)))) for row in rows]
    row, blob = next((row, blob) for row, blob in blobs if blob is not None)
    tried = sorted({0, 1, len(blob) - 1, *rng.integers(0, len(blob), 12).tolist()})
    damages = [blob[:at] + bytes((blob[at] ^ int(rng.integers(1, 256)),)) + blob[at + 1 :] for at in tried]
    for damage in [*damages, blob[:-1], blob[: len(blob) // 2], b"", blob + b"\0"]:
        changed(database, table, keys, row, name, damage)
        assert {run for run, *_ in faults(database)} == {1}, damage.hex()
        for metric, points in read(database).items():
            assert points in (None, before[metric]), damage.hex()
    changed(database, table, keys, row, name, blob)
    assert not faults(database)
    assert read(database) == before


@pytest.mark.parametrize(("table", "name"), NUMBERS, ids=lambda value: getattr(value, "name", value))
def test_a_changed_number_is_found_in_whatever_row(database, table, name):
    keys, rows = rows_of(database, table)
    if name in {key.name for key in keys}:
        (row,) = rows[-1:]  # To a number that no other row has.
    else:
        row = rows[0]
    with database.reading() as connection:
        value = connection.scalar(select(table.c[name]).where(is_row(keys, row)))
    changed(database, table, keys, row, name, 1 if value is None else value + 3)
    reported = faults(database)
    assert reported
    assert {run for run, *_ in reported} == {1}


OF_POINTS = [
    table for table in tables.OF_RUNS if table.name.startswith("metric_") and table is not tables.metric_writer
]


@pytest.mark.parametrize("table", OF_POINTS, ids=lambda table: table.name)
def test_a_row_that_is_lost_is_named(database, table):
    keys, rows = rows_of(database, table)
    with database.writing() as connection:
        connection.execute(delete(table).where(is_row(keys, rows[len(rows) // 2])))
    reported = faults(database)
    if table is tables.metric_rollup:
        assert not reported  # A chart reads the chunks' own rows instead: nothing is wrong.
    else:
        assert {run for run, *_ in reported} == {1}


@pytest.mark.parametrize(("table", "names"), [(tables.metric_cdata, "sub v"), (tables.metric_log, "frame")])
def test_rows_that_have_changed_places_are_found(database, table, names):
    keys, rows = rows_of(database, table)
    one, other = rows[0], rows[1]
    for name in names.split():
        with database.reading() as connection:
            first, second = (connection.scalar(select(table.c[name]).where(is_row(keys, row))) for row in (one, other))
        changed(database, table, keys, one, name, second)
        changed(database, table, keys, other, name, first)
    assert {run for run, *_ in faults(database)} == {1}


def test_a_frame_that_claims_to_be_huge_is_refused_without_making_room_for_it(database):
    keys, rows = rows_of(database, tables.metric_log)
    with database.reading() as connection:
        frame = connection.scalar(select(tables.metric_log.c.frame).where(is_row(keys, rows[0])))
    changed(database, tables.metric_log, keys, rows[0], "frame", frame[:11] + b"\x7f" + frame[12:])
    store = SqlStore(database)
    with pytest.raises(DamagedPoints):
        store.series(1, "a")
    with pytest.raises(DamagedPoints):
        store.since(1, 0)
    store.finish(1)
    store.finish(2)
    store.tidy()
    with database.reading() as connection:
        query = select(func.count()).select_from(tables.metric_log).group_by(tables.metric_log.c.run_no)
        assert connection.scalars(query).all() == [5]
    assert len(store.series(2, "a").ids) == 2505
