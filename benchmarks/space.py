"""What a deleted run gives back to the disk on SQLite, and what a writer waits for meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from aimanager.config import Settings
from aimanager.db import schema
from aimanager.db.engine import Database
from aimanager.store import Batch, Column, SqlStore
from aimanager.upkeep.compacting import size

from .figure import Figure

POINTS, REQUEST = 4_000_000, 20_000


def figures() -> list[Figure]:
    with TemporaryDirectory() as folder:
        database = Database.open(Settings(data_dir=Path(folder)))
        schema.upgrade(database)
        store = SqlStore(database)
        noise = np.random.default_rng(0)
        for run in (1, 2):
            for _ in range(POINTS // REQUEST):
                store.append(run, 1, Batch((Column("noise", noise.random(REQUEST)),)))
        alone = beside(store, lambda: time.sleep(3))
        before = size(database)
        took = time.monotonic()
        waits = beside(store, lambda: (store.delete([1]), store.tidy()))
        took = time.monotonic() - took
        store.tidy()
        with database.gate.turn():
            raw = database.engine.raw_connection()
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            raw.close()
        after = size(database)
        database.engine.dispose()
    return [
        Figure("file after one of two equal runs is deleted, of its size before", after / before, "", 0.6),
        Figure("a live write beside delete and give-back, p95", np.percentile(waits, 95) * 1e3, "ms", 50),
        Figure("a live write with nobody else, p95", np.percentile(alone, 95) * 1e3, "ms"),
        Figure("delete and give-back of 4 M points", took, "s"),
    ]


def beside(store: SqlStore, work: Callable[[], object]) -> list[float]:
    """What each of many live writes took while some work was done."""
    waits: list[float] = []
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            began = time.perf_counter()
            store.append(3, 1, Batch((Column("loss", np.array([0.5])),)))
            waits.append(time.perf_counter() - began)
            time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    work()
    done.set()
    writer.join()
    return waits
