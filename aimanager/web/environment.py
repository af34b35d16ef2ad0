"""Where a run ran and how it ended, as its overview shows it: what every run has first, then the rest as it was sent."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from ..models import Run
from ..models.run_config import flat

FIRST = ("command", "python", "host", "platform")
FOLDED = ("packages", "git")  # They have a place of their own.
SHORT_COMMIT = 10


@dataclass(frozen=True)
class Row:
    label: str
    value: str
    title: str = ""


@dataclass(frozen=True)
class Environment:
    """`diff` is what was changed and not committed, `untracked` the files that git did not know."""

    rows: list[Row]
    packages: list[tuple[str, str]]
    diff: str
    is_cut: bool
    untracked: list[str]


@dataclass(frozen=True)
class Exit:
    """`what` is the last line of the traceback: what went wrong, in a word."""

    code: int | None
    signal: str | None
    error: str
    what: str


def of(run: Run) -> Environment | None:
    """None where the run's script said nothing."""
    said = run.environment
    if not said:
        return None
    git = said.get("git") if isinstance(said.get("git"), dict) else {}
    packages = said.get("packages") if isinstance(said.get("packages"), dict) else {}
    rest = {name: value for name, value in said.items() if name not in (*FIRST, *FOLDED)}
    first = {name: said[name] for name in FIRST if name in said}
    rows = [Row(name.capitalize(), _text(value)) for name, value in first.items()]
    rows[1:1] = _of_git(git or {})
    rows += [Row(key, _text(value)) for key, value in flat(rest)]
    return Environment(
        rows=rows,
        packages=[(name, _text(version)) for name, version in (packages or {}).items()],
        diff=_text((git or {}).get("diff", "")),
        is_cut=bool((git or {}).get("diff_is_cut")),
        untracked=[_text(name) for name in (git or {}).get("untracked") or []],
    )


def exit_of(run: Run) -> Exit | None:
    """None where the run's script said nothing, or that it ended well."""
    end = run.exit
    if not end or not (end.get("code") or end.get("signal") or end.get("error")):
        return None
    error = end.get("error") or ""
    lines = [line for line in error.splitlines() if line.strip()]
    return Exit(end.get("code"), end.get("signal"), error, lines[-1].strip() if lines else "")


def _of_git(git: dict[str, Any]) -> list[Row]:
    commit = _text(git.get("commit", ""))
    changed = " with changes" if git.get("dirty") else ""
    rows = [Row("Commit", commit[:SHORT_COMMIT] + changed, commit)] if commit else []
    return rows + [Row(name.capitalize(), _text(git[name])) for name in ("branch", "remote") if git.get(name)]


def _text(value: Any) -> str:
    """Words of a command line as one would type them."""
    if isinstance(value, list):
        return shlex.join(map(str, value))
    return value if isinstance(value, str) else str(value)
