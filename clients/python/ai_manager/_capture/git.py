"""The state of the code: commit, branch, and what was changed and not committed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from ai_manager._capture.secrets import mask, without_user

PATIENCE = 10.0  # Seconds for one command of git: a repository on a slow network disk is given up.
LONGEST_DIFF = 256 << 10  # Bytes.
MOST_UNTRACKED = 200

# Git asks nobody, takes no lock that a commit made meanwhile would find, and starts no program of the repository's.
ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "LC_ALL": "C",
}
OPTIONS = ["--no-pager", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]


def git_facts() -> dict[str, Any]:
    """The repository of the script, or else of the working directory; empty when neither is in one."""
    for folder in _folders():
        root = _git(folder, "rev-parse", "--show-toplevel")
        if root:
            return _facts(root.decode(errors="replace").rstrip("\n"))
    return {}


def _folders() -> list[str]:
    """Where the script is, unless it is an installed one, then where it was started."""
    folders = []
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script and not Path(script).resolve().is_relative_to(Path(sys.prefix).resolve()):
        folders.append(str(Path(script).resolve().parent))
    with contextlib.suppress(OSError):
        folders.append(os.getcwd())
    return folders


def _facts(root: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, command in {
        "commit": ("rev-parse", "--verify", "HEAD"),
        "branch": ("symbolic-ref", "--short", "-q", "HEAD"),
        "remote": ("config", "--get", "remote.origin.url"),
    }.items():
        text = (_git(root, *command) or b"").decode(errors="replace").strip()
        if text:
            facts[name] = without_user(text)[:1000]
    base = ["HEAD"] if "commit" in facts else ["--cached"]
    diff = _git(root, "diff", *base, "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short")
    listed = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    untracked = [name.decode(errors="replace") for name in (listed or b"").split(b"\0") if name]
    if diff:
        facts["diff"] = mask(diff[:LONGEST_DIFF].decode(errors="replace"))
        if len(diff) > LONGEST_DIFF:
            facts["diff_is_cut"] = True
    if untracked:
        facts["untracked"] = untracked[:MOST_UNTRACKED]
    if diff is not None and listed is not None:
        facts["dirty"] = bool(diff or untracked)
    return facts


def _git(folder: str, *command: str) -> bytes | None:
    """The first bytes of what a command of git prints, a little more than the longest diff; None when it fails."""
    try:
        process = subprocess.Popen(  # noqa: S603
            ["git", *OPTIONS, "-C", folder, *command],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT},
        )
    except OSError:
        return None
    timer = threading.Timer(PATIENCE, process.kill)
    timer.daemon = True
    timer.start()
    try:
        with process, contextlib.suppress(OSError):
            printed = process.stdout.read(LONGEST_DIFF + 1) if process.stdout else b""
            if len(printed) > LONGEST_DIFF:
                process.kill()
                return printed
            return printed if process.wait() == 0 else None
    finally:
        timer.cancel()
    return None
