"""Each run gets its true end, and copies of a run are the run."""

import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import traceback

import pytest
from fake_server import KEY

from ai_manager import AIManager, StopRequested, _ends, _run
from ai_manager._settings import resolve
from ai_manager._sync import sync
from ai_manager._transport import Transport

START = """
import os, signal, sys, time, threading
import ai_manager
from ai_manager import AIManager
manager = AIManager("p", {url!r}, api_key={key!r})
run = manager.run()
run.log({{"m": 1.0}})
"""


@pytest.fixture
def script(server):
    """Run a script; its exit code and its errors."""

    def run(body):
        code = START.format(url=server.url, key=KEY) + textwrap.dedent(body)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stderr

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ("", 0, "completed"),
        ("sys.exit()", 0, "completed"),
        ("sys.exit(0)", 0, "completed"),
        ("sys.exit(1)", 1, "failed"),
        ("sys.exit('out of memory')", 1, "failed"),
        ("def main():\n    local = [run]\n    sys.exit(3)\nmain()", 3, "failed"),
        ("try:\n    sys.exit(3)\nexcept SystemExit:\n    pass", 0, "completed"),
        ("raise SystemExit", 0, "completed"),
        ("raise SystemExit(0)", 0, "completed"),
        ("raise SystemExit(2)", 2, "failed"),
        ("raise SystemExit('out of memory')", 1, "failed"),
        ("class Stopped(SystemExit):\n    pass\ndef main():\n    raise Stopped(6)\nmain()", 6, "failed"),
        ("exit(3)", 3, "failed"),
        ("quit()", 0, "completed"),
        ("try:\n    raise SystemExit(3)\nexcept SystemExit as error:\n    assert error.code == 3", 0, "completed"),
        ("try:\n    sys.exit(3)\nexcept SystemExit as error:\n    error.code += 4\n    raise", 7, "failed"),
        ("import argparse\nargparse.ArgumentParser().parse_args(['--wrong'])", 2, "failed"),
        ("import atexit\n@atexit.register\ndef late():\n    try:\n        sys.exit(3)\n    except SystemExit:\n        pass", 0, "completed"),
        ("t = threading.Thread(target=sys.exit, args=(3,)); t.start(); t.join()", 0, "completed"),
        ("1 / 0", 1, "failed"),
        ("with run:\n    sys.exit(4)", 4, "failed"),
        ("with run:\n    sys.exit(0)", 0, "completed"),
        ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", -signal.SIGINT, "killed"),
        ("ai_manager.finish_on_signal(signal.SIGTERM)\nos.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", -signal.SIGTERM, "killed"),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\nai_manager.finish_on_signal()\nos.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", 5, "killed"),
    ],
)  # fmt: skip
def test_a_script_ends_its_run_as_it_ends(server, script, body, code, status):
    returned, errors = script(body)
    assert returned == code, errors
    assert server.state.runs[1]["status"] == status
    assert server.state.series(1, "m") == [(0, 1.0)]
    exit_ = server.state.runs[1]["exit"]
    if status == "failed":
        assert exit_["code"] == code
    if status == "killed":
        assert exit_["signal"] in ("SIGINT", "SIGTERM")
    assert ("ZeroDivisionError" in (exit_["error"] or "")) is ("1 / 0" in body)


@pytest.mark.slow
def test_a_process_that_ends_without_exit_hooks_is_killed_to_the_server(server, script):
    returned, errors = script("run.flush()\nos._exit(4)")
    assert (returned, server.state.runs[1]["status"]) == (4, "running"), errors
    assert sync(None, Transport(resolve(server.url, api_key=KEY))).is_complete
    assert server.state.runs[1]["status"] == "killed"


def test_what_is_known_of_an_exit_is_what_python_itself_says(server, manager):
    manager.run()
    for error, code in [(SystemExit(), None), (SystemExit(3), 3), (SystemExit("a", "b"), ("a", "b"))]:
        assert (error.code, copy.copy(error).code, pickle.loads(pickle.dumps(error)).code) == (code, code, code)
    error.code = 5
    assert error.code == 5
    with pytest.raises(SystemExit) as raised:
        sys.exit("a sentence")
    assert raised.value.code == "a sentence"


def test_a_run_that_nothing_refers_to_any_more_ends(server, manager, eventually):
    def sweep():
        for rate in (0.1, 0.2):
            run = manager.run(config={"rate": rate})
            run.log({"m": rate})

    sweep()
    gc.collect()
    eventually(lambda: [run["status"] for run in server.state.runs.values()] == ["completed"] * 2)
    assert (server.state.series(1, "m"), server.state.series(2, "m")) == ([(0, 0.1)], [(0, 0.2)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "code", "status"), [("", 0, "completed"), ("sys.exit(2)", 2, "failed"), ("1 / 0", 1, "failed")]
)
def test_every_run_that_a_script_left_open_gets_the_end_of_the_script(server, script, ending, code, status):
    returned, errors = script(
        f"runs = [manager.run() for _ in range(10)]\nfor one in runs:\n    one.log({{'m': 1.0}})\n{ending}"
    )
    assert returned == code, errors
    assert sync(
        None, Transport(resolve(server.url, api_key=KEY))
    ).is_complete  # What a busy machine did not send in time.
    assert [run["status"] for run in server.state.runs.values()] == [status] * 11
    assert all(server.state.series(number, "m") == [(0, 1.0)] for number in server.state.runs)


@pytest.mark.slow
def test_many_runs_of_one_process_leave_nothing_behind(server, manager, spools):
    def one():
        with manager.run() as run:
            run.log({"m": 1.0})

    one()
    before = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(40):
        one()
    assert threading.active_count() <= before[0]
    assert (
        len(os.listdir("/proc/self/fd")) <= before[1] + 4
    )  # The server's side of a connection is in this process too.
    assert list(spools.iterdir()) == []
    assert len(_run.runs) <= 1
    assert len(server.state.runs) == 41


def test_a_traceback_comes_with_a_failed_run(server, manager):
    def fail(run):
        with run:
            raise ValueError("a tensor of the wrong shape \ud800\0")

    with pytest.raises(ValueError, match="shape"):
        fail(manager.run())
    ended = server.state.runs[1]
    assert ended["status"] == "failed"
    assert "a tensor of the wrong shape" in ended["exit"]["error"]
    assert ended["exit"]["error"].startswith("Traceback")


def test_a_traceback_is_cut_where_the_server_would_not_take_it():
    try:
        raise ValueError("x" * 200_000)
    except ValueError as error:
        kept = _ends.exit_of(error)["error"]
        assert traceback.format_exc().endswith(kept)
    assert len(kept) == _ends.LONGEST_TRACE


def test_a_server_that_knows_no_exit_gets_the_status(server, manager):
    server.state.takes_changes = False
    with manager.run(config={"a": 1}, tags=["x"]) as run:
        run.update_config(b=2)
        run.tag("y")
        run.log({"m": 1.0})
    ended = server.state.runs[1]
    assert (ended["status"], ended["config"], ended["tags"]) == ("completed", {"a": 1, "b": 2}, ["x", "y"])


def test_stop_ends_the_block_where_it_is_asked_for(server, manager, eventually):
    server.state.heartbeat_after_ms = 50

    def train(run):
        with run:
            run.raise_if_stopped()
            server.state.stop_requested = True
            eventually(lambda: run.should_stop)
            run.raise_if_stopped()

    with pytest.raises(StopRequested):
        train(manager.run())
    assert server.state.runs[1]["status"] == "killed"


def test_flush_waits_until_everything_is_there(server, manager):
    run = manager.run()
    for step in range(5000):
        run.log({"m": step}, step=step)
    run.update_config(a=1)
    assert run.flush() is True
    assert len(server.state.series(1, "m")) == 5000
    assert server.state.runs[1]["config"] == {"a": 1}
    assert server.state.runs[1]["status"] == "running"
    server.stop()
    run.log({"m": 1.0})
    assert run.flush(timeout=0.2) is False
    server.start()
    assert run.finish(timeout=60) is True


def test_a_copy_of_a_run_is_the_run(server, manager):
    with manager.run() as run:
        assert copy.copy(run) is run
        assert copy.deepcopy({"callbacks": [run]})["callbacks"][0] is run
        assert pickle.loads(pickle.dumps(run)) is run
        copy.deepcopy(run).log({"m": 1.0})
    assert server.state.series(1, "m") == [(0, 1.0)]


def test_what_is_pickled_holds_no_credential(server, quick):
    secret = "a-very-secret-thing"
    manager = AIManager("p", server.url, username="user", password=secret)
    for thing in (manager, manager.run(), AIManager("p", server.url, api_key=KEY)):
        pickled = pickle.dumps(thing)
        assert secret.encode() not in pickled
        assert KEY.encode() not in pickled


def test_a_handle_in_another_process_logs_to_the_run_and_does_not_end_it(server, manager, tmp_path):
    path = tmp_path / "run"
    with manager.run(name="r") as run:
        run.log({"m": 0.0})
        path.write_bytes(pickle.dumps(run))
        code = f"import pickle; run = pickle.load(open({str(path)!r}, 'rb')); run.log({{'m': 1.0}}); run.finish()"
        environment = {**os.environ, "AI_MANAGER_API_KEY": KEY}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert server.state.runs[1]["status"] == "running"
    assert sorted(server.state.series(1, "m")) == [(0, 0.0), (1, 1.0)]
    assert server.state.runs[1]["status"] == "completed"


def test_a_handle_without_credentials_leaves_its_values_to_whoever_began_the_run(server, manager, tmp_path):
    path = tmp_path / "run"
    with manager.run(name="r") as run:
        path.write_bytes(pickle.dumps(run))
        code = f"import pickle, os; run = pickle.load(open({str(path)!r}, 'rb')); run.log({{'m': 1.0}}); os._exit(0)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
    assert server.state.series(1, "m") == [(0, 1.0)]
    assert list(server.state.runs) == [1]


@pytest.mark.parametrize(
    ("environment", "key"),
    [
        ({}, None),
        ({"SLURM_JOB_ID": "7"}, "slurm-7"),
        ({"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3"}, "slurm-7-3"),
        ({"TORCHELASTIC_RUN_ID": "none"}, None),
        ({"TORCHELASTIC_RUN_ID": "abc"}, "torchrun-abc"),
    ],
)
def test_a_job_that_is_started_again_goes_on_with_its_run(server, manager, monkeypatch, environment, key):
    for name in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with manager.run(resume="auto", capture="none"):
        pass
    assert server.state.runs[1].get("key") == key
