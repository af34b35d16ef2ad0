"""Scripts as processes of their own: they end in time, with their own exit code, and children double nothing."""

import json
import signal
import subprocess
import sys
import textwrap

import pytest
from fake_server import KEY, Mode

from ai_manager._settings import resolve
from ai_manager._sync import sync
from ai_manager._transport import Transport

pytestmark = pytest.mark.slow

# Newer Pythons warn of any fork beside a thread; that it is safe with ours is what is tested.
OPTIONS = ["-u", "-W", "ignore::DeprecationWarning"]

START = """
import os, sys, time
from ai_manager import AIManager
manager = AIManager("p", {url!r}, api_key={key!r})
"""


@pytest.fixture
def script(server):
    """Run a script, which must end `within` seconds after it printed `done`; its exit code and its errors."""

    def start(body):
        code = START.format(url=server.url, key=KEY) + textwrap.dedent(body)
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, *OPTIONS, "-c", code], stdout=pipe, stderr=pipe, text=True)

    def run(body, within=30):
        with start(body) as process:
            for line in process.stdout:
                if line.strip() == "done":
                    break
            _, errors = process.communicate(timeout=within)
            return process.returncode, errors

    run.start = start
    return run


def test_an_open_run_is_delivered_and_completed_when_the_script_ends(server, script):
    code, errors = script("""
        run = manager.run()
        for step in range(3000):
            run.log({"m": step}, step=step)
        print("done")
    """)
    assert (code, errors) == (0, "")
    assert server.state.series(1, "m") == [(step, step) for step in range(3000)]
    assert server.state.runs[1]["status"] == "completed"


def test_a_script_that_dies_of_an_exception_leaves_a_failed_run(server, script):
    code, errors = script("""
        run = manager.run()
        run.log({"m": 1.0})
        raise SystemError("as it happens")
    """)
    assert code == 1
    assert "as it happens" in errors
    assert server.state.runs[1]["status"] == "failed"
    assert server.state.series(1, "m") == [(0, 1.0)]


def test_the_exit_code_of_the_script_is_its_own(server, script):
    assert script("manager.run().log({'m': 1}); sys.exit(7)")[0] == 7
    server.state.mode = Mode("status", status=500)
    assert script("manager.run().log({'m': 1}); sys.exit(9)")[0] == 9


@pytest.mark.parametrize("ending", ["pass", "run.finish()"])
@pytest.mark.parametrize("trouble", ["gone", "hang", "status"])
def test_the_process_ends_in_time_though_the_server_does_not_answer(server, script, trouble, ending):
    if trouble == "gone":
        server.stop()
    else:
        server.state.mode = Mode(trouble, seconds=60, status=503)
    code, errors = script(
        f"""
        run = manager.run()
        for step in range(100):
            run.log({{"m": step}})
        print("done")
        {ending}
        """,
        within=20,
    )
    server.state.mode.over.set()
    server.state.mode = Mode()
    if trouble == "gone":
        server.start()
    assert code == 0
    assert errors.count("values not delivered yet: 100") == 1
    assert "`ai-manager sync`" in errors
    assert sync(None, Transport(resolve(server.url, api_key=KEY))).is_complete
    assert server.state.series(1, "m") == [(step, step) for step in range(100)]
    assert server.state.runs[1]["status"] == "completed"


@pytest.mark.parametrize("trouble", ["gone", "hang", "status"])
def test_a_process_that_is_terminated_ends_in_time_though_the_server_does_not_answer(
    server, script, eventually, trouble
):
    with script.start("""
        import ai_manager, signal
        ai_manager.finish_on_signal(signal.SIGTERM)
        run = manager.run()
        for step in range(100):
            run.log({"m": step})
        assert run.flush()
        for step in range(100, 200):
            run.log({"m": step})
        print("done")
        time.sleep(600)
    """) as process:
        eventually(lambda: len(server.state.points.get(1, [])) >= 100)
        if trouble == "gone":
            server.stop()
        else:
            server.state.mode = Mode(trouble, seconds=60, status=503)
        assert process.stdout.readline() == "done\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    server.state.mode.over.set()
    server.state.mode = Mode()
    if trouble == "gone":
        server.start()
    assert process.returncode == -signal.SIGTERM
    assert "Traceback" not in errors
    assert sync(None, Transport(resolve(server.url, api_key=KEY))).is_complete
    assert server.state.series(1, "m") == [(step, step) for step in range(200)]
    assert server.state.runs[1]["status"] == "killed"


def test_wrong_credentials_do_not_delay_the_end(server, script):
    server.state.mode = Mode("status", status=401)
    code, errors = script("""
        run = manager.run()
        run.log({"m": 1})
        while manager._sender.refused is None:
            time.sleep(0.01)
        from ai_manager._sending import sender
        sender.PATIENCE = 1e6
        print("done")
    """)
    assert code == 0
    assert errors.count("does not accept the API key") == 1


def test_ctrl_c_ends_the_process_and_the_run_is_killed(server, script, eventually):
    with script.start("""
        run = manager.run()
        run.log({"m": 1})
        time.sleep(60)
    """) as process:
        eventually(lambda: server.state.points.get(1))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == -signal.SIGINT
    assert server.state.runs[1]["status"] == "killed"


def test_ctrl_c_twice_ends_a_process_that_waits_for_a_server_which_says_nothing(server, script):
    server.state.mode = Mode("hang", seconds=600)
    with script.start("""
        import signal, threading
        from ai_manager._sending import sender
        sender.PATIENCE = 600.0  # The first signal does not end the wait, the second does.
        run = manager.run()

        def again():
            while not run._delivery.closed:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=again, daemon=True).start()
        with run:
            run.log({"m": 1})
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(600)
    """) as process:
        _, errors = process.communicate(timeout=120)
    server.state.mode.over.set()
    server.state.mode = Mode()
    assert process.returncode == -signal.SIGINT
    assert "not delivered yet: 1" in errors
    assert sync(None, Transport(resolve(server.url, api_key=KEY))).is_complete
    assert server.state.series(1, "m") == [(0, 1)]


def test_a_forked_child_doubles_nothing_and_sends_its_own(server, script):
    code, errors = script("""
        with manager.run() as run:
            for step in range(500):
                run.log({"parent": step})
            if os.fork() == 0:
                for step in range(500):
                    run.log({"child": step}, step=step)
                sys.exit()
            for step in range(500, 1000):
                run.log({"parent": step})
            os.wait()
        print("done")
    """)
    assert (code, errors) == (0, "")
    assert list(server.state.runs) == [1]
    assert [value for _, value in server.state.series(1, "parent")] == list(range(1000))
    assert server.state.series(1, "child") == [(step, step) for step in range(500)]
    changes = [json.loads(body) for _, method, _, body, _ in server.state.seen("/runs/1") if method == "PUT"]
    assert [change["status"] for change in changes] == ["completed"]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_children_of_multiprocessing_end_and_send_what_they_logged(server, tmp_path, method):
    body = START.format(url=server.url, key=KEY).replace("manager =", "manager = None\nmake = lambda:")
    program = tmp_path / "program.py"
    program.write_text(
        body
        + textwrap.dedent(f"""
        import multiprocessing

        def work(number):
            run = make().run(name=str(number))
            for step in range(100):
                run.log({{"m": number}}, step=step)

        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            children = [context.Process(target=work, args=(number,)) for number in range(3)]
            [child.start() for child in children]
            [child.join() for child in children]
            assert [child.exitcode for child in children] == [0, 0, 0]
        """)
    )
    process = subprocess.run([sys.executable, *OPTIONS, program], capture_output=True, text=True, timeout=120)
    assert (process.returncode, process.stderr) == (0, "")
    names = sorted(run["name"] for run in server.state.runs.values())
    assert names == ["0", "1", "2"]
    for number, run in server.state.runs.items():
        assert server.state.series(number, "m") == [(step, int(run["name"])) for step in range(100)]


def test_a_fork_while_the_sender_is_busy_never_hangs(server, script):
    code, errors = script("""
        with manager.run() as run:
            for fork in range(30):
                for step in range(300):
                    run.log({"parent": 1.0})
                if os.fork() == 0:
                    run.log({"child": fork})
                    run.finish()
                    os._exit(0)
            for fork in range(30):
                assert os.wait()[1] == 0
        print("done")
    """)
    assert (code, errors) == (0, "")
    assert len(server.state.series(1, "parent")) == 9000
    assert sorted(value for _, value in server.state.series(1, "child")) == list(range(30))
    assert list(server.state.runs) == [1]


def test_logging_leaves_the_random_numbers_of_the_training_alone(server, script):
    server.state.mode = Mode("status", status=500, times=2)
    code, errors = script("""
        import random
        random.seed(1)
        with manager.run() as run:
            run.log({"m": 1.0})
            time.sleep(0.3)
        drawn = random.random()
        random.seed(1)
        assert drawn == random.random()
    """)
    assert (code, errors) == (0, "") or "trying again" in errors
    assert code == 0


def test_the_command_says_who_i_am(server, monkeypatch):
    def command(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", "ai_manager", *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            env={"AI_MANAGER_URL": server.url, **environment},
        )

    assert command("check", AI_MANAGER_API_KEY=KEY).stdout == f"{server.url} answers; signed in as user\n"
    refused = command("check", AI_MANAGER_API_KEY="aimgr_wrong")
    assert refused.returncode == 1
    assert "does not accept the API key" in refused.stderr
    assert command("check").returncode == 1
    assert command("version").stdout.strip()[0].isdigit()
