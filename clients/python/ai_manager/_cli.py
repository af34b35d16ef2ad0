"""The command `ai-manager`."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from ai_manager import _settings
from ai_manager._spool.folder import root
from ai_manager._sync import Progress, sync
from ai_manager._transport import Transport
from ai_manager._version import __version__
from ai_manager.errors import AIManagerError


def main(arguments: list[str] | None = None) -> int:
    """Run one of the commands; the exit status is 0 on success."""
    parser = argparse.ArgumentParser(prog="ai-manager", description="Talk to an AI Manager server.")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    commands.add_parser("version", help="print this client's version")
    check = commands.add_parser("check", help="is the server there, and who am I to it?")
    bring = commands.add_parser("sync", help="send the runs that are on this machine only: offline, killed, cut off")
    bring.add_argument(
        "directory", nargs="?", type=Path, help="a spool, or a directory of spools (default: the usual one)"
    )
    bring.add_argument(
        "--follow", action="store_true", help="go on while a run is being written, and wait for the server"
    )
    for command in (check, bring):
        command.add_argument(
            "--url", help=f"the server's address (default: AI_MANAGER_URL, then {_settings.DEFAULT_URL})"
        )
        command.add_argument(
            "--username", help="sign in by password, which is prompted for (default: AI_MANAGER_API_KEY)"
        )
    options = parser.parse_args(arguments)
    if options.command == "version":
        print(__version__)
        return 0
    try:
        password = getpass.getpass("Password: ") if options.username else None
        transport = Transport(_settings.resolve(options.url, options.username, password))
        return _check(transport) if options.command == "check" else _sync(transport, options)
    except AIManagerError as error:
        print(f"ai-manager: {error}", file=sys.stderr)
        return 1


def _check(transport: Transport) -> int:
    user = transport.call("GET", "/auth/me")
    print("{} answers; signed in as {}".format(transport.url, user.get("username")))
    return 0


def _sync(transport: Transport, options: argparse.Namespace) -> int:
    def show(progress: Progress) -> None:
        if progress.state != "sending":
            who = progress.name or progress.folder.name
            where = f" {progress.url}" if progress.url else ""
            words = f" ({progress.words})" if progress.words else ""
            print(f"{progress.state}: {who}, {progress.points} values{where}{words}", flush=True)

    synced = sync(options.directory, transport, options.follow, show, other_servers=bool(options.url))
    if not synced.spools:
        print(f"nothing to send in {options.directory or root()}")
    return 0 if synced.is_complete else 1
