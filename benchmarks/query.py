"""Every operator of the query language in a project of 100,000 runs: a page of 50, newest first, by a metric, and where only
runs at the far end of the order pass; and what is offered while one types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from aimanager import create_app
from aimanager.config import Settings
from aimanager.db import schema
from aimanager.db.engine import Database
from aimanager.extensions import db
from aimanager.principal import Principal
from aimanager.services.run_list import filters, pages
from aimanager.services.run_list import order as orders
from aimanager.services.run_list.completing import completions

from .figure import Figure, best
from .runs_table import PAGE, fill, postgres

METRICS = 5
GOALS = {"SQLite": 20.0, "PostgreSQL": 60.0}
ORDERS = {"newest": ("created", True), "by a metric": ("metric:metric 1", False), "oldest": ("created", False)}
# What each operator finds: common values, rare ones, and those that only the oldest half has.
QUERIES = [
    "", "resnet", "early", "sweep-77", "nothing-has-this", "q1",
    'name ~ "resnet"', 'name ~ "early"', 'name ~ "-777"', 'name !~ "late"', 'name = "early-resnet-31-1"', 'name < "early-resnet-5"',
    'name in ("early-resnet-31-1", "early-resnet-62-2")',
    'tags has "baseline"', 'tags has "old"', 'tags has "few"', 'tags != "baseline"', 'tags ~ "sweep-7"', "tags exists", "not tags exists",
    'tags in ("few", "sweep-3")',
    "status = completed", "status = failed", "not status = completed", "status != failed", "status = stale", "status in (failed, running)",
    "created > 2026-03-01", "created < 2026-01-02", "created <= 2026-02-04", "started >= 2026-01-31", "ended < 2026-01-03", "ended exists",
    "duration > 20h", "duration < 10s", "duration < 14h", "id < 50", "id in (3, 70000)", "id > 50000", "notes exists", "not notes exists",
    'notes ~ "note"', 'notes ~ "sweep 50."', 'notes !~ "note"',
    "archived = false", "archived",
    '"metric 2" < 0.5', '"metric 2".min < 0.001', '"metric 2".max > 0.9', '"metric 2".mean <= 0.5', '"metric 3" < 0.01', '"metric 2" != 0.5',
    '"metric 5" exists', 'not "metric 5" exists', '"metric 2" in (1, 2)', '"metric 2".best > 0.2',
    "config.optimizer.lr = 0.05", "config.optimizer.lr > 0.05", "config.seed <= 50000", "config.seed <= 1000", "config.seed != 7",
    "config.optimizer.name = adam", 'config.optimizer.name ~ "da"', 'config.path ~ "old"', 'config.path ~ "shard-777"', 'config.path ~ "zzz"',
    'config.path !~ "new"', "config.seed in (1, 2, 3)", "config.optimizer.lr not in (0.05, 0.06)", "config.seed exists", "config.none exists",
    "not config.seed exists", "config.late = true", "not config.late = true",
    'config.seed <= 50000 and name ~ "early"', 'config.seed <= 50000 or tags has "few"', 'tags has "few" or "metric 2" < 0.001',
    'metrics."metric 2".min < 0.1 and (config.optimizer.lr = 0.001 or tags has "baseline") and not status = "failed" and created > 2026-01-10 and name ~ "resnet"',
]  # fmt: skip

TYPED = ["", "metr", "opt", "config.seed ", "status = ", "tags has ", "tags has sweep-77", "config.seed = ", "config.seed = 77", "config.path = shard-777",
         "config.optimizer.name = ", "status = failed and "]  # fmt: skip


def figures() -> list[Figure]:
    with TemporaryDirectory() as folder, postgres() as url:
        return [
            *_measured("SQLite", Path(folder), f"sqlite:///{folder}/ai_manager.db"),
            *_measured("PostgreSQL", Path(folder), url),
        ]


def _measured(engine: str, folder: Path, url: str) -> Iterator[Figure]:
    settings = Settings(data_dir=folder, database_url=url, durability="fast")
    database = Database.open(settings)
    schema.upgrade(database)
    fill(database, METRICS)
    database.engine.dispose()
    app = create_app(settings)
    ada = Principal(user_id=1, username="ada", kind="key")
    with app.app_context():
        for text in QUERIES:
            where = filters.read(text)
            for name, (sort, descending) in ORDERS.items():
                order = orders.read(sort, descending)
                took = best(lambda order=order, where=where: pages.page(ada, 1, order, where, None, PAGE), 5)  # type: ignore[misc]
                db.session.rollback()
                yield Figure(f"{engine}: {name}: {text or '(all)'}", took, "ms", GOALS[engine])
        for text in TYPED:
            took = best(lambda text=text: completions(ada, 1, text, len(text)), 5)  # type: ignore[misc]
            db.session.rollback()
            yield Figure(f"{engine}: offered after {text or '(nothing)'}", took, "ms", GOALS[engine])
        db.session.remove()
        db.engine.dispose()
    app.extensions["aimanager"].metric_store.close()
