"""A real server for the tests of a file, two of its users, and whatever sockets a test opens are closed after it."""

from collections.abc import Iterator

import pytest

from tests.live.people import NO_LIMITS, Person, Socket, http
from tests.servers import Gunicorn


@pytest.fixture(autouse=True)
def close_sockets() -> Iterator[None]:
    """Close every viewer that the test has opened."""
    yield
    while Socket.opened:
        Socket.opened.pop().socket.shutdown()


@pytest.fixture(autouse=True, scope="session")
def close_http() -> Iterator[None]:
    """Close the connections that were kept for the next request."""
    yield
    http.clear()


@pytest.fixture(scope="module")
def server() -> Iterator[Gunicorn]:
    """One process without limits."""
    server = Gunicorn(**NO_LIMITS)
    yield server
    server.close()


@pytest.fixture(scope="module")
def alice(server) -> Person:
    return Person(server, "alice")


@pytest.fixture(scope="module")
def bob(server) -> Person:
    return Person(server, "bob")
