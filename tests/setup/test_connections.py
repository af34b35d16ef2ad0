"""Scripts keep their connections between two batches, thousands of them at once."""

import http.client
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from aimanager.services.flush_pacing import LONGEST_FOR_LOAD
from tests.servers import Gunicorn

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
SCRIPTS = 1100  # More than gunicorn keeps of itself.


@pytest.fixture
def many_files():
    """So many connections of our own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * SCRIPTS:
        pytest.skip("this machine gives a process too few files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * SCRIPTS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_than_a_thousand_scripts_keep_their_connections(many_files):
    server = Gunicorn()
    connections = []
    try:
        for _ in range(SCRIPTS):
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            connections.append(connection)
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
            assert not answer.will_close
    finally:
        for connection in connections:
            connection.close()
        server.close()


def test_a_connection_outlives_the_longest_pause_that_the_load_asks_for(tmp_path):
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "--print-config", "wsgi:app"]
    environment = os.environ | {"AI_MANAGER_DATA_DIR": str(tmp_path)}
    printed = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    keepalive = re.search(r"^keepalive\s+= (\d+)$", printed, re.M)
    assert keepalive is not None
    assert int(keepalive[1]) > LONGEST_FOR_LOAD
