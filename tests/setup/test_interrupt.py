"""Ctrl-C ends the server without a traceback, whenever it comes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]

# An application that is interrupted while it loads, in a place whose exceptions Python can only print.
INTERRUPTED = """
import os, signal, weakref

class Thing:
    pass

def interrupt(_reference):
    os.kill(os.getppid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)

thing = Thing()
reference = weakref.ref(thing, interrupt)
del thing

def app(environ, start_response):
    raise AssertionError("a stopped server answers nobody")
"""


@pytest.fixture
def environment(tmp_path):
    return os.environ | {"AI_MANAGER_DATA_DIR": str(tmp_path), "AI_MANAGER_PORT": "0", "PYTHONPATH": str(tmp_path)}


def run(command, environment):
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def test_before_gunicorn_listens_to_signals(environment):
    script = "import os, runpy, signal; runpy.run_path('gunicorn.conf.py'); os.kill(os.getpid(), signal.SIGINT)"
    done = run([sys.executable, "-c", script], environment)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_while_a_worker_loads(environment, tmp_path):
    (tmp_path / "interrupted.py").write_text(INTERRUPTED)
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "-b", "127.0.0.1:0", "interrupted:app"]
    done = run(command, environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
