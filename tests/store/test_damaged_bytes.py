"""Whatever has become of the bytes on disk, a read gives points or says that they are damaged; nothing else breaks."""

import random

import numpy as np
import pytest
from sqlalchemy import select, update

from aimanager.store import DamagedPoints, SqlStore, tables
from aimanager.store.chunks import layout
from tests.store.factories import column, log, open_database

BLOBS = [
    (tables.metric_cdata, "v"),
    (tables.metric_cdata, "sub"),
    *((tables.metric_axis, name) for name in ("base", "step", "ts", "step_edges", "ts_edges", "metrics")),
    (tables.metric_chunk, "marks"),
    (tables.metric_rollup, "chunks"),
    (tables.metric_log, "frame"),
]


@pytest.fixture
def store(database_url, monkeypatch):
    for name, size in {"CHUNK": 512, "NODE": 64, "ROLLUP": 2}.items():
        monkeypatch.setattr(layout, name, size)
    database = open_database(database_url)
    store, rng = SqlStore(database), np.random.default_rng(1)
    values, times = rng.normal(size=4000), 10**15 + np.cumsum(rng.integers(1, 10**6, 4000))
    values[::700] = np.nan
    steps = np.cumsum(rng.integers(1, 9, 4000))
    log(store, 1, column("a", values, steps, times), column("b", values, None, times))
    log(store, 2, column("a", values, steps, times))
    store.upkeep.sealer.tidy(1)
    for _ in range(5):
        log(store, 1, column("a", [1]), column("b", [2]))
    yield store
    database.engine.dispose()


READS = [
    lambda store: store.series(1, "a"),
    lambda store: store.points(1, limit=9000),
    lambda store: store.points(1, "a", 700, 50),
    lambda store: store.since(1, 0),
    lambda store: store.chart(1, ["a"], 3, "time"),
    lambda store: store.chart(1, ["a"], 20, "time"),
    lambda store: store.chart(1, ["a"], 20),
    lambda store: store.chart(1, ["b"], 10),
    lambda store: store.chart(1, ["a"], 100, lo=5000, hi=9000),
    lambda store: store.chart(1, ["a"], 9000),
]


def damaged(chance: random.Random, blob: bytes) -> bytes:
    """The blob with some bits turned, a byte changed near its head, cut, or empty, or longer, or all zeros."""
    flipped = bytearray(blob)
    kind = chance.choice(["bits", "bits", "head", "cut", "empty", "longer", "zeros"])
    if kind == "bits":
        for _ in range(chance.randint(1, 4)):
            flipped[chance.randrange(len(blob))] ^= 1 << chance.randrange(8)
    elif kind == "head":
        flipped[chance.randrange(min(16, len(blob)))] = chance.randrange(256)
    changed = {
        "cut": flipped[: chance.randrange(len(blob))], "empty": b"", "longer": flipped + b"\1\2\3", "zeros": bytes(len(blob)),
    }  # fmt: skip
    return bytes(changed.get(kind, flipped))


@pytest.mark.parametrize(("table", "name"), BLOBS, ids=lambda part: getattr(part, "name", part))
def test_damaged_bytes_are_read_or_refused_by_name(store, table, name):
    chance, database = random.Random(f"{table.name} {name}"), store._database
    keys = list(table.primary_key.columns)
    with database.reading() as connection:
        of_run = (table.c.run_no == 1, table.c[name].is_not(None))
        rows = connection.execute(select(*keys, table.c[name]).where(*of_run)).all()
        names = dict(map(tuple, connection.execute(select(tables.metric_name))))
    refused = []
    for _ in range(12):
        *key, blob = chance.choice(rows)
        there = [column == part for column, part in zip(keys, key, strict=True)]
        with database.writing() as connection:
            connection.execute(update(table).where(*there).values({name: damaged(chance, blob)}))
        for read in READS:
            try:
                read(store)
            except DamagedPoints as damage:
                refused.append(damage)
        assert len(store.series(2, "a").ids) == 4000
        assert [summary.count for summary in store.summaries([1])[1]] == [4005, 4005]
        with database.writing() as connection:
            connection.execute(update(table).where(*there).values({name: blob}))
    assert {damage.run for damage in refused} == {1}
    assert all(damage.name == names.get(damage.metric) for damage in refused)
    for read in READS:
        read(store)


def test_a_refused_read_lets_go_of_its_snapshot(store):
    """Though the error is kept, and with it the frames that were reading."""
    c = tables.metric_cdata.c
    where = (c.run_no == 1, c.axis_no == 1)
    with store._database.writing() as connection:
        sound = connection.scalar(select(c.v).where(*where))
        connection.execute(update(tables.metric_cdata).where(*where).values(v=sound[:-1]))
    with pytest.raises(DamagedPoints) as refused:
        store.series(1, "a")
    # The connection that was reading is taken, so that another one writes.
    with store._database.engine.connect(), store._database.writing() as connection:
        connection.execute(update(tables.metric_cdata).where(*where).values(v=sound))
    assert len(store.series(1, "a").ids) == 4005
    assert refused.value.axis == 1


def test_a_damaged_log_keeps_no_other_run_from_being_sealed(store, caplog):
    table = tables.metric_log
    with store._database.writing() as connection:
        connection.execute(update(table).where(table.c.run_no == 1).values(frame=b"?"))
    for run in (1, 3):
        log(store, run, column("a", [1]))
        store.finish(run)
    for _ in range(2):
        store.upkeep.sealer.call(1)
        store.tidy()
    with store._database.reading() as connection:
        assert connection.scalars(select(table.c.run_no).distinct()).all() == [1]
    assert len([record for record in caplog.records if "a frame from id" in record.getMessage()]) == 1
