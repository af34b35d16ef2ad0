"""The command `ai-manager`."""

from __future__ import annotations

import argparse
import getpass
import sys

from ai_manager import _settings
from ai_manager._transport import Transport
from ai_manager._version import __version__
from ai_manager.errors import AIManagerError


def main(arguments: list[str] | None = None) -> int:
    """Run one of the commands; the exit status is 0 on success."""
    parser = argparse.ArgumentParser(prog="ai-manager", description="Talk to an AI Manager server.")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    commands.add_parser("version", help="print this client's version")
    check = commands.add_parser("check", help="is the server there, and who am I to it?")
    check.add_argument("--url", help=f"the server's address (default: AI_MANAGER_URL, then {_settings.DEFAULT_URL})")
    check.add_argument("--username", help="sign in by password, which is prompted for (default: AI_MANAGER_API_KEY)")
    options = parser.parse_args(arguments)
    if options.command == "version":
        print(__version__)
        return 0
    return _check(options.url, options.username)


def _check(url: str | None, username: str | None) -> int:
    try:
        password = getpass.getpass("Password: ") if username else None
        settings = _settings.resolve(url, username, password)
        user = Transport(settings).call("GET", "/auth/me")
    except AIManagerError as error:
        print(f"ai-manager: {error}", file=sys.stderr)
        return 1
    print("{} answers; signed in as {}".format(settings.url, user.get("username")))
    return 0
