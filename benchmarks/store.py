"""The metric store without a server: bytes on disk, bulk ingest, charts and whole reads."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from aimanager.config import Settings
from aimanager.db.engine import Database
from aimanager.models.base import Base
from aimanager.services import charts
from aimanager.store import Batch, Column, SqlStore, tables

from .figure import Figure, best

POINTS, REQUEST = 1_000_000, 10_000


def figures() -> list[Figure]:
    with TemporaryDirectory() as folder:
        return [*_one(Path(folder) / "one.db"), *_eight(Path(folder) / "eight.db"), *_many(Path(folder) / "many.db")]


def _one(path: Path) -> list[Figure]:
    store, database = _open(path)
    empty = _size(database)
    times, (loss, *_) = _curves(POINTS)
    took = []
    for start in range(0, POINTS, REQUEST):
        part = slice(start, start + REQUEST)
        steps = np.arange(start, start + REQUEST)
        begun = time.perf_counter()
        store.append(1, 1, Batch((Column("loss", loss[part], steps, times[part]),)))
        took.append(time.perf_counter() - begun)
    merging = time.perf_counter()
    store.finish(1)
    store.tidy()
    merging = time.perf_counter() - merging
    figures = [
        Figure("bulk ingest of 10,000 points, median", REQUEST / np.median(took) / 1e6, "M points/s", 5, at_least=True),
        Figure("bulk ingest, sustained", POINTS / sum(took) / 1e6, "M points/s"),
        Figure("merge and finish of 1 M points", merging * 1e3, "ms"),
        Figure("disk, one float32-like series", (_size(database) - empty) / POINTS, "B/point", 5.2),
        Figure("chart of 1 M points, 2,000 buckets", best(lambda: store.chart(1, ["loss"], 2000)), "ms", 3),
        Figure("the same by time", best(lambda: store.chart(1, ["loss"], 2000, "time")), "ms", 3),
        Figure(
            "1 % zoom",
            best(lambda: store.chart(1, ["loss"], 2000, lo=POINTS // 2, hi=POINTS // 2 + POINTS // 100)),
            "ms",
            1,
        ),
        Figure(
            "30 % zoom",
            best(lambda: store.chart(1, ["loss"], 2000, lo=POINTS // 3, hi=POINTS // 3 + POINTS * 3 // 10)),
            "ms",
        ),
        Figure(
            "bytes of that chart on the wire",
            len(
                charts.packed(
                    [charts.Drawn(1, "loss", POINTS, chart) for chart in store.chart(1, ["loss"], 2000)], POINTS
                )
            ),
            "B",
            45_000,
        ),
        Figure("follow what is sealed: 10 new rows", best(lambda: store.since(1, POINTS - 10), 50), "ms"),
        Figure("full read of 1 M points", best(lambda: store.series(1, "loss")), "ms", 5 * _copying()),
    ]
    database.engine.dispose()
    return figures


def _eight(path: Path) -> list[Figure]:
    """Eight metrics logged together, a row a request: through the log, sealed and merged."""
    rows = 20_000
    store, database = _open(path)
    empty = _size(database)
    times, curves = _curves(rows)
    for row in range(rows):
        step, when = np.array([row]), times[row : row + 1]
        columns = (Column(f"metric {i}", curve[row : row + 1], step, when) for i, curve in enumerate(curves))
        store.append(1, 1, Batch(tuple(columns)))
        if row % 1024 == 1023:
            store.tidy()
    store.finish(1)
    store.tidy()
    figures = [Figure("disk, eight metrics together", (_size(database) - empty) / rows / 8, "B/point", 2.6)]
    database.engine.dispose()
    return figures


def _many(path: Path) -> list[Figure]:
    """A live run of 200 metrics, and one of 5 that somebody follows."""
    store, database = _open(path)
    times, curves = _curves(200)
    for row in range(20):
        step, when = np.array([row]), times[row : row + 1]
        columns = (Column(f"metric {i}", curves[0][i : i + 1], step, when) for i in range(200))
        store.append(1, 1, Batch(tuple(columns)))
    for row in range(200):
        step, when = np.array([row]), times[row : row + 1]
        store.append(2, 1, Batch(tuple(Column(f"metric {i}", curves[i][row : row + 1], step, when) for i in range(5))))
    figures = [
        Figure("summary of 200 metrics", best(lambda: store.summaries([1]), 50), "ms", 1),
        Figure("follow: nothing new", best(lambda: store.since(2, 1000), 200), "ms", 0.05),
        Figure("follow: 10 new rows of 5 metrics", best(lambda: store.since(2, 950), 200), "ms"),
    ]
    database.engine.dispose()
    return figures


def _open(path: Path) -> tuple[SqlStore, Database]:
    settings = Settings(data_dir=path.parent, database_url=f"sqlite:///{path}", durability="fast")
    database = Database.open(settings)
    kept = (tables.metric_name, tables.metric_stream, tables.metric_unsettled, *tables.OF_RUNS)
    with database.writing() as connection:
        Base.metadata.create_all(connection, tables=kept)
    return SqlStore(database), database


def _curves(n: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Times with jitter, and curves as training has them."""
    rng, at = np.random.default_rng(1), np.arange(n)
    times = 1_700_000_000_000_000 + np.cumsum(np.rint(rng.normal(100_000, 5_000, n)).astype(np.int64))
    decay = np.exp(-at / n * 3)
    loss = (2 * decay + 0.05 * rng.normal(size=n)).astype("f4").astype("f8")
    gradient = np.exp(0.3 * rng.normal(size=n)).astype("f4").astype("f8")
    return times, [
        loss,
        (loss + 0.1 * rng.normal(size=n)).astype("f4").astype("f8"),
        5e-4 * (1 + np.cos(np.pi * at / n)),
        np.rint(256 * (1 - decay) + rng.normal(size=n) * 4) / 256,
        np.round(1 - decay + rng.normal(size=n) * 0.01, 4),
        np.clip(np.rint(90 + 5 * rng.normal(size=n)), 0, 100),
        gradient,
        at // 500 * 1.0,
    ]


def _size(database: Database) -> int:
    with database.writing() as connection:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        return (used - free) * connection.exec_driver_sql("PRAGMA page_size").scalar_one()


def _copying() -> float:
    """Milliseconds to copy three columns of a million words."""
    columns = np.ones((3, POINTS))
    out = np.empty_like(columns)
    return best(lambda: np.copyto(out, columns))
