"""A fake server, and managers that speak to it with short pauses."""

import json
import os
import sys
import urllib.request
from pathlib import Path

import pytest
from tests.waiting import wait_until

sys.path.insert(0, str(Path(__file__).parent))

from fake_server import KEY, FakeServer  # noqa: E402

from ai_manager import AIManager  # noqa: E402
from ai_manager._sending import pace  # noqa: E402


@pytest.fixture(autouse=True)
def no_credentials_of_mine(tmp_path, monkeypatch):
    """What the developer has set up for real must not reach the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    certificates = {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"}
    for name in list(os.environ):
        if name.startswith("AI_MANAGER_") or name.lower().endswith("_proxy") or name in certificates:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def spools(tmp_path, monkeypatch):
    """Where the spools of a test are."""
    place = tmp_path / "spools"
    monkeypatch.setenv("AI_MANAGER_SPOOL_DIR", str(place))
    return place


@pytest.fixture(autouse=True)
def no_capture(no_credentials_of_mine, monkeypatch):
    """The streams of the tests stay as they are, but where the capture is what is tested."""
    monkeypatch.setenv("AI_MANAGER_CAPTURE", "none")


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.stop()


@pytest.fixture
def quick(monkeypatch):
    """Batches leave at once, so that tests take milliseconds."""
    monkeypatch.setattr(pace, "GATHER", 0.01)
    monkeypatch.setattr(pace, "PAUSE", 0.02)


@pytest.fixture
def manager(server, quick):
    return AIManager("a project", server.url, api_key=KEY)


@pytest.fixture(scope="session")
def real_server():
    """The server as people run it, with the account `reader` whose password is `a long password`."""
    servers = pytest.importorskip("tests.servers", reason="only in the server's own repository")
    real = servers.Gunicorn(rate_limits="")
    account = {"username": "reader", "email": "reader@example.com", "password": "a long password"}
    body = json.dumps(account).encode()
    request = urllib.request.Request(f"{real.url}/auth/register", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=120).close()
    yield real
    real.close()


@pytest.fixture
def eventually():
    """Wait until something is true, or fail."""
    return wait_until
