"""Curves in the terminal, drawn from the real server."""

import json
import math
import os
import pty
import subprocess
import sys

import pytest

from ai_manager import AIManager
from ai_manager._cli import main
from ai_manager._cli.braille import curve
from ai_manager._cli.watch import shortened

SLOW = pytest.mark.slow


def drawn(values, width=4, height=2, x=None):
    return curve(x or range(len(values)), values, values, values, width, height)


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right():
    (upper, lower), bottom, top = drawn([0.0, 1.0])
    assert (bottom, top) == (0.0, 1.0)
    assert lower[0] != "\u2800"
    assert upper[-1] != "\u2800"
    assert upper[0] == lower[-1] == "\u2800"


def test_a_bucket_is_drawn_from_its_lowest_to_its_highest_value():
    lines, bottom, top = curve([0, 1, 2], [0.0, -5.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 0.0], 3, 3)
    assert (bottom, top) == (-5.0, 5.0)
    assert all(line[1] != "\u2800" for line in lines)


def test_a_curve_has_a_gap_where_values_are_not_finite():
    (line,), _, _ = drawn([1.0, 1.0, math.nan, math.nan, math.nan, math.nan, 1.0, 1.0], height=1)
    assert [letter == "\u2800" for letter in line] == [False, True, True, False]


@pytest.mark.parametrize("values", [[], [math.nan], [3.0], [0.0, 0.0], [-1e308, 1e308], [5e-324, 0.0], [math.inf, 1.0]])
def test_any_values_are_drawn(values):
    lines, _, _ = drawn(values)
    assert [len(line) for line in lines] == [4, 4]


@pytest.fixture
def run(real_server, request, monkeypatch):
    monkeypatch.setenv("AI_MANAGER_URL", real_server.url)
    manager = AIManager(request.node.name[:100], real_server.url, username="reader", password="a long password")
    manager.check()
    monkeypatch.setenv("AI_MANAGER_API_KEY", manager._transport.call("POST", "/auth/keys", {"name": "w"})["api_key"])
    return manager.run(name="watched")


@SLOW
def test_the_curves_of_a_run_that_has_ended_are_drawn_once(run, capsys):
    for step in range(50):
        run.log({"loss": 1 / (step + 1), "acc": step / 50}, step=step)
    run.finish()
    assert main(["watch", str(run.id)]) == 0
    out = capsys.readouterr().out
    assert "watched  completed" in out
    assert "loss  0.02 at step 49" in out
    assert "acc  0.98 at step 49" in out
    assert main(["watch", str(run.id), "acc"]) == 0
    assert "loss" not in capsys.readouterr().out
    assert main(["watch", str(run.id), "nope"]) == 1
    assert capsys.readouterr().err == f"ai-manager: run {run.id} has no metric 'nope'\n"


@SLOW
def test_new_values_are_seen_until_the_run_ends(run):
    run.log({"loss": 1.0}, step=0)
    assert run.flush()
    command = [sys.executable, "-m", "ai_manager", "watch", str(run.id), "--json", "--every", "0.05"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        first = json.loads(watching.stdout.readline())
        run.log({"loss": 0.5}, step=7)
        run.flush()
        second = json.loads(watching.stdout.readline())
        run.finish()
        *_, last = map(json.loads, watching.stdout)
        assert watching.wait(30) == 0
    assert (first["status"], first["metrics"]["loss"]) == ("running", {"step": 0, "value": 1.0, "points": 1})
    assert second["metrics"]["loss"] == {"step": 7, "value": 0.5, "points": 2}
    assert last["status"] == "completed"


@SLOW
def test_a_terminal_is_drawn_in_place(run):
    run.log({"loss": 1.0}, step=0)
    run.finish()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ai_manager", "watch", str(run.id)]
    with subprocess.Popen(command, stdout=theirs, env={**os.environ, "TERM": "xterm-256color"}) as watching:
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 4096):
                seen += piece
        except OSError:
            pass  # The other end is closed.
        assert watching.wait(30) == 0
    os.close(ours)
    assert b"\x1b[?25l" in seen
    assert b"\x1b[?25h" in seen
    assert "watched" in seen.decode()


@pytest.mark.parametrize(("room", "shown"), [(9, "train/acc"), (8, "…ain/acc"), (1, "…c"), (-5, "…c")])
def test_a_name_that_is_too_long_for_a_line_is_cut_at_its_beginning(room, shown):
    assert shortened("train/acc", room) == shown
