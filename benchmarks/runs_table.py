"""The runs table of a project of 100,000 runs with 50 metrics each: sorted, filtered and paged by the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import sqlalchemy as sa

from aimanager import create_app
from aimanager.config import Settings
from aimanager.db import keyset, schema
from aimanager.db.engine import Database
from aimanager.db.keyset import Place
from aimanager.extensions import db
from aimanager.models import Project, Run, RunConfig, RunTag, User
from aimanager.models.run import keys_of
from aimanager.models.run_config import rows_of
from aimanager.principal import Principal
from aimanager.services.run_list import filters, pages
from aimanager.services.run_list import order as orders
from aimanager.store import Condition, MetricStore, Rank, SqlStore, tables
from tests.servers import Postgres

from .figure import Figure, best

RUNS, METRICS, PAGE = 100_000, 50, 50
OTHERS = 2_000  # Runs of each of two other projects, which lie between.
LIVE = 20


def figures() -> list[Figure]:
    with TemporaryDirectory() as folder, postgres() as url:
        return [
            *_measured("SQLite", Path(folder), f"sqlite:///{folder}/ai_manager.db", 1),
            *_measured("PostgreSQL", Path(folder), url, 3),
        ]


@contextmanager
def postgres() -> Iterator[str]:
    server = Postgres()
    try:
        yield server.make_database()
    finally:
        server.close()


def _measured(engine: str, folder: Path, url: str, allowance: int) -> list[Figure]:
    database = Database.open(Settings(data_dir=folder, database_url=url, durability="fast"))
    schema.upgrade(database)
    fill(database)
    store = SqlStore(database)
    figures = [
        Figure(f"{engine}: {what}", best(work, 9), "ms", goal and goal * allowance)
        for what, work, goal in _works(database, store)
    ]
    figures.append(Figure(f"{engine}: the page after 5,000 rows by OFFSET", best(lambda: _offset(database), 9), "ms"))
    figures += _lists(engine, folder, url, allowance)
    database.engine.dispose()
    return figures


def _works(database: Database, store: MetricStore) -> list[tuple[str, Callable[[], object], float | None]]:
    def ranked(rank: Rank, after: Place | None = None, limit: int = PAGE, *where: Condition) -> list[Place]:
        with database.reading() as connection:
            conditions = [store.condition(connection, 1, one) for one in where]
            return keyset.first(store.order(connection, 1, rank), conditions, after, limit)

    loss, far = Rank("metric 1"), None
    for _ in range(5):
        far = ranked(loss, far, 1000)[-1]
    half, few, some = (
        Condition("metric 2", "min", op, value) for op, value in ((">", 0.5), ("<", 0.005), ("<=", 0.05))
    )
    page = [place.run for place in ranked(loss)]
    return [
        ("sort by a metric, first page", lambda: ranked(loss), 2),
        ("the same downwards", lambda: ranked(Rank("metric 1", "max", True)), 2),
        ("sort by a metric that is the same for all", lambda: ranked(Rank("metric 4")), 2),
        ("the page after 5,000 rows", lambda: ranked(loss, far), 2),
        ("filter (half passes) and sort", lambda: ranked(loss, None, PAGE, half), 5),
        ("filter (5 % passes) and sort", lambda: ranked(loss, None, PAGE, some), None),
        ("filter (0.5 % passes) and sort", lambda: ranked(loss, None, PAGE, few), 5),
        ("filter that only the last 1,000 of the order pass", lambda: ranked(loss, None, PAGE, Condition("metric 3", "last", "<", 0.01)), 20),
        ("filter that only the last half of the order passes", lambda: ranked(loss, None, PAGE, Condition("metric 3", "last", "<", 0.5)), 20),
        ("filter by what every hundredth run has", lambda: ranked(loss, None, PAGE, Condition("metric 5", "last", ">", 0.0)), 5),
        (f"cells of a page, {PAGE} x {METRICS}", lambda: store.cells(page), 4),
    ]  # fmt: skip


LISTS: dict[str, tuple[str, bool, str, float | None]] = {
    "newest first": ("created", True, "", None),
    "by a metric": ("metric:metric 1", False, "", None),
    "by a metric, with a condition": ("metric:metric 1", False, '"metric 2".min > 0.5', None),
    "by name": ("name", False, "", None),
    "by duration": ("duration", True, "", None),
    "by a metric that one run in a hundred has, at its end": ("metric:metric 5.min", False, "", None),
    "with a word, newest first": ("created", True, "sweep-77", None),
    "with a word, by a metric": ("metric:metric 1", False, "sweep-77", None),
    "by a number of the config": ("config:optimizer.lr", False, "", 10),
    "by a text of the config, downwards": ("config:optimizer.name", True, "", 10),
    "with a config value that 1 % have": ("created", True, "config.optimizer.lr = 0.05", 10),
    "with a config value that half have, by a metric": ("metric:metric 1", False, "config.optimizer.lr > 0.05", 10),
    "with a text of the config that half have, by name": ("name", False, "config.optimizer.name = adam", 10),
    "with a config value that only the oldest half have": ("created", True, "config.seed <= 50000", 20),
    "by a metric whose last half has the config value": ("metric:metric 1", False, "config.late = true", 20),
    "stale": ("created", True, "status = stale", 20),
}


def _lists(engine: str, folder: Path, url: str, allowance: int) -> list[Figure]:
    """What a page of the table costs with all that belongs to it: the runs themselves, and how many there are."""
    app = create_app(Settings(data_dir=folder, database_url=url, durability="fast"))
    ada = Principal(user_id=1, username="ada", kind="key")
    figures = []
    with app.app_context():
        for what, (sort, descending, text, goal) in LISTS.items():
            order, where = orders.read(sort, descending), filters.read(text)
            took = best(lambda order=order, where=where: pages.page(ada, 1, order, where, None, PAGE), 7)  # type: ignore[misc]
            figures.append(Figure(f"{engine}: list of {PAGE} runs {what}", took, "ms", goal and goal * allowance))
            db.session.rollback()
        db.session.remove()
        db.engine.dispose()
    app.extensions["aimanager"].metric_store.close()
    return figures


def _offset(database: Database) -> list[Any]:
    s = tables.metric_series.c
    query = sa.select(s.last, s.run_no).where(s.project_id == 1, s.metric_id == 1, s.live == sa.literal_column("0"))
    with database.reading() as connection:
        return list(connection.execute(query.order_by(s.last, s.run_no).offset(5000).limit(PAGE)))


def fill(database: Database, metrics: int = METRICS) -> None:
    """Put finished runs, and a few live ones, straight into the tables: by points it would take hours."""
    series = tables.metric_series
    values = list(series.indexes)
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        for index in values:
            index.drop(connection)
        connection.execute(
            tables.metric_name.insert(), [{"id": m, "name": f"metric {m}"} for m in range(1, metrics + 1)]
        )
        total = RUNS + 2 * OTHERS
        streams = (
            {"run_no": run, "next_id": 1001, "next_seq": 11, "state": 1, "heard_at": 1, "ordered": 1}
            for run in range(1, total + 1)
        )
        connection.execute(tables.metric_stream.insert(), list(streams))
        _copy(connection, series, _series(total, metrics))
        _fill_runs(connection, total, [row[9] for row in _series(total, metrics) if row[1] == 1])
        for index in values:
            index.create(connection)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("RESET statement_timeout")


def _series(total: int, metrics: int) -> Iterator[tuple[Any, ...]]:
    """Rows of metric_series: metrics 1 and 2 have nothing to do with each other, 3 goes down where 1 goes up, 4 is the same
    for all, 5 only every hundredth run has, and of the others every twentieth value is NaN."""
    rng = np.random.default_rng(1)
    for run in range(1, total + 1):
        project = _project_of(run)
        live = int(run > total - LIVE)
        values = rng.random(metrics).tolist()
        values[2], values[3] = 1 - values[0], 10.0
        for metric, value in enumerate(values, 1):
            if metric == 5 and run % 100:
                continue
            last = None if metric > 5 and (run + metric) % 20 == 0 else value
            yield (
                run,
                metric,
                project,
                live,
                1000,
                0,
                metric,
                999,
                run,
                last,
                value,
                value,
                value,
                0.0,
                0,
                value,
                None,
            )


def _project_of(run: int) -> int:
    return run % 12 + 2 if run % 12 < 2 and run <= 12 * OTHERS else 1


def _fill_runs(connection: sa.Connection, total: int, first: list[float]) -> None:
    """A user, three projects, and the runs that the series are of; `first` are their values of metric 1."""
    then = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    user = {"email": "a@example.com", "email_key": "a@example.com", "username": "ada", "username_key": "ada"}
    connection.execute(sa.insert(User), [{"id": 1, "password_hash": "-", "is_superuser": False, **user}])
    connection.execute(sa.insert(Project), [{"id": n, "name": f"project {n}", "owner_id": 1} for n in (1, 2, 3)])
    rows = []
    for run in range(1, total + 1):
        live = run > total - LIVE
        started = then + timedelta(minutes=run)
        ended = None if live else started + timedelta(seconds=run * 7919 % 100_000)
        facts = {
            "name": f"{'early' if run <= total // 2 else 'late'}-resnet-{run * 31 % 9973}-{run}",
            "tags": [f"sweep-{run % 500}"]
            + ["baseline"] * (run % 2)
            + ["old"] * (run <= total // 2)
            + ["few"] * (run <= 20),
            "started_at": started,
            "end_received_at": ended,
        }
        optimizer = {"name": ["adam", "sgd"][run % 2], "lr": run % 97 / 1000}
        config = {"optimizer": optimizer, "width": 64, "layers": [64] * 8, "seed": run, "late": first[run - 1] > 0.5}
        config["path"] = f"/data/{'old' if run <= total // 2 else 'new'}/shard-{run * 7919 % 100_003}"
        status = "running" if live else "failed" if run <= total // 100 else "completed"
        rows.append(
            {
                "id": run,
                "project_id": _project_of(run),
                "status": status,
                "config": config,
                "ended_at": ended,
                "created_at": started,
                "updated_at": started,
                "notes": (note := f"A note on sweep {run % 500}." * (run % 50 == 0)),
                "folded_notes": note.casefold(),
            }
            | facts
            | keys_of(**facts)
        )
    connection.execute(sa.insert(Run), rows)
    for start in range(0, total, OTHERS):
        values = [
            value
            for row in rows[start : start + OTHERS]
            for value in rows_of(row["id"], row["project_id"], row["config"])
        ]
        connection.execute(sa.insert(RunConfig), values)
        tags = [
            {"run_id": row["id"], "project_id": row["project_id"], "tag": tag}
            for row in rows[start : start + OTHERS]
            for tag in row["tags"]
        ]
        connection.execute(sa.insert(RunTag), tags)


def _copy(connection: sa.Connection, table: sa.Table, rows: Iterator[tuple[Any, ...]]) -> None:
    cursor = connection.connection.cursor()
    if connection.dialect.name == "sqlite":
        cursor.executemany(
            f"INSERT INTO {table.name} ({', '.join(table.c.keys())}) VALUES ({', '.join('?' * len(table.c))})", rows
        )  # noqa: S608
        return
    with cursor.copy(f"COPY {table.name} ({', '.join(table.c.keys())}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
