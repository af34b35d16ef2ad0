"""The console of real processes: everything is heard, and nothing about it changes."""

import fcntl
import io
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import threading

import pytest

from ai_manager._capture import console
from ai_manager._capture.descriptors import RESTARTS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere only `write` is heard")

LISTEN = """
import faulthandler, json, os, signal, subprocess, sys, threading, time
from ai_manager._capture import console
lines = []
take = lines.extend
def stop():
    console.unlisten(take)
    with open(os.environ["HEARD"], "w") as file:
        json.dump(lines, file)
if os.environ["LISTENS"]:
    console.listen(take, ["hunter2hunter2"])
"""
OPTIONS = ["-W", "ignore::DeprecationWarning"]


class Script:
    """A script as a process of its own, and what was heard of it."""

    def __init__(self, heard, body, listens=True, OUT="", **streams):  # noqa: N803
        self._heard = heard
        environment = {**os.environ, "HEARD": str(heard), "OUT": OUT, "LISTENS": "yes" if listens else ""}
        code = LISTEN + textwrap.dedent(body)
        self.process = subprocess.Popen([sys.executable, *OPTIONS, "-c", code], env=environment, **streams)

    @property
    def lines(self):
        """What was heard: pairs of a stream and a line."""
        found = json.loads(self._heard.read_text())
        return [(entry["stream"], line) for entry in found for line in entry["text"].split("\n")]


@pytest.fixture
def script(tmp_path):
    """Run a script to its end with pipes for its streams; what it printed is in `out` and `errors`."""

    def run(body, **more):
        found = Script(tmp_path / "heard", body, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more})
        found.out, found.errors = found.process.communicate(timeout=120)
        return found

    return run


@pytest.fixture
def terminal(tmp_path):
    """Run a script in a terminal of 37 rows and 91 columns; what the terminal got is in `out`."""

    def run(body, **more):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 37, 91, 0, 0))
        found = Script(tmp_path / "heard", body, stdin=theirs, stdout=theirs, stderr=theirs, **more)
        os.close(theirs)
        found.out = b""
        while part := _read(ours):
            found.out += part
        os.close(ours)
        assert found.process.wait(60) == 0
        return found

    return run


def _read(descriptor):
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # What a terminal says in place of an end.
        return b""


EVERYTHING = """
print("from print")
print("to stderr", file=sys.stderr, flush=True)
sys.stdout.flush()
os.write(1, b"from a descriptor\\n")
subprocess.run(["echo", "from a child"], check=True)
import ctypes
ctypes.CDLL(None).puts(b"from a library")
child = os.fork()
if not child:
    print("from a forked child", flush=True)
    os._exit(0)
os.waitpid(child, 0)
stop()
print("afterwards")
"""


def test_python_libraries_and_children_are_heard_and_shown_as_ever(script):
    found = script(EVERYTHING)
    words = ["from print", "from a descriptor", "from a child", "from a forked child", "from a library"]
    assert sorted(line for stream, line in found.lines if stream == "stdout") == sorted(words)
    assert ("stderr", "to stderr") in found.lines
    assert sorted(found.out.decode().split("\n")) == sorted([*words, "afterwards", ""])
    assert found.errors == b"to stderr\n"


def test_a_terminal_stays_a_terminal_of_its_size_and_gets_the_same_bytes(terminal):
    body = """
        print(sys.stdout.isatty(), sys.stderr.isatty(), os.get_terminal_size())
        print("\\x1b[31mred\\x1b[0m", "a\\tb")
        for done in range(100):
            print(f"\\r{done}%", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        if os.environ["LISTENS"]:
            stop()
    """
    found = terminal(body)
    assert ("stdout", "True True os.terminal_size(columns=91, lines=37)") in found.lines
    assert ("stdout", "\x1b[31mred\x1b[0m a\tb") in found.lines
    assert [line for stream, line in found.lines if stream == "stderr"][-1] == "99%"
    assert len(found.lines) < 10
    assert found.out == terminal(body, listens=False).out


def test_a_bar_of_tqdm_in_a_terminal_is_a_line(terminal):
    pytest.importorskip("tqdm")
    found = terminal("""
        import tqdm
        for _ in tqdm.tqdm(range(10_000), mininterval=0):
            pass
        stop()
    """)
    assert "10000/10000" in found.lines[-1][1]
    assert len(found.lines) < 10


def test_at_the_end_everything_is_as_it_was(script):
    found = script("""
        stop()
        now = [os.fstat(1), os.fstat(2), sys.stdout.write, os.environ.get(console.MARK)]
        console.listen(take, [])
        assert os.fstat(1) != now[0]
        print("heard")
        stop()
        again = [os.fstat(1), os.fstat(2), sys.stdout.write, os.environ.get(console.MARK)]
        assert [str(one) for one in again] == [str(one) for one in now], (again, now)
        assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
    """)
    assert found.errors == b""
    assert found.lines == [("stdout", "heard")]


@pytest.mark.parametrize(
    ("ending", "code"),
    [("os._exit(3)", 3), ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL), ("sys.exit(4)", 4)],
)
def test_what_was_printed_before_a_sudden_end_is_shown(script, ending, code):
    found = script(f"""
        for number in range(10_000):
            print("line", number)
        print("the last words", flush=True)
        {ending}
    """)
    assert found.process.returncode == code
    assert found.out.endswith(b"line 9999\nthe last words\n")


def test_the_traceback_of_a_crash_is_shown(script):
    found = script("""
        faulthandler.enable()
        faulthandler._sigsegv()
    """)
    assert found.process.returncode == -signal.SIGSEGV
    assert b"Fatal Python error: Segmentation fault" in found.errors


def test_a_library_that_prints_much_while_it_holds_the_interpreter_is_no_deadlock(script):
    found = script("""
        import ctypes
        ctypes.PyDLL(None).puts(b"x" * (4 << 20))
        stop()
    """)
    assert found.out == b"x" * (4 << 20) + b"\n"
    assert "".join(line for _, line in found.lines) == "x" * (4 << 20)


@pytest.mark.parametrize("closed", ["1", "2", "1 2", "0 1 2"])
def test_a_stream_that_is_closed_stays_closed(script, closed):
    found = script(f"""
        stop()
        for number in "{closed}".split():
            os.close(int(number))
        console.listen(take, [])
        for number in "{closed}".split():
            try:
                os.fstat(int(number))
            except OSError:
                pass
            else:
                os._exit(9)
        os.write(2 if "1" in "{closed}" else 1, b"still heard\\n") if len("{closed}") == 1 else None
        stop()
        os._exit(0)
    """)
    assert found.process.returncode == 0
    if len(closed) == 1:
        assert (found.errors if closed == "1" else found.out) == b"still heard\n"


def test_a_script_whose_reader_goes_away_ends_as_ever(tmp_path):
    body = """
        while True:
            print("more", flush=True)
    """
    found = Script(tmp_path / "heard", body, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert found.process.stdout.readline() == b"more\n"
    found.process.stdout.close()
    assert b"BrokenPipeError" in found.process.communicate(timeout=120)[1]
    assert found.process.returncode != 0


def test_nothing_is_lost_and_all_in_order_when_the_pump_is_killed(tmp_path):
    out = tmp_path / "out"
    body = """
        print("before", flush=True)
        import psutil
        from tests.waiting import wait_until
        def pumps():
            found = []
            for one in psutil.process_iter():
                try:
                    if one.cmdline()[3].endswith("pump.py") and one.environ()["HEARD"] == os.environ["HEARD"]:
                        found.append((one, one.ppid()))
                except (psutil.Error, IndexError, KeyError):
                    pass
            return found
        def settled():
            found = pumps()
            return found[0][0] if len(found) == 1 and found[0][1] != os.getpid() else None
        wait_until(lambda: open(os.environ["OUT"]).read() == "before\\n")
        for kill in range(KILLS):
            wait_until(lambda: settled() is not None)
            settled().kill()
            for number in range(5_000):
                print("line", kill, number)
            sys.stdout.flush()
            wait_until(lambda: open(os.environ["OUT"]).read().endswith(f"line {kill} 4999\\n"))
        stop()
        print("after")
    """
    with open(out, "wb") as file:
        found = Script(tmp_path / "heard", body.replace("KILLS", str(RESTARTS)), stdout=file, OUT=str(out))
        assert found.process.wait(120) == 0
    expected = ["before", *(f"line {kill} {number}" for kill in range(RESTARTS) for number in range(5_000))]
    assert out.read_text().split("\n") == [*expected, "after", ""]
    assert [line for stream, line in found.lines if stream == "stdout"][-5_000:] == expected[-5_000:]


def test_a_script_may_wait_for_all_its_children(script):
    found = script("""
        print("x", flush=True)
        import time
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
        stop()
    """)
    assert found.process.returncode == 0
    assert found.lines == [("stdout", "x")]


def test_a_child_that_lives_on_is_still_shown(script):
    found = script("""
        subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read(); print('from beyond')"], stdin=subprocess.PIPE)
        stop()
    """)
    assert found.out == b"from beyond\n"


def test_a_program_that_takes_the_place_of_the_script_is_shown(script):
    assert script("""os.execvp("echo", ["echo", "another"])""").out == b"another\n"


def test_a_process_that_shares_the_run_of_its_parent_is_heard_once(script):
    found = script("""
        child = "from ai_manager._capture import console; console.listen(print, [], is_shared=True); print('child')"
        subprocess.run([sys.executable, "-c", child], check=True)
        stop()
    """)
    assert found.lines == [("stdout", "child")]
    assert found.out == b"child\n"


def test_secrets_are_hidden_in_what_is_heard_and_not_in_what_is_shown(script):
    found = script("""
        print("the key is hunter2hunter2, and")
        sys.stdout.write("in pieces: hunter2"); sys.stdout.flush()
        sys.stdout.write("hunter2\\n")
        stop()
    """)
    assert [line for _, line in found.lines] == ["the key is ***, and", "in pieces: ***"]
    assert b"in pieces: hunter2hunter2\n" in found.out


def test_threads_that_print_at_once_lose_nothing(script):
    found = script("""
        def work(name):
            for number in range(2_000):
                os.write(1 + number % 2, b"%d %d\\n" % (name, number))
        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        stop()
    """)
    expected = sorted(f"{name} {number}" for name in range(8) for number in range(2_000))
    assert sorted(line for _, line in found.lines) == expected
    assert sorted((found.out + found.errors).decode().split()) == sorted(" ".join(expected).split())


@pytest.mark.slow
def test_a_hundred_megabytes_are_shown_at_once_and_heard_in_little_memory(tmp_path):
    out = tmp_path / "out"
    body = """
        import resource
        block = b"".join(b"step %07d loss 0.12345 accuracy 0.98765 lr 0.00100\\n" % number for number in range(20_000))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        size = [0]
        def count(lines):
            size[0] += sum(len(entry["text"]) + 1 for entry in lines)
        console.listen(count, [])
        for _ in range(100):
            os.write(1, block)
        from tests.waiting import wait_until
        wait_until(lambda: size[0] >= 100 * len(block), 100)
        console.unlisten(count)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
        sys.exit(0 if size[0] == 100 * len(block) else 1)
    """
    with out.open("wb") as file:
        found = Script(tmp_path / "heard", body, listens=False, stdout=file, stderr=subprocess.PIPE, cwd=os.getcwd())
        assert found.process.communicate(timeout=110)[1] == b""
    assert found.process.returncode == 0
    assert out.stat().st_size == 100 * 20_000 * 54


# In this process, whose streams pytest has taken: here `write` is heard.


def listen(lines, secrets=()):
    take = lines.extend
    console.listen(take, list(secrets))
    return take


def texts(lines):
    return [line for entry in lines for line in entry["text"].split("\n")]


def test_the_capture_of_pytest_and_ours_hear_the_same(capsys):
    lines = []
    take = listen(lines)
    print("one")
    print("two", file=sys.stderr)
    console.unlisten(take)
    print("three")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("one\nthree\n", "two\n")
    assert sorted(texts(lines)) == ["one", "two"]


def test_the_stream_of_a_notebook_is_heard_and_put_back(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)

    class Notebook(io.StringIO):
        def fileno(self):
            raise io.UnsupportedOperation

    stream = Notebook()
    monkeypatch.setattr(sys, "stdout", stream)
    lines = []
    take = listen(lines, ["hunter2hunter2"])
    print("a cell with hunter2hunter2")
    console.unlisten(take)
    assert "write" not in vars(stream)
    assert stream.getvalue() == "a cell with hunter2hunter2\n"
    assert texts(lines) == ["a cell with ***"]


def test_somebody_who_wraps_the_stream_after_us_is_not_disturbed(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stream)
    lines, theirs = [], []
    take = listen(lines)
    ours = stream.write
    stream.write = lambda text: (theirs.append(text), ours(text))[1]
    print("one")
    console.unlisten(take)
    print("two")
    assert "".join(theirs) == "one\ntwo\n"
    assert texts(lines) == ["one"]


def test_two_runs_at_a_time_hear_the_same_until_each_ends(script):
    found = script("""
        second = []
        print("one")
        console.listen(second.extend, [])
        print("two")
        stop()
        print("three")
        console.unlisten(second.extend)
        print([line for entry in second for line in entry["text"].split("\\n")])
    """)
    assert [line for _, line in found.lines] == ["one", "two"]
    assert found.out.decode().splitlines()[-1].endswith("'two', 'three']")


def test_a_taker_that_fails_disturbs_neither_the_script_nor_others(capsys):
    def fail(lines):
        raise RuntimeError("no")

    lines = []
    console.listen(fail, [])
    take = listen(lines)
    print("one")
    console.unlisten(take)
    console.unlisten(fail)
    assert texts(lines) == ["one"]
    assert capsys.readouterr().out == "one\n"
    assert not [thread for thread in threading.enumerate() if thread.name == "ai-manager-console"]
