"""Who I am to which server."""

from __future__ import annotations

import platform

import click

from ai_manager import _logins, _settings
from ai_manager._cli.connection import connected, secret
from ai_manager._cli.output import print_json
from ai_manager._reading import Reader
from ai_manager._transport import Transport
from ai_manager.errors import UnreachableError


@click.command()
@click.option("--url", help="The server's address.  [default: AI_MANAGER_URL, or that of the last login]")
@click.option("--username", help="Sign in by password, which is prompted for: a key is made and kept.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def login(url: str | None, username: str | None, as_json: bool) -> None:
    """Check and keep a server and an API key.

    This command and scripts then use them. The key is prompted for, or read from standard input; it is kept in a file that
    only you can read.
    """
    url = _settings.resolve(url).url
    given = secret("Password" if username else "API key")
    settings = _settings.resolve(url, username, given) if username else _settings.resolve(url, api_key=given)
    transport = Transport(settings)
    who = _name(transport)
    if username:
        made = transport.call("POST", "/auth/keys", {"name": f"ai-manager on {platform.node()}"[:100]})
        given = str(made["api_key"])
    path = _logins.remember(url, given)
    if as_json:
        print_json({"url": url, "username": who, "file": str(path)})
    else:
        click.echo(f"Logged in to {url} as {who}; the key is kept in {path}")


@click.command()
@click.option("--url", help="The server's address.  [default: that of the last login]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def logout(url: str | None, as_json: bool) -> None:
    """Forget the key of a server.

    On the server it stays, until it is revoked on the settings page.
    """
    url = _settings.resolve(url).url
    if not _logins.forget(url):
        raise click.ClickException(f"there is no login to {url}")
    if as_json:
        print_json({"url": url})
    else:
        click.echo(f"Logged out of {url}")


@click.command()
@connected
def check(reader: Reader, as_json: bool) -> None:
    """Say who I am to the server, if it is there."""
    who = _name(reader.transport)
    if as_json:
        print_json({"url": reader.transport.url, "username": who})
    else:
        click.echo(f"{reader.transport.url} answers; signed in as {who}")


def _name(transport: Transport) -> str:
    user = transport.call("GET", "/auth/me")
    if "username" not in user:
        raise UnreachableError(f"{transport.url} does not answer like an AI Manager")
    return str(user["username"])
