"""What is stored carries a checksum; what was stored before there were any is read as ever and can be given one."""

import numpy as np
import pytest
from sqlalchemy import select, update

from aimanager.store import DamagedPoints, SqlStore, tables
from aimanager.store.chunks import checksum, layout
from aimanager.store.upkeep import doctor, missing_checksums
from tests.store.factories import bits, column, listed, log, open_database

BLOBS = {
    tables.metric_log: ("frame",),
    tables.metric_axis: ("base", "step", "ts", "step_edges", "ts_edges"),
    tables.metric_cdata: ("sub", "v"),
    tables.metric_rollup: ("chunks",),
}


@pytest.fixture
def database(database_url, monkeypatch):
    for name, size in {"CHUNK": 512, "NODE": 64, "ROLLUP": 2}.items():
        monkeypatch.setattr(layout, name, size)
    database = open_database(database_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def store(database):
    """Points in rollups, in chunks of rising and of arbitrary steps, and in the log."""
    store, rng = SqlStore(database), np.random.default_rng(1)
    values, times = rng.normal(size=4000), 10**15 + np.cumsum(rng.integers(1, 10**6, 4000))
    values[::700] = np.nan
    log(store, 1, column("a", values, np.cumsum(rng.integers(1, 9, 4000)), times), column("b", values, None, times))
    store.upkeep.sealer.tidy(1)
    for _ in range(5):
        log(store, 1, column("a", [1]), column("b", [2]))
    return store


def as_before(database):
    """Take all checksums away, as a server before schema 0005 has left its rows; how many there were."""
    count = 0
    with database.writing() as connection:
        for table, names in BLOBS.items():
            for row in connection.execute(select(table)).mappings().all():
                values = {name: row[name][1:-4] for name in names if row[name] is not None}
                key = [part == row[part] for part in table.primary_key]
                connection.execute(update(table).where(*key).values(values))
                count += 1
        count += connection.execute(update(tables.metric_series).values(crc=None)).rowcount
    return count


def reads(store):
    """Everything that can be read of the run, as plain values."""
    charts = [store.chart(1, ["a", "b"], points, x) for points in (3, 20, 9000) for x in ("step", "time")]
    return [
        listed(store, 1, limit=9000),
        [[bits(chart.min) + bits(chart.max) for chart in of_metric] for of_metric in charts],
    ]


def test_every_row_that_is_written_has_a_checksum(database, store):
    assert missing_checksums.unchecked(database) == 0
    with database.reading() as connection:
        for table, names in BLOBS.items():
            rows = connection.execute(select(*(table.c[name] for name in names))).all()
            assert rows
            assert all(blob is None or checksum.is_present(blob) for row in rows for blob in row)


def test_rows_of_before_are_read_and_counted_and_can_be_given_checksums(database, store):
    before = reads(store)
    count = as_before(database)
    assert reads(SqlStore(database)) == before
    assert list(doctor.check(database)) == []
    assert missing_checksums.unchecked(database) == missing_checksums.unchecked(database, [1]) == count
    missing_checksums.add_checksums(database, 1)
    assert missing_checksums.unchecked(database) == 0
    assert list(doctor.check(database)) == []
    assert reads(SqlStore(database)) == before


def test_old_and_new_rows_live_beside_each_other_and_merge(database, store):
    as_before(database)
    log(store, 1, column("a", range(600)), column("b", range(600)))
    before = listed(store, 1, limit=9000)
    store.finish(1)
    store.tidy()
    assert listed(store, 1, limit=9000) == before
    assert list(doctor.check(database)) == []


def test_a_turned_bit_of_a_value_or_a_time_is_refused_at_the_next_read(database, store):
    for table, name in ((tables.metric_cdata, "v"), (tables.metric_axis, "ts"), (tables.metric_log, "frame")):
        with database.writing() as connection:
            row = connection.execute(select(table).limit(1)).mappings().one()
            key = [part == row[part] for part in table.primary_key]
            blob = row[name]
            turned = blob[:-9] + bytes((blob[-9] ^ 1,)) + blob[-8:]
            connection.execute(update(table).where(*key).values({name: turned}))
        with pytest.raises(DamagedPoints, match="checksum"):
            listed(store, 1, limit=9000)
        with database.writing() as connection:
            connection.execute(update(table).where(*key).values({name: blob}))
    assert len(listed(store, 1, limit=9000)) == 8010


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_of_blobs_that_are_checked_together_any_turned_bit_of_one_is_seen(count):
    rng = np.random.default_rng(count)
    blobs = [checksum.add(rng.bytes(24)) for _ in range(count)]
    assert checksum.bodies(blobs, 24).tobytes() == b"".join(checksum.body(blob) for blob in blobs)
    for bit in range(8 * len(blobs[0])):
        one = rng.integers(count)
        turned = (int.from_bytes(blobs[one], "little") ^ 1 << bit).to_bytes(len(blobs[one]), "little")
        with pytest.raises(checksum.Damaged):
            checksum.bodies([turned if i == one else blob for i, blob in enumerate(blobs)], 24)
