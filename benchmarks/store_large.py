"""A series of a hundred million points in the store: its chart, whole and at any zoom. Takes a minute or two to build."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from aimanager.store import Batch, Column, SqlStore

from .figure import Figure, best
from .store import _open, _size

POINTS, REQUEST = 100_000_000, 1 << 16
ZOOMS = (0.001, 0.01, 0.1, 0.3, 1, 3, 5, 8, 10, 20, 40, 70)  # Per cent of the whole.


def figures() -> list[Figure]:
    with TemporaryDirectory() as folder:
        store, database = _open(Path(folder) / "large.db")
        empty, begun = _size(database), time.perf_counter()
        fill(store)
        took = time.perf_counter() - begun
        rng, widths = np.random.default_rng(2), [int(POINTS * zoom / 100) for zoom in ZOOMS]
        places = [(low, low + width) for width in widths for low in rng.integers(0, POINTS - width, 2).tolist()]
        zooms = [best(lambda lo=lo, hi=hi: store.chart(1, ["loss"], 2000, lo=lo, hi=hi), 5) for lo, hi in places]
        figures = [
            Figure("100 M points: bulk ingest and sealing", POINTS / took / 1e6, "M points/s"),
            Figure("100 M points: disk", (_size(database) - empty) / POINTS, "B/point", 5.2),
            Figure(
                "100 M points: chart of 2,000 buckets, whole", best(lambda: store.chart(1, ["loss"], 2000)), "ms", 5
            ),
            Figure("100 M points: by time", best(lambda: store.chart(1, ["loss"], 2000, "time")), "ms", 5),
            Figure(f"100 M points: the slowest of {len(zooms)} zooms", max(zooms), "ms", 20),
            Figure("100 M points: the median zoom", float(np.median(zooms)), "ms"),
        ]
        database.engine.dispose()
        return figures


def fill(store: SqlStore) -> None:
    """A loss that falls, with noise, in large requests."""
    rng, when = np.random.default_rng(1), 1_700_000_000_000_000
    noise = 0.05 * rng.normal(size=2 * REQUEST)
    for start in range(0, POINTS, REQUEST):
        rows = min(REQUEST, POINTS - start)
        times = when + np.cumsum(np.rint(rng.normal(100_000, 5_000, rows)).astype(np.int64))
        when = int(times[-1])
        level = 2 * np.exp(-3 * start / POINTS)
        values = (level + noise[rng.integers(REQUEST) :][:rows]).astype("f4").astype("f8")
        store.append(1, 1, Batch((Column("loss", values, np.arange(start, start + rows), times),)))
    store.finish(1)
    store.tidy()
