"""Logging costs training next to nothing."""

import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

from fake_server import Mode

from ai_manager._queue import MemoryBuffer, Row


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


def test_a_full_buffer_stays_within_its_bound_of_memory():
    limit = 4 << 20
    tracemalloc.start()
    try:
        buffer, step = MemoryBuffer(limit), 0
        names = ("a", "b", "c")
        while buffer.put(Row(1_000_000 + step, time.time(), names, (step + 0.1, step + 0.2, step + 0.3))):
            step += 1
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert step > 5_000
    assert 0.5 * limit < used < 1.2 * limit


def test_the_package_needs_nothing_newer_than_python_3_9():
    """What can be seen from the text: no match statement, and annotations that are never evaluated."""
    import ast

    import ai_manager

    for path in Path(ai_manager.__file__).parent.glob("*.py"):
        text = path.read_text()
        ast.parse(text, feature_version=(3, 9))
        assert " | " not in text or "from __future__ import annotations" in text, path
