"""Databases that wait for the disk, as these tests take away what the disk has not got yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import unavailable
from tests.faults.scripts import NO_LIMITS, http
from tests.live.people import Socket
from tests.servers import Gunicorn, NotInstalled, Postgres


@pytest.fixture(autouse=True)
def close_connections() -> Iterator[None]:
    """Close every viewer and every connection that a test has left open."""
    yield
    while Socket.opened:
        Socket.opened.pop().socket.shutdown()
    http.clear()


@pytest.fixture(scope="module")
def durable_postgres(pytestconfig: pytest.Config) -> Iterator[Postgres]:
    """A PostgreSQL cluster with its promises in force; a test may stop and start it."""
    try:
        cluster = Postgres(durable=True)
    except NotInstalled as error:
        unavailable(pytestconfig, error)
    yield cluster
    cluster.close()


@pytest.fixture
def durable_server(request, database_kind: str, gunicorn_server) -> Callable[..., Gunicorn]:
    """Start servers without limits on a database of their own, on SQLite and then on PostgreSQL."""
    settings: dict[str, object] = dict(NO_LIMITS)
    if database_kind == "postgres":
        settings["database_url"] = request.getfixturevalue("durable_postgres").make_database()
    return lambda **more: gunicorn_server(**settings | more)
