"""Logging costs training next to nothing."""

import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path

from fake_server import Mode

import ai_manager
from ai_manager._notices import Notices
from ai_manager._spool import writer


def test_making_a_manager_and_a_run_does_not_wait_for_the_server(server):
    server.state.mode = Mode("hang", seconds=60)
    code = """
import os, sys
from ai_manager import AIManager
AIManager("p", sys.argv[1], username="user", password="pass").run(name="r", config={"lr": 1}).log({"m": 1.0})
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code, server.url], timeout=30, check=True)
    server.state.mode.over.set()


def test_what_waits_in_memory_stays_within_its_bound(caplog):
    tracemalloc.start()
    try:
        spool = writer.Spool(None, Notices())
        while not spool.dropped:
            spool.points(1_000_000, time.time(), ("a", "b", "c"), (0.1, 0.2, 0.3))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.8 * writer.MEMORY < used < 1.2 * writer.MEMORY
    assert caplog.text.count("the memory for them is full") == 1


def test_the_wheel_and_the_import_are_small(tmp_path):
    code = """
import resource, sys, urllib3, ssl
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
import ai_manager
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
assert not {"numpy", "torch", "pandas", "omegaconf", "pydantic", "attr", "sqlite3"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert int(done.stdout) < 8_000
    package = Path(ai_manager.__file__).parent
    packed = tmp_path / "client.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in package.rglob("*.py"):
            archive.write(path)
    assert packed.stat().st_size < 150_000


def test_the_package_needs_nothing_newer_than_python_3_9():
    """What can be seen from the text: no match statement, and annotations that are never evaluated."""
    import ast

    for path in Path(ai_manager.__file__).parent.rglob("*.py"):
        text = path.read_text()
        ast.parse(text, feature_version=(3, 9))
        assert " | " not in text or "from __future__ import annotations" in text, path
