"""What goes away on a server."""

from __future__ import annotations

import click

from ai_manager._cli.connection import RUN, connected, run_of
from ai_manager._cli.output import print_json, progress, text
from ai_manager._reading import Reader


@click.command()
@connected
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True, type=RUN)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(reader: Reader, as_json: bool, run_ids: tuple[int, ...], yes: bool) -> None:
    """Delete runs, after asking."""
    runs = [run_of(reader, run_id) for run_id in dict.fromkeys(run_ids)]
    if not yes:
        for run in runs:
            click.echo(f"{run.id} {text(run.name)} ({run.status})", err=True)
        click.confirm("Delete this run?" if len(runs) == 1 else f"Delete these {len(runs)} runs?", abort=True, err=True)
    with progress("deleting", len(runs), is_quiet=as_json) as advance:
        for run in runs:
            reader.transport.call("DELETE", f"/runs/{run.id}")
            advance()
            if not as_json:
                click.echo(f"deleted: {run.id} {text(run.name)}")
    if as_json:
        print_json({"deleted": [run.id for run in runs]})
