"""The command `ai-manager`, against the real server."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys

import pytest
from tests.waiting import wait_until

from ai_manager import AIManager, __version__
from ai_manager._cli import main

pytestmark = pytest.mark.slow


@pytest.fixture
def manager(real_server, request):
    return AIManager(request.node.name[:100], real_server.url, username="reader", password="a long password")


@pytest.fixture
def key(manager):
    assert manager.project_id
    return manager._transport.call("POST", "/auth/keys", {"name": "test"})["api_key"]


@pytest.fixture
def command(real_server, manager, key, monkeypatch, capsys):
    """Run `ai-manager` with credentials of the environment: its exit status, output and complaints."""
    monkeypatch.setenv("AI_MANAGER_URL", real_server.url)
    monkeypatch.setenv("AI_MANAGER_API_KEY", key)
    monkeypatch.setenv("AI_MANAGER_PROJECT", manager.project_name)
    return outcome_of(capsys)


def outcome_of(capsys):
    def run(*words):
        capsys.readouterr()
        status = main([str(word) for word in words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def logged(manager, name, losses, **about):
    with manager.run(name=name, **about) as run:
        for step, loss in enumerate(losses):
            run.log({"loss": loss}, step=step)
    return run


def test_a_login_is_kept_for_the_command_and_for_scripts_and_only_the_user_reads_it(
    real_server, manager, key, tmp_path, monkeypatch, capsys
):
    command = outcome_of(capsys)
    monkeypatch.setattr("sys.stdin", io.StringIO(key + "\n"))
    status, out, _ = command("login", "--url", real_server.url)
    assert (status, "as reader" in out, key in out) == (0, True, False)
    (kept,) = (tmp_path / "configuration").glob("ai-manager/*")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert command("check")[:2] == (0, f"{real_server.url} answers; signed in as reader\n")
    script = AIManager(manager.project_name)
    assert (script.mode, script.check()["username"]) == ("online", "reader")
    assert AIManager("elsewhere", "http://127.0.0.1:9").mode == "offline"  # The key is for its own server only.
    assert json.loads(command("logout", "--json")[1]) == {"url": real_server.url}
    assert command("logout", "--url", real_server.url)[0] == 1
    assert AIManager(manager.project_name).mode == "offline"


def test_a_login_by_password_keeps_a_key_and_not_the_password(real_server, tmp_path, monkeypatch, capsys):
    command = outcome_of(capsys)
    monkeypatch.setattr("sys.stdin", io.StringIO("a long password\n"))
    assert command("login", "--url", real_server.url, "--username", "reader")[0] == 0
    (kept,) = (tmp_path / "configuration").glob("ai-manager/*")
    assert "a long password" not in kept.read_text()
    assert "aimgr_" in kept.read_text()
    assert command("check")[0] == 0


def test_a_login_that_the_server_does_not_accept_is_not_kept(real_server, tmp_path, monkeypatch, capsys):
    command = outcome_of(capsys)
    monkeypatch.setattr("sys.stdin", io.StringIO("aimgr_wrong\n"))
    status, _, complaint = command("login", "--url", real_server.url)
    assert (status, complaint.count("\n")) == (1, 1)
    assert "does not accept the API key" in complaint
    assert not (tmp_path / "configuration").exists()


def test_projects_are_listed(command, manager):
    status, out, _ = command("projects")
    assert (status, manager.project_name in out) == (0, True)
    names = [project["name"] for project in json.loads(command("projects", "--json")[1])]
    assert manager.project_name in names


def test_runs_are_a_table_json_or_csv(command, manager):
    logged(manager, "good", [1.0, 0.25], config={"lr": 0.1}, tags=["baseline"])
    logged(manager, "bad", [7.0], config={"lr": 0.2})
    status, out, _ = command("runs", "--sort", "metrics.loss", "--column", "config.lr", "--column", "metrics.loss.max")
    head, good, bad = [line.split() for line in out.splitlines()]
    assert (status, head[-2:], good[-3:], bad[1]) == (0, ["config.lr", "loss.max"], ["baseline", "0.1", "1"], "bad")
    (only,) = json.loads(command("runs", "--filter", "loss < 1", "--json")[1])
    assert (only["name"], only["config"], only["metrics"][0]["min_value"]) == ("good", {"lr": 0.1}, 0.25)
    rows = list(csv.DictReader(io.StringIO(command("runs", "--sort", "name", "--csv")[1])))
    assert [(row["name"], row["config.lr"], row["metrics.loss"]) for row in rows] == [
        ("bad", "0.2", "7.0"),
        ("good", "0.1", "0.25"),
    ]


def test_a_table_says_that_there_are_more(command, manager):
    for number in range(3):
        logged(manager, f"run {number}", [1.0])
    _, out, err = command("runs", "--limit", 2)
    assert (len(out.splitlines()), "more than these 2" in err) == (3, True)
    _, out, err = command("runs", "--limit", 0)
    assert (len(out.splitlines()), err) == (4, "")


def test_a_run_is_shown_with_settings_and_metrics(command, manager):
    run = logged(manager, "night", [1.0, 3.0], config={"model": {"depth": 3}}, tags=["a", "b"])
    status, out, _ = command("show", run.id)
    assert status == 0
    for words in ("night", run.url, "completed", "a, b", "config.model.depth", "loss"):
        assert words in out
    shown = json.loads(command("show", run.id, "--json")[1])
    assert (shown["id"], shown["metrics"][0]["mean_value"]) == (run.id, 2.0)


def test_failures_are_1_and_misuse_is_2_each_with_one_sentence(command):
    for words, expected in [
        (("show", 2**40), 1),
        (("runs", "--filter", "loss <"), 1),
        (("runs", "--project", "no such project"), 1),
        (("check", "--url", "http://127.0.0.1:9"), 1),
        (("show",), 2),
        (("show", "abc"), 2),
        (("runs", "--json", "--csv"), 2),
        (("no-such-command",), 2),
    ]:
        status, out, complaint = command(*words)
        assert (status, out, complaint.count("\n"), complaint[:12]) == (expected, "", 1, "ai-manager: ")


def test_what_a_terminal_would_obey_is_not_printed(command, manager):
    run = logged(manager, "odd", [1.0], config={"note": "\x1b[2Jgone [red]kept[/red]"})
    out = command("show", run.id)[1]
    assert "\x1b" not in out
    assert "[red]kept[/red]" in out


def test_the_version_is_text_or_json(command):
    assert command("version") == (0, __version__ + "\n", "")
    assert json.loads(command("version", "--json")[1]) == {"version": __version__}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_given_what_completes_the_command(command, shell):
    status, out, _ = command("completion", shell)
    assert (status, "_AI_MANAGER_COMPLETE" in out) == (0, True)


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("bash", {"COMP_WORDS": "ai-manager hist", "COMP_CWORD": "1"}),
        ("zsh", {"COMP_WORDS": "ai-manager hist", "COMP_CWORD": "1"}),
        ("fish", {"COMP_WORDS": "ai-manager", "COMP_CWORD": "hist"}),
    ],
)
def test_what_a_shell_asks_for_is_completed(shell, words):
    environment = {**os.environ, **words, "_AI_MANAGER_COMPLETE": f"{shell}_complete"}
    done = subprocess.run(
        [sys.executable, "-m", "ai_manager"], env=environment, capture_output=True, text=True, timeout=120
    )
    assert "history" in done.stdout
    assert "export" not in done.stdout


def test_bash_completes_with_what_it_is_given(tmp_path):
    program = tmp_path / "ai-manager"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ai_manager "$@"\n')
    program.chmod(0o755)
    script = """
        eval "$(ai-manager completion bash)"
        COMP_WORDS=(ai-manager hist) COMP_CWORD=1
        _ai_manager_completion ai-manager
        echo "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("history\n", "")


def test_points_are_a_table_csv_or_json_and_every_one_unless_samples_are_asked_for(command, manager):
    with manager.run() as run:
        for step in range(200):
            run.log({"loss": 1 / (step + 1), "epoch": step / 10}, step=step)
        run.log({"loss": float("nan")}, step=200)
    status, out, words = command("history", run.id, "loss")
    assert (status, len(out.splitlines())) == (0, 51)
    assert words == "These are 50 stretches of 201 points: --samples takes more, --csv has them all.\n"
    rows = list(csv.DictReader(io.StringIO(command("history", run.id, "loss", "epoch", "--csv")[1])))
    assert [row["metric"] for row in rows] == ["loss"] * 201 + ["epoch"] * 200
    assert [float(row["value"]) for row in rows[:200]] == [1 / (step + 1) for step in range(200)]
    printed = json.loads(command("history", run.id, "loss", "--json")[1])
    assert (printed[0]["step"], printed[0]["value"], printed[200]["value"]) == (0, 1.0, "NaN")
    sampled = json.loads(command("history", run.id, "loss", "--samples", 7, "--json")[1])
    assert len(sampled) <= 7
    assert max(row["max"] for row in sampled if row["max"] != "NaN") == 1.0
    over = list(csv.DictReader(io.StringIO(command("history", run.id, "loss", "--x", "epoch", "--csv")[1])))
    assert [float(row["epoch"]) for row in over[:3]] == [0.0, 0.1, 0.2]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_runs_are_exported_with_every_point(command, manager, tmp_path, kind):
    runs = [logged(manager, name, losses) for name, losses in (("one", [1.0, 0.5]), ("two", [2.0]), ("none", []))]
    status, out, words = command(
        "export", "--project", manager.project_name, "--format", kind, "-o", tmp_path / "out", "--json"
    )
    assert (status, words) == (0, "")
    assert {key: json.loads(out)[key] for key in ("runs", "points")} == {"runs": 3, "points": 3}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"runs.{kind}",
        *(f"run-{run.id}.{kind}" for run in runs),
    }
    read = read_csv if kind == "csv" else read_parquet
    points = [
        [
            (row["metric"], int(row["step"]), float(row["value"]))
            for row in read(tmp_path / "out" / f"run-{run.id}.{kind}")
        ]
        for run in runs
    ]
    assert points == [[("loss", 0, 1.0), ("loss", 1, 0.5)], [("loss", 0, 2.0)], []]
    assert {row["name"] for row in read(tmp_path / "out" / f"runs.{kind}")} == {"one", "two", "none"}


def read_csv(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


def read_parquet(path):
    return pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()


def test_only_the_runs_and_metrics_that_were_asked_for_are_exported(command, manager, tmp_path):
    one, two = (logged(manager, name, [1.0], config={"lr": lr}) for name, lr in (("one", 1), ("two", 2)))
    project = ("--project", manager.project_name, "--filter", "config.lr = 2")
    assert command("export", *project, "-o", tmp_path / "a")[:2] == (0, f"1 run with 1 points: {tmp_path / 'a'}\n")
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"runs.csv", f"run-{two.id}.csv"}
    assert command("export", one.id, "-m", "other", "-o", tmp_path / "b")[0] == 0
    assert read_csv(tmp_path / "b" / f"run-{one.id}.csv") == []


def test_what_is_wrong_is_said_with_what_to_do(command, manager, monkeypatch, tmp_path):
    run = logged(manager, "one", [1.0])
    nowhere = tmp_path / "nowhere"
    for words, expected, advice in [
        (("show", 2**40), 1, "`ai-manager runs` lists a project's"),
        (("history", 2**40, "loss"), 1, "`ai-manager runs` lists a project's"),
        (("compare", run.id, 2**40), 1, "`ai-manager runs` lists a project's"),
        (("watch", 2**40), 1, "`ai-manager runs` lists a project's"),
        (("delete", "--yes", 2**40), 1, "`ai-manager runs` lists a project's"),
        (("log", "--run", 2**40, "loss=1"), 1, "`ai-manager runs` lists a project's"),
        (("export", 2**40, "-o", nowhere), 1, "`ai-manager runs` lists a project's"),
        (("runs", "--project", "no such"), 1, "`ai-manager projects` lists"),
        (("show", "seven"), 2, "'seven' is no run's number"),
        (("history", run.id, "los"), 1, f"run {run.id} has no metric los; it has loss"),
        (("history", run.id, "loss", "--x", "epoch"), 1, "has no metric epoch"),
        (("export", "-o", nowhere), 2, "either numbers of runs or --project"),
        (("sync", nowhere), 2, "does not exist"),
        (("check", "--url", "http://127.0.0.1:9"), 1, "is it running"),
    ]:
        status, out, complaint = command(*words)
        assert (status, out, complaint.count("\n"), advice in complaint) == (expected, "", 1, True), complaint
    assert not nowhere.exists()
    monkeypatch.setenv("AI_MANAGER_API_KEY", "aimgr_" + "x" * 48)
    assert "`ai-manager login`" in command("projects")[2]
    monkeypatch.delenv("AI_MANAGER_API_KEY")
    assert "`ai-manager login`" in command("projects")[2]


def test_a_script_does_not_load_what_only_the_command_needs():
    loaded = "import sys, ai_manager; print([name for name in ('click', 'rich') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_runs_are_compared_by_what_differs_and_the_best_is_marked(command, manager, monkeypatch):
    one = logged(manager, "one", [1.0], config={"lr": 0.1, "seed": 7})
    two = logged(manager, "two", [2.0], config={"lr": 0.2, "seed": 7})
    status, out, _ = command("compare", one.id, two.id)
    assert (status, "config.lr" in out, "config.seed" in out, "loss" in out) == (0, True, False, True)
    assert "config.seed" in command("compare", one.id, two.id, "--all")[1]
    compared = json.loads(command("compare", one.id, two.id, "--json")[1])
    assert compared["settings"] == {"config.lr": [0.1, 0.2]}
    assert compared["metrics"] == {"loss": [1.0, 2.0]}
    manager._transport.call("PUT", f"/runs/{one.id}/definitions", {"loss": {"goal": "min"}})
    assert json.loads(command("compare", one.id, two.id, "--json")[1])["goals"] == {"loss": "min"}
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)
    out = command("compare", one.id, two.id)[1]
    assert re.findall(r"\x1b\[1;32m *([0-9.]+)", out) == ["1"], out
    assert command("compare", one.id)[0] == 2


def test_a_shell_script_begins_logs_to_and_ends_a_run(command, manager):
    status, out, _ = command("log", "--name", "shell", "--config", "lr=0.1", "--config", "opt=adam", "--tag", "sh")
    assert status == 0
    run_id = int(out)
    assert command("log", "--run", run_id, "loss=0.5", "acc=0.9", "step=3") == (0, "", "")
    assert json.loads(command("log", "--run", run_id, "loss=nan", "--json")[1]) == {"run_id": run_id, "values": 1}
    assert command("log", "--run", run_id, "--finish", "completed")[0] == 0
    run = manager.get_run(run_id)
    assert (run.name, run.config, run.tags, run.status) == ("shell", {"lr": 0.1, "opt": "adam"}, ["sh"], "completed")
    assert list(run.history("loss").x) == [3, 4]  # Without a step it is the next one.
    assert list(run.history("acc").values) == [0.9]


def test_a_pipe_is_a_run_that_ends_with_it(command, manager, monkeypatch):
    lines = 'loss=1 acc=0.1\n\nloss=0.5 step=10\n{"loss": 0.25, "step": 11, "timestamp": 1700000000}\n'
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    status, out, err = command("log", "--name", "piped", "-")
    assert (status, err) == (0, "")
    run = manager.get_run(int(out))
    assert (run.name, run.status) == ("piped", "completed")
    assert sorted(zip(run.history("loss").x, run.history("loss").values)) == [(0, 1.0), (10, 0.5), (11, 0.25)]


def test_a_pipe_goes_on_with_a_run_and_names_what_it_does_not_understand(command, manager, monkeypatch):
    with manager.run(name="going") as run:
        run.log({"loss": 1.0}, step=41)
        run.flush()
        monkeypatch.setattr("sys.stdin", io.StringIO("loss=2\nEpoch 3 of 4\nloss=3\n"))
        status, _, complaint = command("log", "--run", run.id, "-")
        assert (status, complaint.count("\n")) == (1, 1)
        assert "lines not understood: 1; the first: 'Epoch' is not NAME=VALUE" in complaint
        assert list(run.history("loss").x) == [41, 42, 43]
        assert manager.get_run(run.id).status == "running"


def test_what_cannot_be_logged_is_said(command):
    for words, expected in [
        (("log", "--run", 2**40, "loss=1"), 1),
        (("log", "--run", 1, "loss"), 2),
        (("log", "--run", 1, "loss=low"), 2),
        (("log", "--run", 1, "loss=1", "step=1.5"), 2),
        (("log", "--run", 1, "--name", "no", "loss=1"), 2),
    ]:
        status, out, complaint = command(*words)
        assert (status, out, complaint.count("\n")) == (expected, "", 1), words


def test_runs_are_deleted_when_one_says_yes(command, manager, monkeypatch):
    one, two = logged(manager, "one", [1.0]), logged(manager, "two", [1.0])
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert command("delete", one.id, two.id)[0] == 1
    assert len(list(manager.runs())) == 2
    status, out, _ = command("delete", one.id, two.id, "--yes")
    assert (status, out.count("deleted: ")) == (0, 2)
    assert list(manager.runs()) == []
    assert command("delete", one.id, "--yes")[0] == 1


def test_what_is_on_this_machine_only_is_sent(command, manager):
    offline = AIManager(manager.project_name, manager._transport.url, mode="offline")
    logged(offline, "from the train", [1.0, 2.0])
    status, out, _ = command("sync", "--json")
    (sent,) = json.loads(out)
    assert (status, sent["state"], sent["name"], sent["points"]) == (0, "sent", "from the train", 2)
    assert [run.name for run in manager.runs()] == ["from the train"]
    assert json.loads(command("sync", "--json")[1]) == []


def test_a_pipe_that_is_offline_is_kept_until_it_is_sent(command, manager, monkeypatch):
    monkeypatch.setenv("AI_MANAGER_MODE", "offline")
    monkeypatch.setattr("sys.stdin", io.StringIO("loss=1\nloss=0.5\n"))
    assert command("log", "--name", "far away", "-")[:2] == (0, "offline\n")
    assert list(manager.runs()) == []
    assert command("sync")[0] == 0
    (run,) = manager.runs()
    assert (run.name, run.status, run.metrics["loss"].points) == ("far away", "completed", 2)


def test_a_pipe_that_is_interrupted_is_a_run_that_was_killed(command, manager):
    words = [sys.executable, "-m", "ai_manager", "log", "--name", "interrupted", "-"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as pipe:
        run_id = int(pipe.stdout.readline())
        pipe.stdin.write("loss=1\n")
        pipe.stdin.flush()
        wait_until(lambda: manager.get_run(run_id).metrics)
        pipe.send_signal(signal.SIGINT)
        assert pipe.wait(30) == 1
        assert pipe.stderr.read().splitlines()[-1] == "ai-manager: cancelled"
    run = manager.get_run(run_id)
    assert (run.status, run.metrics["loss"].points) == ("killed", 1)
