"""A fake server, and managers that speak to it with short pauses."""

import sys
from pathlib import Path

import pytest
from tests.waiting import wait_until

sys.path.insert(0, str(Path(__file__).parent))

from fake_server import KEY, FakeServer  # noqa: E402

from ai_manager import AIManager, _channel  # noqa: E402


@pytest.fixture(autouse=True)
def no_credentials_of_mine(monkeypatch):
    """What the developer has set up for real must not reach the tests."""
    for name in ("AI_MANAGER_URL", "AI_MANAGER_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.stop()


@pytest.fixture
def quick(monkeypatch):
    """Batches leave at once, so that tests take milliseconds."""
    monkeypatch.setattr(_channel, "GATHER", 0.01)
    monkeypatch.setattr(_channel, "PAUSE", 0.02)


@pytest.fixture
def manager(server, quick):
    return AIManager("a project", server.url, api_key=KEY)


@pytest.fixture
def eventually():
    """Wait until something is true, or fail."""
    return wait_until
