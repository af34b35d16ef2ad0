"""What is captured arrives with the run, once, and is in nobody's way."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from fake_server import KEY, Mode
from tests.waiting import wait_until

from ai_manager import AIManager, ConfigurationError, _capture
from ai_manager._capture import console

START = """
import os, signal, subprocess, sys, threading, time
sys.path.insert(0, os.getcwd())
from ai_manager import AIManager, _capture
from tests.waiting import wait_until
_capture.FIRST = 0.05
manager = AIManager("p", {url!r}, api_key={key!r})
"""
OPTIONS = ["-W", "ignore::DeprecationWarning"]


@pytest.fixture
def captured(monkeypatch):
    """Everything is captured, and the machine is read early."""
    monkeypatch.delenv("AI_MANAGER_CAPTURE")
    monkeypatch.setattr(_capture, "FIRST", 0.01)


@pytest.fixture
def script(server, captured):
    """Run a script to its end: its exit code, output and errors."""

    def run(body):
        code = START.format(url=server.url, key=KEY) + textwrap.dedent(body)
        return subprocess.run(
            [sys.executable, *OPTIONS, "-c", code], capture_output=True, text=True, timeout=60, env=dict(os.environ)
        )

    return run


def test_the_console_the_environment_and_the_machine_of_a_run_arrive(server, script):
    found = script("""
        with manager.run() as run:
            print("hello")
            subprocess.run(["echo", "child"], check=True)
            run.log({"m": 1.0}, step=41)
            wait_until(lambda: run._spool.logged > 1)
            run.log({"m": 2.0})
        print("over")
    """)
    assert (found.returncode, found.stdout, found.stderr) == (0, "hello\nchild\nover\n", "")
    assert server.state.printed == ["hello", "child"]
    environment = server.state.runs[1]["environment"]
    assert environment["python"] == ".".join(map(str, sys.version_info[:3]))
    assert len(environment["git"]["commit"]) == 40
    assert server.state.series(1, "m") == [(41, 1.0), (42, 2.0)]
    memory = server.state.series(1, "system/process_memory_bytes")
    assert memory
    assert {step for step, _ in memory} <= {0, 41, 42}


def test_the_key_of_the_client_is_shown_to_nobody_else(server, script):
    found = script(f"with manager.run() as run: print('my key is {KEY}')")
    assert found.stdout == f"my key is {KEY}\n"
    assert server.state.printed == ["my key is ***"]
    assert KEY not in str(server.state.runs)


def test_a_script_without_an_end_of_its_run_has_all_its_output(server, script):
    found = script("""
        run = manager.run()
        print("line")
        sys.stdout.write("without an end")
        sys.exit(3)
    """)
    assert found.returncode == 3
    assert server.state.printed == ["line", "without an end"]
    assert server.state.runs[1]["status"] == "failed"


def test_what_a_killed_script_printed_is_shown_and_what_was_kept_arrives_with_the_next_run(server, script):
    found = script("""
        run = manager.run(capture="console")
        print("the last words", flush=True)
        wait_until(lambda: run._spool.waits or run._spool.cut_at[1] > 100)
        wait_until(lambda: any(b"last words" in path.read_bytes() for path in run._spool.folder.path.glob("*.spool")))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert found.returncode == -signal.SIGKILL
    assert found.stdout == "the last words\n"
    assert AIManager("p", server.url, api_key=KEY).run(capture="none").finish()
    wait_until(lambda: server.state.printed == ["the last words"])


def test_the_reason_of_a_crash_arrives_with_the_next_run_and_no_secret_does(server, script):
    found = script(f"""
        import faulthandler
        faulthandler.enable()
        run = manager.run(capture="console")
        print("before {KEY}", flush=True)
        faulthandler._sigsegv()
    """)
    assert found.returncode == -signal.SIGSEGV
    assert found.stdout == f"before {KEY}\n"
    assert "Segmentation fault" in found.stderr
    assert AIManager("p", server.url, api_key=KEY).run(capture="none").finish()
    wait_until(lambda: "Fatal Python error: Segmentation fault" in server.state.printed)
    assert server.state.printed.count("before ***") == 1
    assert KEY not in str(server.state.lines)
    wait_until(lambda: server.state.runs[1]["status"] == "killed")


@pytest.mark.parametrize("trouble", ["lost answer", "reset", "status"])
def test_lines_are_stored_once_and_in_order_though_requests_fail(server, quick, captured, capsys, trouble):
    server.state.mode = Mode(trouble, times=3, path="/logs")
    manager = AIManager("p", server.url, api_key=KEY)
    with manager.run(capture="console"):
        for number in range(300):
            print("line", number)
    assert server.state.printed == [f"line {number}" for number in range(300)]


def test_a_server_that_lost_count_gets_the_rest_under_another_name(server, quick, captured, capsys):
    with AIManager("p", server.url, api_key=KEY).run(capture="console"):
        print("one")
        wait_until(lambda: server.state.printed == ["one"])
        server.state.writers.clear()
        print("two")
        wait_until(lambda: server.state.printed == ["one", "two"])
        print("three")
    assert server.state.printed == ["one", "two", "three"]


def test_an_older_server_gets_the_points_and_no_lines(server, quick, captured, capsys, caplog):
    server.state.takes_changes = False
    with AIManager("p", server.url, api_key=KEY).run(capture="console") as run:
        print("one")
        run.log({"m": 1.0})
    assert server.state.printed == []
    assert server.state.series(1, "m") == [(0, 1.0)]
    assert caplog.text == ""


def test_output_that_a_proxy_does_not_take_is_not_in_the_way_of_the_points(server, quick, captured, capsys):
    server.state.longest_body = 300
    with AIManager("p", server.url, api_key=KEY).run(capture="console") as run:
        print(os.urandom(5_000).hex())
        run.log({"m": 1.0})
    assert server.state.series(1, "m") == [(0, 1.0)]
    assert server.state.printed == []


def test_output_that_is_too_much_for_a_proxy_is_halved_until_it_is_taken(server, quick, captured, capsys, caplog):
    server.state.longest_body = 1_500
    with AIManager("p", server.url, api_key=KEY).run(capture="console") as run:
        for number in range(40):
            print(number, os.urandom(200).hex())
        run.log({"m": 1.0})
    assert [line.split()[0] for line in server.state.printed] == [str(number) for number in range(40)]
    assert server.state.series(1, "m") == [(0, 1.0)]
    assert caplog.text == ""


def test_of_output_that_is_too_much_only_the_line_that_nobody_takes_is_left_out(server, quick, captured, capsys):
    server.state.longest_body = 1_500
    with AIManager("p", server.url, api_key=KEY).run(capture="console"):
        for number in range(10):
            print(number, os.urandom(100).hex())
            if number == 4:
                print(os.urandom(5_000).hex())
    assert [line.split()[0] for line in server.state.printed] == [str(number) for number in range(10)]


def test_halves_are_stored_once_and_in_order_though_requests_fail(server, quick, captured, capsys):
    server.state.longest_body = 1_500
    server.state.mode = Mode("reset after some lines", times=2, path="/logs")
    with AIManager("p", server.url, api_key=KEY).run(capture="console"):
        for number in range(40):
            print(number, os.urandom(200).hex())
    assert server.state.mode.times == 0
    assert [line.split()[0] for line in server.state.printed] == [str(number) for number in range(40)]


def test_halves_of_a_process_that_was_killed_are_stored_once_though_the_proxy_now_takes_more(server, captured):
    server.state.longest_body = 1_500
    server.state.mode = Mode("reset after some lines", path="/logs")
    code = START.format(url=server.url, key=KEY) + textwrap.dedent("""
        run = manager.run(capture="console")
        print("\\n".join(f"{number} {os.urandom(200).hex()}" for number in range(40)), flush=True)
        threading.Event().wait()
    """)
    with subprocess.Popen(
        [sys.executable, *OPTIONS, "-c", code], stdout=subprocess.DEVNULL, env=dict(os.environ)
    ) as script:
        try:
            wait_until(lambda: server.state.mode.times < 10**9)
        finally:
            script.kill()
    assert 0 < len(server.state.printed) < 40
    server.state.longest_body, server.state.mode = None, Mode()
    assert AIManager("p", server.url, api_key=KEY).run(capture="none").finish()
    wait_until(lambda: len(server.state.printed) >= 40 and server.state.runs[1]["status"] == "killed")
    assert [line.split()[0] for line in server.state.printed] == [str(number) for number in range(40)]


def test_output_without_measure_leaves_half_of_the_spool_to_the_metrics(server, quick, captured, capsys, monkeypatch):
    monkeypatch.setenv("AI_MANAGER_SPOOL_LIMIT", "1M")
    server.stop()
    run = AIManager("p", server.url, api_key=KEY).run(capture="console")
    for _ in range(40):
        print("x" * 100_000)
    run._capture.stop()
    for step in range(1_000):
        run.log({"m": 1.0}, step=step)
    assert run.dropped == 0
    server.start()
    assert run.finish() is True
    assert len(server.state.series(1, "m")) == 1_000
    assert any("is half full" in line for line in server.state.printed)


def test_a_run_that_is_forgotten_gives_the_streams_back(server, quick, captured, capsys):
    run = AIManager("p", server.url, api_key=KEY).run(capture="console")
    write = sys.stdout.write
    assert console._console is not None
    del run
    wait_until(lambda: console._console is None)
    assert sys.stdout.write != write


def test_nothing_is_captured_when_it_is_turned_off(server, quick, captured, capsys, monkeypatch, caplog):
    monkeypatch.setenv("AI_MANAGER_CAPTURE", "none")
    manager = AIManager("p", server.url, api_key=KEY)
    with manager.run() as run:
        print("hello")
        run.log({"m": 1.0})
    assert server.state.printed == []
    assert not server.state.runs[1].get("environment")
    assert {name for name, *_ in server.state.points[1]} == {"m"}
    monkeypatch.setenv("AI_MANAGER_CAPTURE", "gti")
    with manager.run():
        print("hello")
    assert server.state.printed == ["hello"]
    assert "not gti" in caplog.text
    with pytest.raises(ConfigurationError):
        manager.run(capture="gti")


def test_a_disabled_run_captures_nothing(captured, capsys):
    write = sys.stdout.write
    with AIManager("p", mode="disabled").run() as run:
        assert sys.stdout.write == write
        assert run._capture is None


def test_a_child_process_that_logs_to_the_run_captures_nothing_twice(server, script):
    script("""
        run = manager.run()
        child = os.fork()
        if not child:
            run.log({"m": 1.0}, step=1)
            print("child", flush=True)
            sys.exit(0)
        os.waitpid(child, 0)
        run.log({"m": 2.0}, step=2)
        print("parent")
        run.finish()
    """)
    assert server.state.printed == ["child", "parent"]
    assert sorted(server.state.series(1, "m")) == [(1, 1.0), (2, 2.0)]


@pytest.mark.slow
def test_a_script_whose_server_is_gone_ends_as_soon_with_the_capture(server, script):
    server.stop()
    found = script("""
        run = manager.run()
        print("hello")
        before = time.monotonic()
        run.finish()
        print(time.monotonic() - before < 8)
    """)
    assert (found.returncode, found.stdout) == (0, "hello\nTrue\n")
