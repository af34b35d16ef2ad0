"""Configs of runs that were there before they were taken apart are sorted and searched like those of new ones."""

import json
from datetime import datetime

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from aimanager.db import schema
from aimanager.models import RunConfig
from aimanager.models.run_config import rows_of
from tests.store.factories import open_database

CONFIGS = [
    {},
    {"lr": 0.001, "net": {"width": 64, "act": "ReLU 10"}, "layers": [1, 2], "amp": True, "none": None, "empty": {}},
    {"a.b": 1, "a": {"b": "later"}, "": {"c": 2}, "k" * 500: 1, "long": "x1" * 400, "big": 2**63, "é": "Größe"},
    {str(n): n for n in range(6000)},
]  # fmt: skip


def test_what_is_there_is_migrated_to_what_would_be_written_now(database_url):
    database = open_database(database_url, create=False)
    migrate(database, "0005")
    with database.writing() as connection:
        add(connection, "users", email="a", email_key="a", username="a", username_key="a", password_hash="", epoch=0,
            is_active=True, is_superuser=False)  # fmt: skip
        add(connection, "projects", name="Größe", description="OF shoes", owner_id=1, is_public=False)
        for config in CONFIGS:
            add(
                connection,
                "runs",
                project_id=1,
                name="r",
                status="running",
                config=json.dumps(config),
                tags="[]",
                notes="",
            )
    schema.upgrade(database)
    with database.reading() as connection:
        written = {}
        for row in connection.execute(
            sa.select(RunConfig.__table__).order_by(RunConfig.run_id, RunConfig.key)
        ).mappings():
            written.setdefault(row["run_id"], []).append(dict(row))
        assert connection.scalar(sa.text("SELECT words FROM projects")) == "grösse\nof shoes"
    for run, config in enumerate(CONFIGS, 1):
        expected = sorted(rows_of(run, 1, config), key=lambda row: row["key"].encode())
        assert written.get(run, []) == expected
    database.engine.dispose()


def add(connection, table, **values):
    columns = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns(table)}
    moments = {name: datetime(2026, 1, 1) for name in ("created_at", "updated_at", "started_at") if name in columns}
    connection.execute(sa.insert(sa.table(table, *map(sa.column, columns))).values(values | moments))


def migrate(database, revision):
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
