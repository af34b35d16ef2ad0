"""What is captured around a run, and how it is turned off."""

import os
import subprocess
import sys
import textwrap
import threading

import pytest
from tests.waiting import wait_until

from ai_manager import _capture
from ai_manager._capture import PARTS, Capture, chosen
from ai_manager.errors import ConfigurationError


class Kept:
    """Keeps what it gets."""

    def __init__(self):
        self.values, self.facts, self.texts = [], {}, []

    def metrics(self, values):
        self.values.append(values)

    def environment(self, facts):
        self.facts.update(facts)

    def lines(self, lines):
        self.texts += [line for entry in lines for line in entry["text"].split("\n")]


class Failing:
    """Does not want anything."""

    def __getattr__(self, name):
        raise RuntimeError(name)


def test_everything_is_captured_by_default(capsys, monkeypatch):
    monkeypatch.setattr(_capture, "FIRST", 0.01)
    sink = Kept()
    capture = Capture(sink, frozenset(PARTS), ["the-key-of-the-client"])
    capture.start()
    print("hello the-key-of-the-client")
    wait_until(lambda: sink.values)
    capture.stop()
    assert sink.texts == ["hello ***"]
    assert {"command", "python", "packages", "git"} <= {*sink.facts}
    assert len(sink.facts["git"]["commit"]) == 40
    assert "system/process_memory_bytes" in sink.values[0]


@pytest.mark.parametrize("part", PARTS)
def test_each_part_is_captured_alone(capsys, monkeypatch, part):
    monkeypatch.setattr(_capture, "FIRST", 0.01)
    sink = Kept()
    capture = Capture(sink, frozenset([part]))
    capture.start()
    print("hello")
    if part != "console":
        wait_until(lambda: sink.values or sink.facts)
    capture.stop()
    assert bool(sink.texts) == (part == "console")
    assert bool(sink.values) == (part == "system")
    assert ("git" in sink.facts) == (part == "git")
    assert ("python" in sink.facts) == (part == "environment")


def test_nothing_is_started_when_nothing_is_captured(capsys):
    before = threading.enumerate(), os.fstat(1), sys.stdout.write
    sink = Kept()
    capture = Capture(sink, chosen("none"))
    capture.start()
    print("hello")
    assert (threading.enumerate(), os.fstat(1), sys.stdout.write) == before
    capture.stop()
    assert (sink.texts, sink.values, sink.facts) == ([], [], {})


def test_a_sink_that_fails_is_no_trouble(capsys, monkeypatch):
    monkeypatch.setattr(_capture, "FIRST", 0.01)
    capture = Capture(Failing(), frozenset(PARTS))
    capture.start()
    print("hello")
    capture.stop()
    assert capsys.readouterr().out == "hello\n"
    ours = {"ai-manager-capture", "ai-manager-console"}
    wait_until(lambda: not ours & {thread.name for thread in threading.enumerate()})


def test_a_process_that_joins_a_run_does_not_say_how_it_was_started(monkeypatch):
    monkeypatch.setattr(_capture, "FIRST", 0.01)
    sink = Kept()
    capture = Capture(sink, frozenset(PARTS) - {"console"}, rank=3, is_shared=True)
    capture.start()
    wait_until(lambda: sink.values)
    capture.stop()
    assert sink.facts == {}
    assert "system/rank3_process_threads" in sink.values[0]


def test_a_forked_child_leaves_the_capture_of_its_parent_alone():
    body = """
        import os, sys
        sys.path.insert(0, "clients/python/tests")
        from test_capture import Kept
        from ai_manager._capture import Capture, PARTS
        sink = Kept()
        capture = Capture(sink, frozenset(PARTS))
        capture.start()
        child = os.fork()
        if not child:
            capture.stop()
            print("child", flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print("parent")
        capture.stop()
        assert sink.texts == ["child", "parent"], sink.texts
    """
    options = ["-W", "ignore::DeprecationWarning"]
    found = subprocess.run([sys.executable, *options, "-c", textwrap.dedent(body)], capture_output=True, text=True)
    assert (found.returncode, found.stdout, found.stderr) == (0, "child\nparent\n", "")


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("none", set()),
        ("", set()),
        ("git, console", {"git", "console"}),
        ("all", {"git", "environment", "system", "console"}),
        (["system"], {"system"}),
        (False, set()),
        (True, {"git", "environment", "system", "console"}),
    ],
)
def test_parts_are_chosen_by_argument_or_environment(monkeypatch, value, parts):
    monkeypatch.setenv("AI_MANAGER_CAPTURE", "environment")
    assert chosen(value) == parts
    assert chosen(None) == {"environment"}
    if isinstance(value, str):
        monkeypatch.setenv("AI_MANAGER_CAPTURE", value)
        assert chosen(None) == parts
    monkeypatch.delenv("AI_MANAGER_CAPTURE")
    assert len(chosen(None)) == 4


def test_a_part_that_does_not_exist_is_named():
    with pytest.raises(ConfigurationError, match="not gti"):
        chosen("gti,console")


def test_importing_it_imports_nothing_that_it_may_not_need():
    body = """
        import sys
        import ai_manager._capture
        print([name for name in sys.modules if "psutil" in name or "pynvml" in name or "_capture." in name])
    """
    found = subprocess.run([sys.executable, "-c", textwrap.dedent(body)], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
