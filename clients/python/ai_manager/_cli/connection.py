"""What commands have in common: which server, as whom, and which project."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import click

from ai_manager import _settings
from ai_manager._reading import Reader
from ai_manager._transport import Transport

Command = Callable[..., Any]


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
        is_number = project.isascii() and project.isdigit() and not any(reader.projects(project))
        return command(reader, project_id=int(project) if is_number else reader.project_id(project), **options)

    return with_project
