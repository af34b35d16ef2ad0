"""Whatever sockets a test opens are closed after it."""

from collections.abc import Iterator

import pytest

from tests.live.people import Socket, http


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
