"""The two ends of a copy: a source that nobody writes to, a target that is new, and sentences about those that are not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from .. import models
from ..config import ConfigurationError, Settings
from ..db import presence, schema
from ..db.engine import Database
from ..db.write_gate import sqlite_path
from ..store import tables as _  # noqa: F401  # They are in the models' metadata once they are imported.

_MOMENT = 3.0  # Seconds.


class Refused(Exception):
    """The databases cannot be copied like this; nothing was changed. The sentence says why."""


def url_of(text: str) -> URL:
    try:
        url = make_url(text)
        Settings(database_url=text)
    except (ArgumentError, ConfigurationError):
        raise Refused(f"{text!r} is no database: expected sqlite:///path or postgresql://user@host/name.") from None
    if url.drivername.startswith("sqlite") and not url.database:
        raise Refused(f"{text!r} names no file: expected sqlite:///path.")
    return url


def place(url: URL) -> object:
    path = sqlite_path(url)
    return path.resolve() if path else (url.host, url.port or 5432, url.database)


@contextmanager
def opened(url: URL) -> Iterator[Database]:
    folder = (sqlite_path(url) or Path.cwd() / "x").parent
    database = Database.open(Settings(data_dir=folder, database_url=url.render_as_string(hide_password=False)))
    try:
        yield database
    finally:
        database.engine.dispose()


@contextmanager
def made(url: URL) -> Iterator[Database]:
    """A target with our tables and no rows in them. A SQLite file gets its name when all has gone well."""
    path = sqlite_path(url)
    if not path:
        with opened(url) as database:
            _check_target(database)
            yield database
        return
    if path.exists():
        with opened(url) as database:
            _check_target(database)
    unfinished = path.with_name(f"{path.name}.copying")
    try:
        _remove(unfinished)
        with opened(url.set(database=str(unfinished))) as database:
            schema.upgrade(database)
            unfinished.chmod(0o600)
            yield database
        _remove(path)
        _sync(unfinished)
        unfinished.rename(path)
        _sync(path.parent)
    finally:
        _remove(unfinished)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".lock", ".lock.turnstile", ".in-use", ".generation"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_source(database: Database) -> None:
    with database.reading() as connection:
        present = schema.revision(connection)
    if present != schema.HEAD:
        raise Refused(
            f"The source has schema {present or 'none'}, this program copies {schema.HEAD}: run `aimanager migrate` on it."
        )


def _check_target(database: Database) -> None:
    """Refuse a target that has anything in it; bring a new one up to date."""
    with database.reading() as connection:
        present = schema.revision(connection)
        tables = set(sa.inspect(connection).get_table_names()) & models.Base.metadata.tables.keys()
        if tables and present != schema.HEAD:
            raise Refused(f"The target has schema {present or 'none'} already: name an empty database.")
        our_tables = [table for table in models.Base.metadata.sorted_tables if table.name in tables]
        filled = [
            table.name
            for table in our_tables
            if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
        ]
    if filled:
        raise Refused(f"The target is not empty, there are rows in {', '.join(sorted(filled))}. Nothing was changed.")
    schema.upgrade(database)


def without_timeouts(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(sa.text(f"SET LOCAL {name} = 0"))


def check_alone(url: URL, which: str, instead: str = "") -> None:
    """Refuse a database that somebody has open: what they write now would not be in the copy."""
    path = sqlite_path(url)
    who = ""
    if path:
        if presence.is_in_use(path):
            who = "another process has"
    else:
        if others := _connections_to(url):
            who = "another connection has" if others == 1 else f"{others} other connections have"
    if who:
        raise Refused(f"The {which} is in use, {who} it open: stop the servers{instead}.")


def _connections_to(url: URL) -> int:
    """How many connections others have to a PostgreSQL database; those that just closed it get a moment to be gone."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    until = monotonic() + _MOMENT
    with opened(url) as database:
        while True:
            with database.reading() as connection:
                others = connection.scalar(sa.text(f"{query} AND backend_type = 'client backend'")) or 0
            if not others or monotonic() > until:
                return others
            sleep(0.05)
