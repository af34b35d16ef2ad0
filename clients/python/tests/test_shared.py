"""Many processes in one run: who asked for it, who ends it, and how they are told apart."""

import os
import subprocess
import sys
import textwrap
import time

import pytest
from fake_server import KEY

from ai_manager import AIManager, _identity
from ai_manager._identity import Place, identify
from ai_manager._notices import Notices

OPTIONS = ["-u", "-W", "ignore::DeprecationWarning"]
PLACE = Place("http://here", "p")
LAUNCHERS = (
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "TORCHELASTIC_RUN_ID",
)
SLURM = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_STEP_NUM_TASKS", "SLURM_RESTART_COUNT")


@pytest.fixture(autouse=True)
def no_job_of_mine(monkeypatch):
    for name in (*LAUNCHERS, *SLURM, _identity.SHARED, _identity.RUN_ID):
        monkeypatch.delenv(name, raising=False)
    _identity._begun.clear()
    yield
    _identity._exported.clear()
    os.environ.pop(_identity.SHARED, None)


@pytest.fixture
def child(server):
    """A script in a process of its own, with a manager of the same project."""

    def start(body, **environment):
        code = f"import os, sys\nfrom ai_manager import AIManager\nmanager = AIManager('a project', {server.url!r}, api_key={KEY!r})\n"
        command = [sys.executable, *OPTIONS, "-c", code + textwrap.dedent(body)]
        return subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True)

    def run(body, **environment):
        with start(body, **environment) as process:
            _, errors = process.communicate(timeout=60)
            assert (process.returncode, errors) == (0, "")

    run.start = start
    return run


def test_a_child_joins_the_shared_run_of_its_parent_and_does_not_end_it(server, manager, child):
    with manager.run(name="all", config={"lr": 0.1}, tags=["a"], shared=True) as run:
        run.log({"parent": 1.0})
        child("""
            with manager.run(name="mine", config={"other": 1}) as run:
                run.log({"child": 2.0})
        """)
        assert server.state.runs[1]["status"] == "running"
    stored = server.state.runs[1]
    assert list(server.state.runs) == [1]
    assert (stored["name"], stored["config"], stored["tags"]) == ("all", {"lr": 0.1}, ["a"])
    assert server.state.series(1, "parent") == [(0, 1.0)]
    assert server.state.series(1, "child") == [(0, 2.0)]
    assert stored["status"] == "completed"


@pytest.mark.parametrize(
    ("shared", "call"),
    [
        (None, "manager.run()"),
        (True, "manager.run(shared=False)"),
        (True, "manager.run(key='mine')"),
        (True, "AIManager('another', manager._transport.url, api_key=manager._transport.settings.api_key).run()"),
    ],
    ids=["nobody asked", "refused", "a run of its own", "another project"],
)
def test_a_child_that_was_not_asked_to_has_a_run_of_its_own(server, manager, child, shared, call):
    with manager.run(shared=shared) as run:
        run.log({"parent": 1.0})
        child(f"{call}.log({{'child': 1.0}})")
    assert len(server.state.runs) == 2
    assert server.state.series(1, "child") == []


def test_what_is_started_after_the_end_is_no_part_of_the_run(server, manager, child):
    with manager.run(shared=True) as run:
        run.log({"m": 1.0})
    assert _identity.SHARED not in os.environ
    child("manager.run().log({'m': 1.0})")
    assert len(server.state.runs) == 2


def test_a_second_run_of_the_same_process_is_another_one(server, manager):
    with manager.run(shared=True) as first, manager.run() as second, manager.run(shared=True) as third:
        for run in (first, second, third):
            run.log({"m": 1.0})
    assert len({first.id, second.id, third.id}) == 3


def test_a_child_without_credentials_leaves_its_values_to_the_owner(server, manager, child):
    with manager.run(shared=True) as run:
        run.log({"parent": 1.0})
        code = f"from ai_manager import AIManager; AIManager('a project', {server.url!r}).run().log({{'child': 1.0}})"
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert server.state.series(1, "child") == [(0, 1.0)]
    assert len(server.state.runs) == 1


def test_a_child_joins_while_the_server_is_away(server, manager, child):
    server.stop()
    with manager.run(shared=True) as run:
        run.log({"parent": 1.0})
        with child.start("manager.run().log({'child': 1.0})") as process:
            process.communicate(timeout=60)
        server.start()
    assert len(server.state.runs) == 1
    assert server.state.series(1, "child") == [(0, 1.0)]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_a_pool_that_begin_a_run_join_the_shared_one(server, tmp_path, method):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        from ai_manager import AIManager

        def work(number):
            manager = AIManager("p", {server.url!r}, api_key={KEY!r})
            run = manager.run()
            run.log({{"worker": number}}, step=number)
            run.flush()

        if __name__ == "__main__":
            with AIManager("p", {server.url!r}, api_key={KEY!r}).run(shared=True) as run:
                run.log({{"parent": 1.0}})
                with ProcessPoolExecutor(2, multiprocessing.get_context({method!r})) as pool:
                    list(pool.map(work, range(8)))
        """)
    )
    done = subprocess.run([sys.executable, *OPTIONS, program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(server.state.runs) == [1]
    assert sorted(server.state.series(1, "worker")) == [(number, float(number)) for number in range(8)]
    assert server.state.runs[1]["status"] == "completed"


# Ranks.


def torchrun(rank, world="4", local="4", **more):
    return {
        "RANK": str(rank),
        "WORLD_SIZE": world,
        "LOCAL_WORLD_SIZE": local,
        "MASTER_ADDR": "a",
        "MASTER_PORT": "1",
        **more,
    }


def slurm(rank, job="7", **more):
    return {"SLURM_JOB_ID": job, "SLURM_STEP_ID": "0", "SLURM_PROCID": str(rank), "SLURM_NTASKS": "4", **more}


@pytest.mark.parametrize("launched", [torchrun, slurm])
def test_the_ranks_of_a_job_share_one_run_whose_owner_is_the_first(monkeypatch, launched):
    found = []
    for rank in range(4):
        for name, value in launched(rank).items():
            monkeypatch.setenv(name, value)
        found.append(identify(PLACE, Notices(), shared=True))
    assert len({identity.key for identity in found}) == 1
    assert [identity.rank for identity in found] == [0, 1, 2, 3]
    assert [identity.is_joined for identity in found] == [False, True, True, True]


def test_a_second_shared_run_of_a_job_is_another_one_in_all_ranks(monkeypatch):
    keys = []
    for rank in range(2):
        for name, value in slurm(rank).items():
            monkeypatch.setenv(name, value)
        keys.append([identify(PLACE, Notices(), shared=True).key for _ in range(2)])
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (slurm(1), slurm(1, "8")),
        (slurm(1), slurm(1, SLURM_RESTART_COUNT="1")),
        (slurm(1), slurm(1, SLURM_STEP_ID="1")),
        (torchrun(1, TORCHELASTIC_RUN_ID="a"), torchrun(1, TORCHELASTIC_RUN_ID="b")),
        (torchrun(1, TORCHELASTIC_RUN_ID="a", local="2"), torchrun(1, TORCHELASTIC_RUN_ID="b", local="2")),
    ],
)
def test_another_job_has_another_run(monkeypatch, one, other):
    keys = set()
    for environment in (one, other):
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            keys.add(identify(PLACE, Notices(), shared=True).key)
    assert len(keys) == 2


def test_ranks_that_nobody_asked_to_share_have_runs_of_their_own(monkeypatch):
    for name, value in torchrun(1).items():
        monkeypatch.setenv(name, value)
    one, other = (identify(PLACE, Notices()) for _ in range(2))
    assert one.key != other.key
    assert (one.is_joined, one.rank) == (False, None)


def test_ranks_without_a_name_in_common_have_runs_of_their_own_and_that_is_said(monkeypatch, caplog):
    for name, value in torchrun(1, local="2").items():
        monkeypatch.setenv(name, value)
    assert identify(PLACE, Notices(), shared=True).is_joined is False
    assert "--rdzv-id" in caplog.text


def test_ranks_that_go_on_with_the_run_of_their_job_share_it(monkeypatch):
    for name, value in slurm(2).items():
        monkeypatch.setenv(name, value)
    identity = identify(PLACE, Notices(), resume="auto")
    assert (identity.is_joined, identity.asked["key"]) == (True, "slurm-7")
    alone = identify(PLACE, Notices(), resume="auto", shared=False)
    assert (alone.is_joined, alone.asked["key"]) == (False, "slurm-7-rank2")


def test_ranks_log_to_one_run_in_whatever_order_they_come(server, child):
    job = str(time.time_ns())
    body = """
        with manager.run(name="job", config={"lr": 0.1}, shared=True) as run:
            for step in range(50):
                run.log({"loss": run.rank}, step=step, rank=True)
                run.log({"shared": run.rank}, step=step)
    """
    for rank in (2, 0, 1):
        child(body, **slurm(rank, job))
    (stored,) = server.state.runs.values()
    assert (stored["name"], stored["config"], stored["status"]) == ("job", {"lr": 0.1}, "completed")
    for rank in range(3):
        assert server.state.series(1, f"loss/rank{rank}") == [(step, float(rank)) for step in range(50)]
    assert sorted(server.state.series(1, "shared")) == sorted(
        (step, float(rank)) for step in range(50) for rank in range(3)
    )


def test_metrics_of_a_rank_have_it_behind_their_name(server, manager, caplog):
    with manager.run(rank=3) as run:
        run.log({"loss": 1.0, "train": {"acc": 2.0}}, rank=True)
        run.log({"loss": 3.0}, rank=7)
        run.log({"loss": 4.0}, rank=False)
        run.log({"x" * 250: 5.0, "y": 6.0}, rank=1)
    names = [name for name, *_ in server.state.points[1]]
    assert names == ["loss/rank3", "train/acc/rank3", "loss/rank7", "loss", "y/rank1"]
    with manager.run() as alone:
        alone.log({"loss": 1.0}, rank=True)
    assert [name for name, *_ in server.state.points[2]] == ["loss"]


@pytest.mark.slow
def test_console_and_machine_carry_the_rank_and_nothing_is_heard_twice(server, tmp_path):
    code = textwrap.dedent(f"""
        import os, subprocess, sys, time
        from ai_manager import AIManager
        with AIManager("p", {server.url!r}, api_key={KEY!r}).run(shared=True, capture="console,system") as run:
            print("said by", os.environ["SLURM_PROCID"], flush=True)
            run.log({{"m": 1.0}})
            while run._delivery.spool.logged < 3:  # Until the machine was read.
                time.sleep(0.02)
            if run.rank == 0:
                child = "from ai_manager import AIManager; AIManager('p', {server.url!r}, api_key={KEY!r}).run(capture='console,system').log({{'c': 1.0}}); print('a child speaks')"
                subprocess.run([sys.executable, "-c", child], check=True)
    """)
    job = str(time.time_ns())
    for rank in range(2):
        subprocess.run(
            [sys.executable, *OPTIONS, "-c", code], check=True, timeout=120, env={**os.environ, **slurm(rank, job)}
        )
    assert list(server.state.runs) == [1]
    said = [(line.get("rank"), line["text"]) for line in server.state.lines if "s" in line["text"]]
    assert sorted(said) == [(0, "a child speaks"), (0, "said by 0"), (1, "said by 1")]
    machine = {name for name, *_ in server.state.points[1] if name.startswith("system/")}
    assert {"system/rank0_process_threads", "system/rank1_process_threads"} <= machine
    assert all(name.startswith(("system/rank0_", "system/rank1_")) for name in machine)
    assert server.state.series(1, "c") == [(0, 1.0)]


@pytest.mark.slow
def test_ranks_of_a_real_server_share_a_run_that_goes_on_when_the_job_is_requeued(real_server, quick, request):
    manager = AIManager(request.node.name[:100], real_server.url, username="reader", password="a long password")
    code = textwrap.dedent("""
        import sys
        from ai_manager import AIManager
        manager = AIManager(sys.argv[1], sys.argv[2], username="reader", password="a long password")
        with manager.run(name="job", resume="auto", capture="none") as run:
            start = int(sys.argv[3])
            for step in range(start, start + 100):
                run.log({"loss": run.rank}, step=step, rank=True)
    """)
    job = str(time.time_ns())
    for restart, start in (("0", 0), ("1", 100)):
        environments = [{**os.environ, **slurm(rank, job, SLURM_RESTART_COUNT=restart)} for rank in range(3)]
        command = [sys.executable, "-c", code, manager.project_name, real_server.url, str(start)]
        processes = [subprocess.Popen(command, env=environment) for environment in environments]
        assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    (run,) = manager.runs()
    assert (run.name, run.status) == ("job", "completed")
    for rank in range(3):
        points = [(int(step), value) for step, value in manager.get_run(run.id).history(f"loss/rank{rank}")]
        assert points == [(step, float(rank)) for step in range(200)]


@pytest.mark.slow
def test_sixteen_processes_of_one_run_lose_double_and_mix_up_nothing(real_server, quick, request):
    manager = AIManager(request.node.name[:100], real_server.url, username="reader", password="a long password")
    with manager.run(shared=True) as run:
        code = textwrap.dedent("""
            import sys
            from ai_manager import AIManager
            with AIManager(sys.argv[1], sys.argv[2], username="reader", password="a long password").run() as run:
                for step in range(200):
                    run.log({"same": float(sys.argv[3]), "mine/" + sys.argv[3]: step}, step=step)
        """)
        command = [sys.executable, "-c", code, manager.project_name, real_server.url]
        processes = [subprocess.Popen([*command, str(number)]) for number in range(16)]
        assert [process.wait(timeout=240) for process in processes] == [0] * 16
    (stored,) = manager.runs()
    assert stored.status == "completed"
    record = manager.get_run(run.id)
    for number in range(16):
        assert [(int(step), value) for step, value in record.history(f"mine/{number}")] == [
            (step, float(step)) for step in range(200)
        ]
    same = sorted((int(step), value) for step, value in record.history("same"))
    assert same == sorted((step, float(number)) for step in range(200) for number in range(16))
