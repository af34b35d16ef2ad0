"""The database's schema: brought up to date at start, by one process, after a copy of what was there."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..config import ConfigurationError
from .engine import Database

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parents[2] / "migrations"
# The newest revision. Written down, so that an ordinary start needs not load Alembic; a test holds it to the truth.
HEAD = "0014"
_LOCK = 0x61696D67  # PostgreSQL's advisory lock of our migrations.


def revision(connection: Connection) -> str | None:
    """The revision of a database, None of an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def is_current(connection: Connection) -> bool:
    return revision(connection) == HEAD


def upgrade(database: Database) -> None:
    """Run what migrations are missing. Raises ConfigurationError on a database of a newer program."""
    with _alone(database):
        with database.reading() as connection:
            present = revision(connection)
        if present == HEAD:
            return
        _refuse_newer(present)
        if present is not None:
            _copy(database, present)
        _run(database)


def check(database: Database) -> None:
    """For those who migrate by hand: raise ConfigurationError unless the schema is current."""
    with database.reading() as connection:
        present = revision(connection)
    if present != HEAD:
        _refuse_newer(present)
        raise ConfigurationError(
            f"The database has schema {present or 'none'}, this program needs {HEAD}: run `aimanager migrate`."
        )


def _refuse_newer(present: str | None) -> None:
    if present is not None and present > HEAD:
        raise ConfigurationError(
            f"The database has schema {present}, which is newer than {HEAD} of this program. Nothing was changed."
        )


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Two servers that start at once migrate once."""
    if database.is_sqlite:
        with database.gate.turn(patience=None):  # Another server's migration may take long.
            yield
        return
    with database.engine.connect() as connection:
        # Another server's migration may take long.
        connection.execute(sa.text("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        # End the transaction, not the lock, which belongs to the session: a server that waits would be timed out.
        connection.commit()
        try:
            yield
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            connection.commit()


def _copy(database: Database, present: str) -> None:
    """Keep the SQLite file as it was; PostgreSQL has tools of its own for that."""
    if not database.is_sqlite:
        return
    path = Path(str(database.engine.url.database))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = path.with_name(f"{path.name}.before-{present}-{stamp}.bak")
    if shutil.disk_usage(path.parent).free < path.stat().st_size * 1.1:
        raise ConfigurationError(
            f"There is no room for a copy of {path.name} before its migration. Nothing was changed."
        )
    raw = database.engine.raw_connection()
    try:
        raw.cursor().execute("VACUUM INTO ?", (str(copy),))
    finally:
        raw.close()
    copy.chmod(0o600)
    log.info("copied the database to %s before its migration", copy.name)


def _run(database: Database) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
