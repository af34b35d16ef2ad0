"""`make bench` comes to its end whatever a benchmark does, and says so."""

import os
import subprocess
import sys
import threading
import types
from math import isnan
from pathlib import Path

import pytest

from benchmarks import machine
from benchmarks.__main__ import QUICK, SLOW, in_a_process
from benchmarks.figure import Figure, page


@pytest.fixture
def benchmark(monkeypatch):
    def make(figures):
        module = types.ModuleType("benchmarks.made_up")
        module.figures = figures
        monkeypatch.setitem(sys.modules, "benchmarks.made_up", module)

    return make


def test_the_figures_of_a_benchmark_come_back(benchmark):
    figures = [Figure("bytes a point", 2.5, "B", 5), Figure("left alone", 1)]
    benchmark(lambda: figures)
    assert in_a_process("made_up", 30) == figures


@pytest.mark.slow
def test_a_benchmark_that_fails_ends_or_hangs_is_a_row_that_says_so(benchmark):
    for work, words in (
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: os._exit(1), "its process ended"),
        (threading.Event().wait, "not done in 1 s"),
    ):
        benchmark(work)
        (row,) = in_a_process("made_up", 1)
        assert isnan(row.value)
        assert words in row.what
        assert row.ratio == "FAILED"
    (row,) = in_a_process("made_up", 0)
    assert "no time was left" in row.what


def test_what_a_benchmark_leaves_running_is_ended():
    # In a process of its own, as this one has children that are not to be ended.
    program = """
import os, subprocess, time
from benchmarks import machine
machine.adopt_orphans()
child = subprocess.Popen(["sh", "-c", "sleep 600 & echo $!"], stdout=subprocess.PIPE, text=True)
orphan = int(child.stdout.readline())
child.wait()
machine.kill_descendants()
print(os.path.exists(f"/proc/{orphan}"))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.stdout == "False\n", done.stderr


def test_the_page_has_goals_first_and_failures_among_them():
    text = page(
        [
            Figure("explains", 1),
            Figure("fast", 2, "ms", 4),
            Figure("slow", 8, "ms", 4),
            Figure("x: failed", float("nan")),
        ],
        machine.described(),
    )
    goals, _, besides = text.partition("## Besides")
    assert "| fast | 2 ms | <= 4 ms | 0.50 ok |" in goals
    assert "| slow | 8 ms | <= 4 ms | 2.00 MISSED |" in goals
    assert "| x: failed |  |  | FAILED |" in goals
    assert "| explains | 1 |" in besides


def test_every_benchmark_is_found():
    assert {"bulk", "live_requests", "store", "store_real", "viewers"} <= set(QUICK)
    assert {"soak", "startup"} <= set(SLOW)
