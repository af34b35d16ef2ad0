"""The administrator's command line: accounts, keys, migrations, settings. Passwords come by prompt or stdin."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from time import monotonic
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from . import ConfigurationError, Settings, create_app, seed
from .config import PREFIX
from .db import schema
from .db.engine import Database
from .errors import AIManagerError, NotFound
from .extensions import db
from .models import User
from .principal import Principal
from .services import accounts, api_keys
from .store.upkeep import doctor, missing_checksums
from .upkeep import compacting, copying


@click.group()
def main() -> None:
    """Look after an AI Manager server; it reads the same AI_MANAGER_* settings as the server does."""


def in_app(command: Callable[..., Any]) -> Callable[..., Any]:
    """Run a command inside the application; what goes wrong is one sentence and exit code 2."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            with create_app(background=False).app_context():
                return command(*args, **kwargs)
        except (AIManagerError, ConfigurationError) as error:
            click.echo(str(error), err=True)
            sys.exit(2)

    return run


def _user(name: str) -> User:
    user = db.session.scalar(sa.select(User).where(User.username_key == accounts.fold(name)))
    if user is None:
        raise NotFound(f"There is no user {name!r}.")
    return user


def _password() -> str:
    if sys.stdin.isatty():
        return click.prompt("password", hide_input=True, confirmation_prompt=True)
    return sys.stdin.readline().rstrip("\r\n")


@main.group()
def user() -> None:
    """Accounts."""


@user.command("create")
@click.argument("username")
@click.argument("email")
@click.option("--superuser", is_flag=True, help="may see and do everything")
@in_app
def create_user(username: str, email: str, superuser: bool) -> None:
    """Make an account; the password is prompted for, or read from stdin."""
    made = accounts.create(email, username, _password(), superuser)
    click.echo(f"made user {made.username} with id {made.id}")


@user.command("list")
@in_app
def list_users() -> None:
    """List all accounts."""
    for row in db.session.scalars(sa.select(User).order_by(User.id)):
        marks = "".join([" superuser" * row.is_superuser, " disabled" * (not row.is_active)])
        click.echo(f"{row.id}\t{row.username}\t{row.email}{marks}")


@user.command("disable")
@click.argument("username")
@in_app
def disable_user(username: str) -> None:
    """Switch an account off and end its sessions."""
    accounts.set_active(_user(username).id, False)


@user.command("enable")
@click.argument("username")
@in_app
def enable_user(username: str) -> None:
    """Switch an account on again."""
    accounts.set_active(_user(username).id, True)


@user.command("promote")
@click.argument("username")
@click.option("--undo", is_flag=True, help="make an ordinary user again")
@in_app
def promote_user(username: str, undo: bool) -> None:
    """Make a superuser."""
    accounts.set_superuser(_user(username).id, not undo)


@user.command("reset-password")
@click.argument("username")
@in_app
def reset_password(username: str) -> None:
    """Set a new password and end all sessions; it is prompted for, or read from stdin."""
    accounts.reset_password(_user(username).id, _password())


@main.command("key")
@click.argument("username")
@click.argument("name")
@click.option("--scope", type=click.Choice(["read", "write"]), default="write", show_default=True)
@in_app
def key(username: str, name: str, scope: str) -> None:
    """Make an API key for a user and print it, this once."""
    owner = _user(username)
    _, secret = api_keys.issue(Principal(user_id=owner.id), name, scope)
    click.echo(secret)


@main.command("seed")
@click.option("--runs", type=click.IntRange(1), default=200, show_default=True)
@click.option(
    "--metrics", type=click.IntRange(1), default=12, show_default=True, help="a run logs at most 50, the newest all"
)
@click.option("--points", type=click.IntRange(1), default=200, show_default=True, help="of each metric of a run")
@click.option("--name", default="Image classification", show_default=True, help="of the project")
@click.option("--user", "username", help="whose project it is; without it an account is made")
@in_app
def seed_project(runs: int, metrics: int, points: int, name: str, username: str | None) -> None:
    """Make a project full of believable runs, to try the pages with."""
    if username is None:
        username, password = f"seed-{secrets.token_hex(3)}", secrets.token_urlsafe(12)
        accounts.create(f"{username}@example.com", username, password)
        click.echo(f"made user {username} with password {password}")
    project = seed.new_project(_user(username).id, name)
    for count in seed.seed(project.id, seed.Size(runs, metrics, points)):
        click.echo(f"\r{count:,} of {runs:,} runs", nl=False, err=True)
    click.echo(err=True)
    click.echo(f"made project {project.id}: /app/projects/{project.id}")


@main.command("migrate")
def migrate() -> None:
    """Bring the database's schema up to date; SQLite files are copied first."""
    try:
        settings = Settings.from_env()
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        schema.upgrade(Database.open(settings))
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo(f"the schema is {schema.HEAD}")


@main.command("doctor")
@click.argument("runs", nargs=-1, type=int)
@click.option("--add-checksums", is_flag=True, help="to what an older version wrote, in runs without a fault")
def examine(runs: tuple[int, ...], add_checksums: bool) -> None:
    """Check all stored points, of some RUNS or of all, and what is kept about them; exit code 1 if there are faults."""
    try:
        database = Database.open(Settings.from_env())
        schema.check(database)
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    faults = 0
    try:
        for run in doctor.runs_of(database, runs or None):
            run_faults = doctor.examine(database, run)
            for fault in run_faults:
                click.echo(str(fault))
            faults += len(run_faults)
            if add_checksums and not run_faults:
                missing_checksums.add_checksums(database, run)
    except doctor.NoPoints as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo(f"{faults} fault{'s' * (faults > 1)}" if faults else "no faults found")
    if unchecked := missing_checksums.unchecked(database, runs or None):
        click.echo(
            f"{unchecked} row{'s' * (unchecked > 1)} of an older version without a checksum:"
            " `aimanager doctor --add-checksums` adds it"
        )
    sys.exit(1 if faults else 0)


@main.command("compact")
def compact() -> None:
    """Give the disk what deleted runs have left free; servers may run, and wait to write meanwhile."""
    try:
        database = Database.open(Settings.from_env())
        try:
            schema.check(database)
            before = compacting.size(database)
            compacting.compact(database)
            after = compacting.size(database)
        finally:
            database.engine.dispose()
    except (ConfigurationError, DBAPIError) as error:
        click.echo(str(error.orig if isinstance(error, DBAPIError) else error).strip(), err=True)
        sys.exit(2)
    click.echo(f"{after / 1e6:,.1f} MB, before {before / 1e6:,.1f} MB")


@main.command("copy-database")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--force", is_flag=True, help="even if servers have the source open; what they write meanwhile is left out"
)
def copy_database(source: str, target: str, force: bool) -> None:
    """Copy everything into an empty database, SQLite or PostgreSQL, and prove it; exit code 1 if the two differ."""
    try:
        proofs = copying.copy(source, target, _progress(), force)
    except copying.Refused as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    row = "{:<16} {:>12} {:>12}  {:<32}  {:<32}".format
    click.echo(row("table", "rows from", "rows to", "checksum from", "checksum to").rstrip())
    for proof in proofs:
        counts = f"{proof.source.rows:,}", f"{proof.target.rows:,}"
        click.echo(row(proof.table, *counts, str(proof.source), str(proof.target)))
    differing = [proof.table for proof in proofs if not proof.holds]
    if differing:
        click.echo(f"The copy differs from its source in {', '.join(differing)}, so it was not kept.", err=True)
        sys.exit(1)
    click.echo("Both databases have the same rows.")


def _progress() -> copying.Progress:
    """Reports every second how many rows are done."""
    reported = monotonic()

    def progress(what: str, rows: int) -> None:
        nonlocal reported
        if monotonic() - reported > 1:
            reported = monotonic()
            click.echo(f"{what}: {rows:,} rows", err=True)

    return progress


@main.command("config")
def config() -> None:
    """Print the settings in force; secrets are masked."""
    try:
        settings = Settings.from_env()
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    for item in fields(settings):
        value = getattr(settings, item.name)
        if item.name.endswith("_url") and value:
            value = sa.engine.make_url(value).render_as_string(hide_password=True)
        elif not item.repr:
            value = "***" if value else "(generated)" if item.name == "secret_key" else ""
        click.echo(f"{PREFIX}{item.name.upper()}={','.join(value) if isinstance(value, tuple) else value}")
