"""The keys by which names are sorted, and how they come into a database that is older than they are."""

import re

import hypothesis.strategies as st
import sqlalchemy as sa
from hypothesis import given

from aimanager.config import Settings
from aimanager.db import schema
from aimanager.db.engine import Database
from aimanager.models import natural_order

names = st.text(st.sampled_from("aAbßÉ 01290-٣") | st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)


def parts(name):
    """Words and numbers in turn, as Python compares them."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", name.casefold())]


@given(st.lists(names.filter(lambda name: not re.search(r"[^\D0-9]", name))))
def test_keys_are_in_the_order_of_words_and_numbers(some):
    by_parts = sorted(some, key=parts)
    assert [parts(name) for name in sorted(some, key=natural_order.key)] == [parts(name) for name in by_parts]


def test_runs_that_are_there_get_their_keys_with_the_migration(database_url, tmp_path, monkeypatch):
    from alembic import command
    from alembic.config import Config

    database = Database.open(Settings(data_dir=tmp_path, database_url=database_url))
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.execute(
            sa.text(
                "INSERT INTO users (id, email, email_key, username, username_key, password_hash, is_active, is_superuser,"
                " epoch, created_at, updated_at) VALUES (1, 'a', 'a', 'a', 'a', '-', true, false, 0, :at, :at)"
            ),
            {"at": "2026-01-01 00:00:00.000000"},
        )
        connection.execute(
            sa.text(
                "INSERT INTO projects (id, name, description, owner_id, is_public, created_at, updated_at)"
                " VALUES (1, 'p', '', 1, false, :at, :at)"
            ),
            {"at": "2026-01-01 00:00:00.000000"},
        )
        for run in range(1, 8):
            connection.execute(
                sa.text(
                    "INSERT INTO runs (id, project_id, name, status, config, tags, notes, started_at, ended_at, created_at,"
                    " updated_at) VALUES (:run, 1, :name, 'completed', '{}', :tags, '', :at, :end, :at, :at)"
                ),
                {"run": run, "name": f"Run-{run}", "tags": '["Größe"]' if run % 2 else "[]",
                 "at": "2026-01-01 00:00:00.000000", "end": "2026-01-01 00:00:01.500000" if run > 1 else None},
            )  # fmt: skip
    monkeypatch.setattr(
        "aimanager.db.schema._copy", lambda *_: None
    )  # What is at stake here is what the migration writes.
    schema.upgrade(database)
    with database.reading() as connection:
        rows = connection.execute(sa.text("SELECT name_key, tags_key, words, lasted FROM runs ORDER BY id")).all()
    assert rows[0] == (natural_order.key("Run-1"), "grösse", "run-1\ngrösse", None)
    assert rows[1] == (natural_order.key("run-2"), None, "run-2", 1_500_000)
    assert len(rows) == 7
    database.engine.dispose()
