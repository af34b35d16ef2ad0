"""The state of the code, from real repositories."""

import os
import subprocess

import pytest

from ai_manager._capture import git
from ai_manager._capture.git import git_facts


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one commit, where the process stands; nothing of the developer's own git."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.delenv("GIT_DIR", raising=False)
    monkeypatch.setattr(git, "_folders", lambda: [os.getcwd()])
    path = tmp_path / "répo"
    path.mkdir()
    monkeypatch.chdir(path)
    run("init", "-q", "-b", "main")
    (path / "train.py").write_text("lr = 1\n")
    run("add", ".")
    run("commit", "-q", "-m", "first")
    return path


def run(*command):
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    return subprocess.run(["git", *who, *command], check=True, capture_output=True, text=True).stdout.strip()


def test_a_clean_repository_says_its_commit_branch_and_remote_without_credentials(repository):
    run("remote", "add", "origin", "https://me:abc@example.org/a/b.git")
    run("checkout", "-q", "-b", "feature/x")
    assert git_facts() == {
        "commit": run("rev-parse", "HEAD"),
        "branch": "feature/x",
        "remote": "https://example.org/a/b.git",
        "dirty": False,
    }


def test_what_is_not_committed_is_there_and_new_files_by_name(repository):
    (repository / "train.py").write_text("lr = 2\nAPI_KEY = 'abcdef'\n")
    (repository / "new ü.py").write_text("")
    (repository / "staged.py").write_text("x = 1\n")
    run("add", "staged.py")
    facts = git_facts()
    assert facts["dirty"]
    assert facts["untracked"] == ["new ü.py"]
    assert "-lr = 1\n+lr = 2\n" in facts["diff"]
    assert "+x = 1" in facts["diff"]
    assert "abcdef" not in facts["diff"]


def test_a_commit_without_a_branch_and_a_repository_without_a_commit_are_no_trouble(repository, tmp_path, monkeypatch):
    run("checkout", "-q", "--detach")
    assert "branch" not in git_facts()
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    run("init", "-q", "-b", "main")
    (empty / "a").write_text("a\n")
    run("add", ".")
    facts = git_facts()
    assert (facts["branch"], facts["dirty"]) == ("main", True)
    assert "+a" in facts["diff"]


def test_a_huge_difference_is_cut(repository):
    (repository / "train.py").write_text("x = 123456789\n" * 100_000)
    facts = git_facts()
    assert len(facts["diff"]) <= git.LONGEST_DIFF
    assert facts["diff_is_cut"]


def test_outside_of_a_repository_there_is_nothing(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert git_facts() == {}


def test_a_folder_within_the_repository_is_enough(repository, monkeypatch):
    (repository / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(repository / "deep" / "er")
    (repository / "above.py").write_text("")
    assert git_facts()["untracked"] == ["above.py"]


def test_without_git_there_is_nothing(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_facts() == {}


def test_a_git_that_hangs_is_given_up(repository, tmp_path, monkeypatch):
    stuck = tmp_path / "bin" / "git"
    stuck.parent.mkdir()
    stuck.write_text("#!/bin/sh\nexec sleep 1000\n")
    stuck.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stuck.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(git, "PATIENCE", 0.1)
    assert git_facts() == {}


def test_it_runs_no_program_that_the_repository_names(repository, tmp_path):
    trace = tmp_path / "trace"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho ran >> '{trace}'\n")
    program.chmod(0o755)
    for setting in ("core.fsmonitor", "diff.external", "diff.own.textconv"):
        run("config", setting, str(program))
    (repository / ".gitattributes").write_text("*.py diff=own\n")
    (repository / "train.py").write_text("lr = 2\n")
    assert "+lr = 2" in git_facts()["diff"]
    assert not trace.exists()
