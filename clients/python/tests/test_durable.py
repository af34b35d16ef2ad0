"""What was logged outlives the process that logged it, however that ends, and arrives once."""

import os
import random
import signal
import subprocess
import sys
import textwrap

import pytest
from fake_server import KEY, Mode

from ai_manager import AIManager
from ai_manager._settings import resolve
from ai_manager._spool.folder import Folder, folders
from ai_manager._sync import sync
from ai_manager._transport import Transport

pytestmark = pytest.mark.slow

OPTIONS = ["-u", "-W", "ignore::DeprecationWarning"]
TIMES = 20  # How often a training is killed; 200 with --thorough.


@pytest.fixture
def transport(server):
    return Transport(resolve(server.url, api_key=KEY))


@pytest.fixture
def script(server, tmp_path):
    """Run a program in a file of its own, so that it may have child processes of every kind; what it printed."""

    def start(body, **environment):
        program = tmp_path / "program.py"
        program.write_text("import os, sys, time\nfrom ai_manager import AIManager\n" + textwrap.dedent(body))
        known = {"AI_MANAGER_URL": server.url, "AI_MANAGER_API_KEY": KEY}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, *OPTIONS, program],
            stdout=pipe,
            stderr=pipe,
            text=True,
            env={**os.environ, **known, **environment},
        )

    def run(body, **environment):
        with start(body, **environment) as process:
            output, errors = process.communicate(timeout=120)
        return process.returncode, output, errors

    run.start = start
    return run


@pytest.mark.timeout(900)
def test_a_training_that_is_killed_at_random_loses_and_doubles_nothing(server, transport, script, request):
    dice = random.Random(5)
    times = 200 if request.config.getoption("--thorough", default=False) else TIMES
    body = """
        run = AIManager("p").run()
        for step in range(10**9):
            run.log({"m": step / 7, "n": -step}, step=step)
            print(step)
        """
    for round_ in range(times):
        if round_ % 4 == 3:
            server.stop()
        with script.start(body) as process:
            last, stop_at = -1, dice.randint(1, 1500)
            for line in process.stdout:
                last = int(line)
                if last >= stop_at:
                    break
            process.kill()
            rest = [int(line) for line in process.stdout if line.endswith("\n")]
            last = max([last, *rest])
        if round_ % 4 == 3:
            server.start()
        assert sync(None, transport).is_complete
        newest = max(server.state.runs)
        logged = server.state.series(newest, "m")
        # The step that was being logged may be there or not.
        assert logged == [(step, step / 7) for step in range(len(logged))]
        assert last + 1 <= len(logged) <= last + 2
        assert len(server.state.series(newest, "n")) == len(logged)
        assert server.state.runs[newest]["status"] == "killed"
    assert len(server.state.runs) == times
    assert list(folders()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGHUP, signal.SIGXCPU])
def test_the_next_run_on_the_machine_sends_what_a_killed_one_left(server, script, quick, eventually, number):
    server.stop()
    code, _, _ = script(f"""
        run = AIManager("p").run(name="killed")
        for step in range(500):
            run.log({{"m": step}}, step=step)
        run.update_config(best=0.5)
        os.kill(os.getpid(), {int(number)})
        time.sleep(60)
    """)
    assert code == -number
    server.start()
    manager = AIManager("p", server.url, api_key=KEY)
    with manager.run(name="next") as run:
        run.log({"m": -1.0})
        eventually(lambda: len(server.state.runs) == 2)
        eventually(lambda: list(folders()) == [] or [f.facts["run"]["name"] for f in folders()] == ["next"])
    killed = next(run for run in server.state.runs.values() if run["name"] == "killed")
    assert server.state.series(killed["id"], "m") == [(step, step) for step in range(500)]
    assert (killed["status"], killed["config"]) == ("killed", {"best": 0.5})
    assert "without saying how" in killed["exit"]["error"]
    assert server.state.series(run.id, "m") == [(0, -1.0)]


def test_a_run_of_another_server_and_one_that_was_offline_are_left_for_the_command(server, quick):
    elsewhere = AIManager("p", "http://127.0.0.1:1", api_key=KEY).run(name="elsewhere")
    elsewhere.log({"m": 1.0})
    assert elsewhere.finish(timeout=0.05) is False
    elsewhere._delivery.leave()
    with AIManager("p", server.url, api_key=KEY, mode="offline").run(name="offline") as run:
        run.log({"m": 1.0})
    with AIManager("p", server.url, api_key=KEY).run(name="mine"):
        pass
    assert [run["name"] for run in server.state.runs.values()] == ["mine"]
    assert sorted(folder.facts["run"]["name"] for folder in folders()) == ["elsewhere", "offline"]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.parametrize("credentials", ["environment", "argument"])
def test_workers_of_a_pool_that_are_killed_lose_nothing(server, script, method, credentials):
    argument = f", api_key={KEY!r}" if credentials == "argument" else ""
    environment = {} if credentials == "environment" else {"AI_MANAGER_API_KEY": ""}
    code, _, errors = script(
        f"""
        import multiprocessing

        def work(arguments):
            run, number = arguments
            for step in range(100):
                run.log({{f"worker/{{number}}": step}}, step=step)

        if __name__ == "__main__":
            with AIManager("p"{argument}).run() as run:
                with multiprocessing.get_context({method!r}).Pool(2) as pool:
                    pool.map(work, [(run, number) for number in range(10)])
                run.log({{"parent": 1.0}})
        """,
        **environment,
    )
    assert (code, errors) == (0, "")
    assert list(server.state.runs) == [1]
    for number in range(10):
        assert server.state.series(1, f"worker/{number}") == [(step, step) for step in range(100)]
    assert server.state.series(1, "parent") == [(0, 1.0)]
    assert server.state.runs[1]["status"] == "completed"
    assert list(folders()) == []


WORKERS = {
    "os._exit": """
        if os.fork() == 0:
            log(run, 0)
            os._exit(3)
        os.wait()
    """,
    "executor": """
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(2) as pool:
            list(pool.map(log, [run] * 4, range(4)))
    """,
    "loky": """
        from joblib.externals.loky import get_reusable_executor
        pool = get_reusable_executor(max_workers=2)
        list(pool.map(log, [run] * 4, range(4)))
        pool.shutdown(kill_workers=True)
    """,
    "joblib": """
        from joblib import Parallel, delayed
        Parallel(n_jobs=2)(delayed(log)(run, number) for number in range(4))
    """,
    "threads": """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(log, [run] * 4, range(4)))
    """,
}


@pytest.mark.parametrize("workers", WORKERS)
def test_workers_of_every_kind_may_log(server, script, workers):
    code, _, errors = script(
        """
        def log(run, number):
            for step in range(100):
                run.log({f"worker/{number}": step}, step=step)

        if __name__ == "__main__":
            with AIManager("p").run() as run:
                pass
        """.replace("pass\n", "pass\n" + textwrap.indent(textwrap.dedent(WORKERS[workers]), " " * 16))
    )
    assert (code, errors) == (0, "")
    assert list(server.state.runs) == [1]
    numbers = {name for name, *_ in server.state.points[1]}
    assert numbers == {f"worker/{number}" for number in range(1 if workers == "os._exit" else 4)}
    for name in numbers:
        assert server.state.series(1, name) == [(step, step) for step in range(100)]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_handler_for_the_signal_that_ends_pool_workers_does_not_end_the_run(server, script, method):
    """A pool ends its workers with the signal that takes back a node; a forked one has its parent's handler."""
    code, _, errors = script(f"""
        import multiprocessing
        import ai_manager

        def work(arguments):
            run, number = arguments
            run.log({{"worker": number}}, step=number)

        if __name__ == "__main__":
            ai_manager.finish_on_signal()
            with AIManager("p").run() as run:
                with multiprocessing.get_context({method!r}).Pool(2) as pool:
                    pool.map(work, [(run, number) for number in range(20)])
                run.log({{"parent": 1.0}})
    """)
    assert (code, errors) == (0, "")
    assert sorted(server.state.series(1, "worker")) == [(number, number) for number in range(20)]
    assert server.state.series(1, "parent") == [(0, 1.0)]
    assert server.state.runs[1]["status"] == "completed"


def test_a_first_run_needs_no_server_and_no_account(server, transport, script, spools):
    code, _, errors = script(
        """
        with AIManager("first steps").run(name="r", config={"lr": 0.1}) as run:
            for step in range(100):
                run.log({"m": step}, step=step)
            assert (run.id, run.url) == (None, None)
        assert run.dropped == 0
        """,
        AI_MANAGER_API_KEY="",
        AI_MANAGER_URL="",
    )
    assert code == 0
    assert errors == f"AI Manager: offline: runs are kept in {spools}; `ai-manager sync` brings them to a server\n"
    assert server.state.requests == []
    command = [sys.executable, "-m", "ai_manager", "sync"]
    environment = {**os.environ, "AI_MANAGER_URL": server.url, "AI_MANAGER_API_KEY": KEY}
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment)
    assert (done.returncode, done.stdout) == (0, f"sent: r, 100 values {server.url}/app/runs/1\n")
    again = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment)
    assert (again.returncode, again.stdout) == (0, f"nothing to send in {spools}\n")
    assert server.state.series(1, "m") == [(step, step) for step in range(100)]
    assert server.state.runs[1] | {"status": "completed", "config": {"lr": 0.1}} == server.state.runs[1]


def test_disabled_nothing_is_kept_and_nothing_sent(server, script, spools):
    code, _, errors = script(
        """
        import copy, pickle, threading
        with AIManager("p").run(config={"a": 1}) as run:
            run.log({"m": 1.0})
            run.update_config(b=2)
            assert run.flush()
            assert copy.deepcopy(run) is run
            assert pickle.loads(pickle.dumps(run)) is run
        assert run.finish() and run.id is None and run.url is None and not run.should_stop
        assert threading.active_count() == 1
        """,
        AI_MANAGER_MODE="disabled",
    )
    assert (code, errors) == (0, "")
    assert server.state.requests == []
    assert not spools.exists()


def test_syncing_twice_or_half_way_gives_the_same_run(server, transport, script):
    server.stop()
    script("""
        run = AIManager("p").run()
        for step in range(50_000):
            run.log({"m": step}, step=step)
            if step % 10_000 == 0:
                run.update_config({f"at {step}": step})
        os._exit(0)
    """)
    server.start()
    (folder,) = folders()
    cursor = folder.path / "cursor"
    sent = []
    server.state.mode = Mode("lost answer", "/bulk", times=1)
    with pytest.raises(KeyboardInterrupt):
        sync(None, transport, progress=lambda progress: sent.append(progress) or _stop_after(sent, 4))
    cursor.unlink()  # As after a power cut.
    assert sync(None, transport).is_complete
    assert server.state.series(1, "m") == [(step, step) for step in range(50_000)]
    assert len(server.state.runs[1]["config"]) == 5


def _stop_after(sent, count):
    if len(sent) == count:
        raise KeyboardInterrupt


def test_a_run_that_is_being_written_is_sent_by_its_own_process_alone(server, transport, manager):
    run = manager.run()
    run.log({"m": 1.0})
    synced = sync(None, transport)
    assert [spool.state for spool in synced.spools] == ["busy"]
    run.finish()


def test_an_offline_run_is_followed_while_it_is_written(server, transport, script):
    with script.start(
        """
        with AIManager("p").run() as run:
            for step in range(30):
                run.log({"m": step}, step=step)
                print(step)
                time.sleep(0.1)
        """,
        AI_MANAGER_MODE="offline",
    ) as process:
        next(process.stdout)
        assert sync(None, transport, follow=True).is_complete
        process.communicate(timeout=120)
    assert server.state.series(1, "m") == [(step, step) for step in range(30)]
    assert server.state.runs[1]["status"] == "completed"


@pytest.mark.parametrize("trouble", ["file", "read-only", "removed"])
def test_without_a_place_for_a_spool_values_wait_in_memory(server, manager, monkeypatch, tmp_path, caplog, trouble):
    place = tmp_path / "place"
    monkeypatch.setenv("AI_MANAGER_SPOOL_DIR", str(place))
    if trouble == "file":
        place.write_text("")
    elif trouble == "read-only":
        monkeypatch.setattr(Folder, "create", _refuse)
    with manager.run() as run:
        if trouble == "removed":
            subprocess.run(["rm", "-r", place], check=True)
        for step in range(100):
            run.log({"m": step}, step=step)
    assert server.state.series(1, "m") == [(step, step) for step in range(100)]
    assert run.dropped == 0


def _refuse(*_, **__):
    raise PermissionError(13, "Permission denied")


def test_a_spool_holds_no_credential(server, quick, spools):
    server.stop()
    secret = "a-very-secret-password"
    run = AIManager("p", server.url, username="user", password=secret).run()
    AIManager("p", server.url, api_key=KEY).run().log({"m": 1.0})
    run.log({"m": 1.0})
    run.flush(timeout=0.01)
    for path in spools.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert secret.encode() not in content
            assert KEY.encode() not in content


def test_a_spool_that_somebody_else_may_have_planted_gets_no_credential(server, transport, quick, script):
    script('AIManager("p", "http://127.0.0.1:1").run().log({"m": 1})', AI_MANAGER_MODE="offline")
    (folder,) = folders()
    folder.facts["mode"] = "online"
    folder.facts["server"] = "http://evil.example"
    folder.save()
    synced = sync(None, transport)
    assert [(spool.state, spool.words) for spool in synced.spools] == [
        ("other server", "it is for http://evil.example")
    ]
    assert not synced.is_complete


def test_a_spool_of_which_a_part_is_damaged_gives_the_rest(server, transport, script):
    script(
        """
        run = AIManager("p").run()
        for step in range(1000):
            run.log({"m": step}, step=step)
        os._exit(0)
        """,
        AI_MANAGER_MODE="offline",
    )
    (folder,) = folders()
    path = next(folder.path.glob("*.spool"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert sync(None, transport).is_complete
    kept = server.state.series(1, "m")
    assert 997 <= len(kept) <= 999
    assert kept == sorted(kept)


def test_a_spool_that_makes_no_sense_harms_no_other_run(server, quick, script, spools):
    script('AIManager("p").run().log({"m": 1})', AI_MANAGER_MODE="offline")
    (folder,) = folders()
    folder.facts.update(mode="online", server=server.url)
    del folder.facts["run"]
    folder.save()
    with AIManager("p", server.url, api_key=KEY).run() as run:
        run.log({"m": 2.0})
    assert server.state.series(run.id, "m") == [(0, 2.0)]
    assert run.dropped == 0
