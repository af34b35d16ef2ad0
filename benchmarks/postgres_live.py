"""The live path on PostgreSQL: our commits beside bare ones, a statement a row beside a statement a table.

Four processes, each with runs of its own, one request of five metrics a commit, no waiting for the disk. The bare ones
write the same rows by the driver alone, in one pipeline. `unnest` takes arrays instead of rows: fewer statements, but
PostgreSQL plans each of them again, as a plan for arrays of unknown length looks dearer to it than planning.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import psycopg

from aimanager.config import Settings
from aimanager.db import schema
from aimanager.db.engine import Database
from aimanager.store import Batch, Column, SqlStore
from tests.servers import Postgres

from .figure import Figure

PROCESSES, RUNS, METRICS, SECONDS, ROUNDS = 4, 5, 5, 2.0, 3

LOG = "INSERT INTO metric_log (run_no, id0, n, frame)"
SERIES = (
    "INSERT INTO metric_series (run_no, metric_id, project_id, live, n, n_bad, last_id, last_step, last_ts, last,"
    " vmin, vmax, vsum, vsum_low, flags)"
)
LATER = (
    " ON CONFLICT (run_no, metric_id) DO UPDATE SET n = excluded.n, last_id = excluded.last_id,"
    " last_step = excluded.last_step, last_ts = excluded.last_ts, last = excluded.last, vmin = excluded.vmin,"
    " vmax = excluded.vmax, vsum = excluded.vsum"
)
LOCK = "SELECT next_id FROM metric_stream WHERE run_no = %s FOR UPDATE"
STREAM = "UPDATE metric_stream SET next_id = %s, next_seq = %s, heard_at = %s WHERE run_no = %s"
TYPES = {
    LOG: "int8 int8 int8 bytea",
    SERIES: "int8 int4 int8 int2 int8 int8 int8 int8 int8 float8 float8 float8 float8 float8 int2",
    STREAM: "int8 int8 int8 int8",
}


def figures() -> list[Figure]:
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    plans: dict[str, float] = {}
    server = Planning()
    try:
        for _ in range(ROUNDS):
            for kind in KINDS:
                url = server.make_database()
                rates[kind].append(measured(kind, url))
                plans[kind] = planned(url)
                server.drop_database(url)
    finally:
        server.close()
    best = {kind: max(rate) for kind, rate in rates.items()}
    ours = median(one / other for one, other in zip(rates["ours"], rates["rows"], strict=True))
    arrays = median(one / other for one, other in zip(rates["arrays"], rates["rows"], strict=True))
    return [
        Figure(
            "PostgreSQL, live commits of 4 processes, of bare ones with the same rows", ours, "", 0.4, at_least=True
        ),
        Figure("our live commits", best["ours"] * METRICS, "points/s"),
        Figure("bare commits, a statement a row", best["rows"] * METRICS, "points/s"),
        Figure("bare commits, a statement a table", best["arrays"] * METRICS, "points/s"),
        Figure("a statement a table, of a statement a row", arrays),
        Figure("plans made for a commit: ours", plans["ours"], "", 0.5),
        Figure("plans made for a commit: a statement a row", plans["rows"]),
        Figure("plans made for a commit: a statement a table", plans["arrays"]),
    ]


class Planning(Postgres):
    """Counts what it plans."""

    def __init__(self) -> None:
        super().__init__(durable=True)

    def start(self) -> None:
        self.command += ["-cshared_preload_libraries=pg_stat_statements", "-cpg_stat_statements.track_planning=on"]
        super().start()


def measured(kind: str, url: str) -> float:
    """Commits a second of four processes."""
    database = opened(url)
    schema.upgrade(database)
    store = SqlStore(database)
    for run in range(1, PROCESSES * RUNS + 1):
        store.append(run, 1, Batch(tuple(Column(f"m{i}", np.zeros(1)) for i in range(METRICS))))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
    database.engine.dispose()
    ready, done = multiprocessing.Barrier(PROCESSES + 1), multiprocessing.Array("l", PROCESSES)
    writers = [multiprocessing.Process(target=write, args=(kind, url, i, ready, done)) for i in range(PROCESSES)]
    for writer in writers:
        writer.start()
    ready.wait()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_statements_reset()")
    for writer in writers:
        writer.join()
    return sum(done) / SECONDS


def planned(url: str) -> float:
    """Plans for each commit."""
    with psycopg.connect(url) as connection:
        query = "SELECT sum(plans), sum(calls) FILTER (WHERE query = 'COMMIT') FROM pg_stat_statements"
        plans, commits = connection.execute(query).fetchone()
        return float(plans / commits)


def opened(url: str) -> Database:
    return Database.open(Settings(data_dir=Path("unused"), database_url=url, durability="fast"))


def write(kind: str, url: str, number: int, ready, done) -> None:
    commits = KINDS[kind](url, number)
    for _ in range(20):
        next(commits)
    ready.wait()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        next(commits)
        done[number] += 1


def runs_of(number: int) -> Iterator[int]:
    return itertools.cycle(range(1 + number * RUNS, 1 + (number + 1) * RUNS))


def ours(url: str, number: int) -> Iterator[None]:
    store, noise = SqlStore(opened(url)), np.random.default_rng(number)
    for run in runs_of(number):
        store.append(run, 1, Batch(tuple(Column(f"m{i}", noise.random(1)) for i in range(METRICS))))
        yield


def rows(url: str, number: int) -> Iterator[None]:
    """Each row by a prepared statement, whose plan PostgreSQL keeps."""
    ways = {
        LOG: f"{LOG} VALUES ({marks(LOG)})",
        SERIES: f"{SERIES} VALUES ({marks(SERIES)}){LATER}",
        STREAM: STREAM,
    }
    return bare(url, number, lambda cursor, table, some: cursor.executemany(ways[table], some))


def arrays(url: str, number: int) -> Iterator[None]:
    """All rows of a table by one statement."""
    ways = {
        LOG: f"{LOG} SELECT * FROM unnest({marks(LOG, '[]')})",
        SERIES: f"{SERIES} SELECT * FROM unnest({marks(SERIES, '[]')}){LATER}",
        STREAM: "UPDATE metric_stream SET next_id = t.next_id, next_seq = t.next_seq, heard_at = t.heard_at"
        f" FROM unnest({marks(STREAM, '[]')}) AS t (next_id, next_seq, heard_at, run_no)"
        " WHERE metric_stream.run_no = t.run_no",
    }
    return bare(url, number, lambda cursor, table, some: cursor.execute(ways[table], [list(c) for c in zip(*some)]))  # noqa: B905


def bare(url: str, number: int, put: Callable[[psycopg.Cursor, str, list[tuple]], object]) -> Iterator[None]:
    """Commits of what a request writes, each in one pipeline."""
    with psycopg.connect(url, options="-c synchronous_commit=off") as connection:
        for run in runs_of(number):
            first, value = connection.execute(LOCK, [run]).fetchone()[0], time.perf_counter()
            with connection.pipeline():
                cursor = connection.cursor()
                put(cursor, LOG, [(run, first, METRICS, os.urandom(150))])
                metrics = range(1, METRICS + 1)
                facts = first, first, first, value, value, value, value, 0.0, 0
                put(cursor, SERIES, [(run, metric, 1, 1, first, 0, *facts) for metric in metrics])
                put(cursor, STREAM, [(first + METRICS, first, first, run)])
                connection.commit()
            yield


def marks(table: str, array: str = "") -> str:
    """The places of a statement's parameters, with their types."""
    return ", ".join(f"%s::{kind}{array}" for kind in TYPES[table].split())


KINDS: dict[str, Callable[[str, int], Iterator[None]]] = {"ours": ours, "rows": rows, "arrays": arrays}
