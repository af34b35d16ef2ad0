"""Pages of one metric are cut by counting: what is skipped is not read."""

import numpy as np
import pytest

from aimanager.store import SqlStore
from aimanager.store.chunks import layout
from aimanager.store.read.reader import Reader
from tests.store.factories import column, log, open_database


@pytest.fixture
def store(database_url, monkeypatch):
    monkeypatch.setattr(layout, "CHUNK", 64)
    monkeypatch.setattr(layout, "NODE", 8)
    monkeypatch.setattr(layout, "ROLLUP", 4)
    database = open_database(database_url)
    yield SqlStore(database)
    database.engine.dispose()


def test_a_page_reads_only_the_chunks_it_is_made_of(store, monkeypatch):
    log(store, 1, column("loss", range(6400), times=range(6400)), column("other", range(6400), times=range(6400)))
    store.upkeep.sealer.tidy(1)
    read, decoded = [], Reader.decoded
    monkeypatch.setattr(
        Reader, "decoded", lambda self, metric, places: read.extend(places) or decoded(self, metric, places)
    )
    for skip, limit, chunks in ((0, 10, 1), (3200, 64, 1), (3199, 2, 2), (6390, 100, 1), (6400, 10, 0)):
        read.clear()
        assert store.points(1, "loss", skip, limit).values.tolist() == list(range(skip, min(skip + limit, 6400)))
        assert len(read) == chunks


def test_pages_are_the_series_where_chunks_lie_between_each_other(store):
    """Sets of metrics that take turns are sealed into axes whose ids are mixed; some points are still in the log."""
    for row in range(400):
        columns = [column("a", [row], times=[row])] + [column("b", [-row], times=[row])] * (row % 3 == 0)
        log(store, 1, *columns)
        if row in (150, 330):
            store.upkeep.sealer.tidy(1)
    for name in ("a", "b"):
        series, rng = store.series(1, name), np.random.default_rng(1)
        for skip, limit in zip(rng.integers(0, 420, 40).tolist(), rng.integers(1, 150, 40).tolist(), strict=True):
            assert store.points(1, name, skip, limit).ids.tolist() == series.ids[skip : skip + limit].tolist()
