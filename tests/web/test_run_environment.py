"""What a run's page says of where it ran, how it ended and what it was forked from."""

import pytest


@pytest.fixture
def overview(api, alice):
    return lambda run, tab="overview": api(alice).get(f"/app/runs/{run}?tab={tab}").text


def test_a_run_of_which_nothing_was_said_has_no_empty_parts(overview, alice, make_run):
    page = overview(make_run(alice))
    for word in ("Environment", "Packages", "Traceback", "Forked from", ">Key<"):
        assert word not in page


def test_where_a_run_ran_is_shown_as_one_reads_it(api, alice, overview, make_run):
    run = make_run(alice)
    environment = {
        "command": ["python", "train.py", "--name", "my run"],
        "git": {
            "commit": "8f14e45fceea167a",
            "branch": "main",
            "dirty": True,
            "diff": "-<old>\n+new",
            "untracked": ["n.md"],
        },
        "packages": {"torch": "2.6.0"},
        "slurm": {"job_id": "4711"},
    }
    api(alice).put(f"/runs/{run}", json={"environment": environment, "summary": {"test/acc": 0.93, "verdict": "keep"}})
    page = overview(run)
    for words in (
        "python train.py --name &#39;my run&#39;",
        "8f14e45fce with changes",
        '<span data-line="-">-&lt;old&gt;',
        "1 untracked file",
        "torch",
        "slurm.job_id",
        "verdict",
    ):
        assert words in page


@pytest.mark.parametrize(
    "said", [{"git": "x", "packages": ["torch"], "command": "train.py"}, {"git": {"diff": 1, "untracked": None}}]
)
def test_an_environment_of_another_shape_is_shown_nevertheless(api, alice, overview, make_run, said):
    run = make_run(alice)
    api(alice).put(f"/runs/{run}", json={"environment": said})
    assert "Environment" in overview(run)


def test_a_failed_run_says_why_at_once(api, alice, overview, make_run):
    run = make_run(alice)
    error = "Traceback (most recent call last):\n  File x\nValueError: rate <0>\n"
    api(alice).put(f"/runs/{run}", json={"status": "failed", "exit": {"code": 1, "error": error}})
    head = overview(run, "charts")
    assert "<b>ValueError: rate &lt;0&gt;</b>" in head
    assert "Traceback (most recent call last):" not in head
    page = overview(run)
    assert ("Exit code 1" in page, "Traceback (most recent call last):" in page) == (True, True)
    api(alice).post(f"/runs/{run}/resume", json={})
    assert "ValueError" not in overview(run)


def test_a_killed_run_names_the_signal_and_one_that_ended_well_nothing(api, alice, overview, make_run):
    killed, well = make_run(alice), make_run(alice)
    api(alice).put(f"/runs/{killed}", json={"status": "killed", "exit": {"signal": "SIGTERM"}})
    api(alice).put(f"/runs/{well}", json={"status": "completed", "exit": {"code": 0}})
    assert "Killed by SIGTERM" in overview(killed, "charts")
    assert "exit-note" not in overview(well, "charts")


def test_a_fork_and_its_parent_name_each_other(api, alice, overview, make_run, make_points):
    parent = make_run(alice, name="base")
    make_points(alice, parent, loss=[1, 2, 3])
    fork = api(alice).post(f"/runs/{parent}/fork", json={"step": 1, "name": "lower rate"}).json["id"]
    assert f'Forked from <a href="/app/runs/{parent}">base</a> at step 1' in overview(fork, "charts")
    assert "lower rate</a> at step 1" in overview(parent)
    api(alice).delete(f"/runs/{parent}")
    assert f"run {parent}, which is deleted" in overview(fork)
