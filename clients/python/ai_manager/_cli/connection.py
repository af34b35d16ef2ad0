"""What commands have in common: which server, as whom, and which project."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from ai_manager import _settings
from ai_manager._reading import Reader, RunRecord
from ai_manager._transport import Transport
from ai_manager.errors import ServerError

Command = Callable[..., Any]


class RunNumber(click.ParamType):
    """The number of a run."""

    name = "run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).lstrip("#")
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**63):
            self.fail(f"{value!r} is no run's number; `ai-manager runs` lists them", param, ctx)
        return int(text)


RUN = RunNumber()


def connected(command: Command) -> Command:
    """Give a command the options `--url`, `--username` and `--json`, and a `Reader` as its first argument."""

    @click.option("--url", help="The server's address.  [default: AI_MANAGER_URL, or that of the login]")
    @click.option("--username", help="Sign in by password, which is prompted for, and not by a key.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @functools.wraps(command)
    def with_server(url: str | None, username: str | None, **options: Any) -> Any:
        password = secret("Password") if username else None
        return command(Reader(Transport(_settings.resolve(url, username, password))), **options)

    return with_server


def secret(what: str) -> str:
    """A secret that is typed without being shown, or the first line of what is piped in."""
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True)).strip()
    line = sys.stdin.readline().strip()
    if not line:
        raise click.UsageError(f"{what.lower()} is missing: type it at a terminal, or pipe it in")
    return line


def of_project(command: Command) -> Command:
    """Give a command the option `--project`, and the project's number as `project_id`."""

    @click.option(
        "-p", "--project", required=True, envvar="AI_MANAGER_PROJECT", help="A project's name, or its number."
    )
    @functools.wraps(command)
    def with_project(reader: Reader, project: str, **options: Any) -> Any:
        return command(reader, project_id=project_number(reader, project), **options)

    return with_project


def project_number(reader: Reader, project: str) -> int:
    """The number of a project that is named, or given by its number."""
    if any(reader.projects(project)):
        return reader.project_id(project)
    if project.isascii() and project.isdigit():
        return int(project)
    raise click.ClickException(
        f"there is no project {project!r} on {reader.transport.url}; `ai-manager projects` lists those that there are"
    )


def run_of(reader: Reader, run_id: int) -> RunRecord:
    """A run with the summaries of its metrics."""
    with of_run(reader, run_id):
        return reader.run(run_id)


@contextmanager
def of_run(reader: Reader, run_id: int) -> Iterator[None]:
    """What is asked of a run: where there is no such run, a sentence says what to do."""
    try:
        yield
    except ServerError as error:
        if error.status != 404 or not error.from_api:
            raise
        words = (
            f"there is no run {run_id} on {reader.transport.url} that you may see; `ai-manager runs` lists a project's"
        )
        raise click.ClickException(words) from error
