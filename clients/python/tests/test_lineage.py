"""Runs that go on, are forked and are rewound: in order with what is logged, and once."""

import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from fake_server import KEY, Mode

from ai_manager import AIManager, ConfigurationError
from ai_manager._settings import resolve
from ai_manager._sync import sync
from ai_manager._transport import Transport

ACCOUNT = {"username": "reader", "password": "a long password"}


def steps(rows):
    return [step for step, _ in rows]


@pytest.fixture
def script(server):
    """Run a script that has a manager; killed when it prints `done`, if it does."""

    def run(body, **environment):
        code = f"import os, time\nfrom ai_manager import AIManager\nmanager = AIManager('a project', {server.url!r}, api_key={KEY!r})\n"
        command = [sys.executable, "-u", "-c", code + textwrap.dedent(body)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}) as process:
            for line in process.stdout:
                if line.strip() == "done":
                    process.send_signal(signal.SIGKILL)
            return process.wait(timeout=60)

    return run


# Rewinding.


@pytest.mark.parametrize(
    "trouble",
    [
        Mode(),
        Mode("lost answer", "/rewind", times=2),
        Mode("lost answer", "/bulk", times=2),
        Mode("status", "/rewind", times=2, status=503),
        Mode("reset", times=3),
    ],
    ids=["none", "lost rewind", "lost batch", "refused rewind", "cut"],
)
def test_a_rewind_comes_between_what_was_logged_before_and_after_it_and_once(server, manager, trouble):
    server.state.mode = trouble
    with manager.run() as run:
        for turn in range(3):
            for step in range(10):
                run.log({"m": float(turn)}, step=step)
            run.rewind(4)
            run.log({"m": 9.0 + turn})
            run.rewind(3)
    assert server.state.series(1, "m") == [(step, float(turn)) for turn in range(3) for step in range(4)]
    assert len({entry[4]["Idempotency-Key"] for entry in server.state.seen("/rewind")}) == 6


def test_steps_count_on_from_where_a_run_was_rewound(server, manager):
    with manager.run() as run:
        for _ in range(10):
            run.log({"m": 1.0})
        run.rewind(4)
        run.log({"m": 2.0})
    assert server.state.series(1, "m") == [*((step, 1.0) for step in range(5)), (5, 2.0)]


def test_a_rewind_while_the_server_is_away_happens_when_it_is_back(server, manager):
    server.stop()
    with manager.run() as run:
        for step in range(10):
            run.log({"m": 1.0}, step=step)
        run.rewind("4")
        run.log({"m": 2.0})
        server.start()
    assert server.state.series(1, "m")[4:] == [(4, 1.0), (5, 2.0)]


@pytest.mark.parametrize("step", [None, "x", 1.5, float("nan"), 2**64, [1]])
def test_a_step_that_is_none_rewinds_nothing_and_raises_nothing(server, manager, caplog, step):
    with manager.run() as run:
        run.log({"m": 1.0}, step=7)
        run.rewind(step)
        run.log({"m": 2.0})
    assert steps(server.state.series(1, "m")) == [7, 8]
    assert "rewind() takes a whole step" in caplog.text


def test_a_rewind_of_a_killed_process_is_sent_by_the_next_one(server, script, manager, eventually):
    server.stop()
    assert (
        script("""
        run = manager.run()
        for step in range(10):
            run.log({"m": 1.0}, step=step)
        run.rewind(4)
        run.log({"m": 2.0})
        print("done")
        time.sleep(60)
    """)
        == -signal.SIGKILL
    )
    server.start()
    manager.run().finish()
    eventually(lambda: steps(server.state.series(1, "m") or server.state.series(2, "m")) == [*range(6)])


def test_only_the_process_that_began_a_run_rewinds_it(server, manager, tmp_path):
    path = tmp_path / "run"
    with manager.run() as run:
        run.log({"m": 0.0}, step=5)
        path.write_bytes(pickle.dumps(run))
        code = f"import pickle; run = pickle.load(open({str(path)!r}, 'rb')); run.rewind(2); run.log({{'m': 1.0}}); run.finish()"
        environment = {**os.environ, "AI_MANAGER_API_KEY": KEY}
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)
    assert sorted(server.state.series(1, "m")) == [(3, 1.0), (5, 0.0)]
    assert server.state.seen("/rewind") == []


# Forking.


@pytest.mark.parametrize(
    "trouble", [Mode(), Mode("lost answer", "/fork", times=2), Mode("status", status=500, times=4)]
)
def test_a_fork_has_what_was_logged_before_it_and_is_made_once(server, manager, trouble):
    server.state.mode = trouble
    with manager.run(config={"lr": 0.1, "seed": 1}) as run:
        for step in range(10):
            run.log({"m": 1.0}, step=step)
        with manager.fork_run(run, step=4, name="branch", config={"lr": 0.2}) as fork:
            fork.log({"m": 2.0})
        run.log({"m": 1.0})
    assert fork.config == {"lr": 0.2, "seed": 1}
    assert server.state.series(2, "m") == [*((step, 1.0) for step in range(5)), (5, 2.0)]
    assert steps(server.state.series(1, "m")) == [*range(11)]
    assert list(server.state.runs) == [1, 2]
    assert (server.state.runs[2]["name"], server.state.runs[2]["status"]) == ("branch", "completed")


def test_a_run_is_forked_while_the_server_is_away(server, manager):
    server.stop()
    run = manager.run()
    for step in range(10):
        run.log({"m": 1.0}, step=step)
    fork = manager.fork_run(run, 4)
    fork.log({"m": 2.0})
    server.start()
    assert fork.finish()
    assert run.finish()
    assert fork.id != run.id
    assert steps(server.state.series(fork.id, "m")) == [*range(6)]


def test_a_fork_of_a_fork_waits_for_both(server, manager):
    with manager.run() as run:
        run.log({"m": 1.0}, step=0)
        first = manager.fork_run(run, 0)
        first.log({"m": 2.0})
        second = manager.fork_run(first, 1)
        second.log({"m": 3.0})
        assert second.finish()
        assert first.finish()
    assert server.state.series(second.id, "m") == [(0, 1.0), (1, 2.0), (2, 3.0)]


def test_a_run_is_forked_by_its_number_and_one_that_is_not_there_becomes_a_new_run(server, manager, caplog):
    with manager.run() as run:
        run.log({"m": 1.0}, step=0)
    with manager.fork_run(run.id, 0) as fork:
        pass
    assert server.state.series(fork.id, "m") == [(0, 1.0)]
    with manager.fork_run(99, 5, name="alone") as alone:
        alone.log({"m": 2.0})
    assert server.state.series(alone.id, "m") == [(6, 2.0)]
    assert "refused the wish to fork a run" in caplog.text


@pytest.mark.parametrize(("run", "step"), [("x", 1), (None, 1), (True, 1), (1, None), (1, 0.5), (1, "x"), (-1, 0)])
def test_a_fork_that_makes_no_sense_raises_at_once(manager, run, step):
    with pytest.raises(ConfigurationError):
        manager.fork_run(run, step)


def test_offline_forks_and_rewinds_happen_when_they_are_synced(server, quick):
    manager = AIManager("a project", server.url, mode="offline")
    with manager.run(config={"lr": 0.1}) as run:
        for step in range(10):
            run.log({"m": 1.0}, step=step)
        with manager.fork_run(run, 6) as fork:
            fork.log({"m": 2.0})
        run.rewind(4)
        run.log({"m": 3.0})
    assert sync(None, Transport(resolve(server.url, api_key=KEY))).is_complete
    assert server.state.series(1, "m") == [*((step, 1.0) for step in range(5)), (5, 3.0)]
    assert server.state.series(2, "m") == [*((step, 1.0) for step in range(7)), (7, 2.0)]


# Going on.


def test_a_run_goes_on_by_its_number(server, manager, monkeypatch):
    with manager.run(name="first", config={"lr": 0.1}, tags=["a"]) as run:
        for _ in range(5):
            run.log({"m": 1.0})
    with manager.run(id=str(run.id), name="second", config={"seed": 1}, tags=["b"]) as again:
        assert again.id == run.id
        assert again.config == {"lr": 0.1, "seed": 1}
        again.log({"m": 2.0})
    monkeypatch.setenv("AI_MANAGER_RUN_ID", str(run.id))
    with manager.run() as third:
        third.log({"m": 3.0})
    stored = server.state.runs[1]
    assert steps(server.state.series(1, "m")) == [*range(7)]
    assert (stored["name"], stored["config"], stored["tags"]) == ("first", {"lr": 0.1, "seed": 1}, ["a", "b"])
    assert list(server.state.runs) == [1]


def test_a_run_that_cannot_go_on_is_a_new_one_and_that_is_said(server, manager, monkeypatch, caplog):
    with manager.run(id=99, name="new") as run:
        run.log({"m": 1.0})
    assert server.state.runs[1]["name"] == "new"
    assert "refused the wish to go on with a run" in caplog.text
    monkeypatch.setenv("AI_MANAGER_RUN_ID", "seven")
    with manager.run() as other:
        other.log({"m": 1.0})
    assert other.id != run.id
    assert "AI_MANAGER_RUN_ID" in caplog.text


@pytest.mark.parametrize(
    "arguments", [{"id": "x"}, {"id": 0}, {"id": True}, {"id": 7, "key": "k"}, {"id": 7, "resume": "auto"}]
)
def test_a_number_that_is_none_raises_at_once(manager, arguments):
    with pytest.raises(ConfigurationError):
        manager.run(**arguments)


def test_what_a_killed_process_left_is_sent_before_its_run_goes_on(server, script, manager):
    """Else the steps that the next one logs would come before those of the first."""
    server.stop()
    assert (
        script("""
        run = manager.run(key="night", resume="allow")
        for step in range(100):
            run.log({"m": 1.0}, step=step)
        print("done")
        time.sleep(60)
    """)
        == -signal.SIGKILL
    )
    server.start()
    with manager.run(key="night", resume="allow") as run:
        run.rewind(49)
        run.log({"m": 2.0})
    (number,) = {entry["id"] for entry in server.state.runs.values() if server.state.points[entry["id"]]}
    assert server.state.series(number, "m") == [*((step, 1.0) for step in range(50)), (50, 2.0)]


@pytest.mark.parametrize("facts", ["{}", "[]", "{", '{"run": 5, "key": "k", "mode": "online", "created": "x"}'])
def test_a_spool_that_makes_no_sense_is_not_waited_for(server, manager, spools, facts):
    if facts.startswith("{") and facts.endswith("}"):
        facts = json.dumps({"format": 1, "server": server.url, "mode": "online", **json.loads(facts)})
    folder = spools / "20200101-000000-nonsense"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(facts)
    (folder / "000001.spool").write_bytes(b"x" * 100)
    with manager.run(key="night", resume="allow") as run:
        run.log({"m": 1.0})
        run.rewind(0)
    assert server.state.series(run.id, "m") == [(0, 1.0)]
    assert len(server.state.seen("/rewind")) == 1


def test_a_run_that_is_disabled_has_a_disabled_fork_and_elsewhere_a_new_run(server, manager, caplog):
    disabled = AIManager("a project", server.url, mode="disabled")
    with disabled.run() as run, disabled.fork_run(run, 3) as fork, manager.fork_run(run, 3) as new:
        fork.log({"m": 1.0})
        fork.rewind(1)
        new.log({"m": 1.0})
    assert server.state.series(1, "m") == [(4, 1.0)]
    assert list(server.state.runs) == [1]
    assert "cannot be forked" in caplog.text


def test_a_forked_process_forks_the_run_of_its_parent(server, script):
    code = script("""
        with manager.run() as run:
            run.log({"m": 1.0}, step=0)
            assert run.flush()
            process = os.fork()
            if process == 0:
                with manager.fork_run(run, 0) as branch:
                    branch.log({"m": 2.0})
                os._exit(0)
            assert os.waitpid(process, 0)[1] == 0
    """)
    assert code == 0
    assert server.state.series(1, "m") == [(0, 1.0)]
    assert server.state.series(2, "m") == [(0, 1.0), (1, 2.0)]


# The real server.


@pytest.fixture
def real(real_server, quick, request):
    return AIManager(request.node.name[:100], real_server.url, **ACCOUNT)


def rows(manager, run_id, name="m"):
    return [(int(step), value) for step, value in manager.get_run(run_id).history(name)]


@pytest.mark.slow
def test_a_real_server_rewinds_forks_and_goes_on(real):
    with real.run(name="base", config={"lr": 0.1}) as run:
        for step in range(10):
            run.log({"m": 1.0}, step=step)
        run.rewind(5)
        run.log({"m": 2.0})
        with real.fork_run(run, 3, name="branch", config={"lr": 0.2}) as fork:
            fork.log({"m": 3.0})
    assert rows(real, run.id) == [*((step, 1.0) for step in range(6)), (6, 2.0)]
    assert rows(real, fork.id) == [*((step, 1.0) for step in range(4)), (4, 3.0)]
    assert fork.config == {"lr": 0.2}
    (before,) = real.runs(filter="archived")
    assert before.name == "base (before the rewind to 5)"
    assert [step for step, _ in rows(real, before.id)] == [*range(10)]
    with real.run(id=run.id) as again:
        again.log({"m": 4.0})
    assert rows(real, run.id)[-2:] == [(6, 2.0), (7, 4.0)]
    assert real.get_run(run.id).status == "completed"


@pytest.mark.slow
def test_a_requeued_job_of_slurm_goes_on_where_its_checkpoint_was(real, real_server):
    """Its first process is killed, with a tail after the checkpoint that the server does not have yet."""
    code = textwrap.dedent("""
        import os, sys, time
        from ai_manager import AIManager
        manager = AIManager(sys.argv[1], sys.argv[2], username="reader", password="a long password")
        run = manager.run(name="job", resume="auto", capture="none")
        start = int(sys.argv[3])
        if start:
            run.rewind(start - 1)
        for step in range(start, start + 100):
            run.log({"m": float(start)}, step=step)
            if step == 40:
                assert run.flush()
        if not start:
            print("done", flush=True)
            time.sleep(600)
        assert run.finish()
    """)
    place = [sys.executable, "-c", code, real.project_name, real_server.url]
    job = {**os.environ, "SLURM_JOB_ID": str(time.time_ns())}
    with subprocess.Popen([*place, "0"], stdout=subprocess.PIPE, text=True, env=job) as first:
        assert first.stdout.readline() == "done\n"
        first.kill()
    requeued = {**job, "SLURM_RESTART_COUNT": "1"}
    subprocess.run([*place, "60"], check=True, timeout=120, env=requeued)
    (run,) = real.runs()
    assert rows(real, run.id) == [(step, 0.0) for step in range(60)] + [(step, 60.0) for step in range(60, 160)]
    assert (run.name, run.status) == ("job", "completed")
    (before,) = real.runs(filter="archived")
    assert [step for step, _ in rows(real, before.id)] == [*range(100)]
