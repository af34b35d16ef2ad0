"""The command `ai-manager`. What only a command needs, Click and Rich, is imported here and nowhere else."""

from __future__ import annotations

import os
import sys

import click

from ai_manager._cli.account import check, login, logout
from ai_manager._cli.contrast import compare
from ai_manager._cli.export import export
from ai_manager._cli.history import history
from ai_manager._cli.inspect import projects, runs, show
from ai_manager._cli.output import print_json
from ai_manager._cli.remove import delete
from ai_manager._cli.send import sync
from ai_manager._cli.watch import watch
from ai_manager._cli.write import log
from ai_manager._settings import HOW
from ai_manager._version import __version__
from ai_manager.errors import AIManagerError, AuthenticationError, UnreachableError

NAME = "ai-manager"
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=SETTINGS)
def cli() -> None:
    """Talk to an AI Manager server.

    The server and the key are those of `ai-manager login`, or of AI_MANAGER_URL and AI_MANAGER_API_KEY. The exit status is 0
    when all went well, 1 when something failed, and 2 when the command was not understood.
    """


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def version(as_json: bool) -> None:
    """Print this client's version."""
    if as_json:
        print_json({"version": __version__})
    else:
        click.echo(__version__)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete this.

    \b
    bash  eval "$(ai-manager completion bash)"     in ~/.bashrc
    zsh   eval "$(ai-manager completion zsh)"      in ~/.zshrc, after compinit
    fish  ai-manager completion fish | source      in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(cli, {}, NAME, "_AI_MANAGER_COMPLETE").source())


for command in (login, logout, check, projects, runs, show, history, compare, watch, export, log, sync, delete):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run one of the commands; the exit status is 0 on success, 1 on failure, 2 for a command that is none."""
    try:
        status = cli.main(arguments, prog_name=NAME, complete_var="_AI_MANAGER_COMPLETE", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else NAME
        if error.format_message().startswith("Usage:"):  # No command at all: the help is the answer.
            error.show()
        else:
            _complain(f"{' '.join(error.format_message().split()).rstrip('.')} ({path} --help says more)")
        return error.exit_code
    except click.Abort:
        _complain("cancelled")
    except click.ClickException as error:
        _complain(error.format_message())
    except BrokenPipeError:  # Whoever read has had enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (AIManagerError, OSError) as error:
        _complain(_with_advice(error))
    except KeyboardInterrupt:
        return 130
    return 1


def _with_advice(error: Exception) -> str:
    """What went wrong, and what to do about it."""
    if str(error) == HOW:
        return "no key for this server: `ai-manager login` keeps one (keys are made on its settings page), or set AI_MANAGER_API_KEY"
    if isinstance(error, AuthenticationError):
        return f"{error}; `ai-manager login` keeps another key, unless AI_MANAGER_API_KEY is set"
    if isinstance(error, UnreachableError) and " is not reachable" in str(error):
        return f"{error}; is it running, and is this its address? --url or AI_MANAGER_URL says another"
    return str(error)


def _complain(sentence: str) -> None:
    print(f"{NAME}: {sentence}", file=sys.stderr)
