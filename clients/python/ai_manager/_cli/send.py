"""What goes to a server: runs that are on this machine only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ai_manager._cli.connection import connected
from ai_manager._cli.output import console, print_json_list
from ai_manager._reading import Reader
from ai_manager._spool.folder import root
from ai_manager._sync import Progress
from ai_manager._sync import sync as bring


@click.command()
@click.argument("directory", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--follow", is_flag=True, help="Go on while a run is being written, and wait for the server.")
@connected
@click.pass_context
def sync(context: click.Context, reader: Reader, as_json: bool, directory: Path | None, follow: bool) -> int:
    """Send the runs that are on this machine only.

    They were offline, were killed or cut off. DIRECTORY is a spool, or a directory of spools; left out, it is the usual one.
    """
    bars = _Bars(is_quiet=as_json)
    is_chosen = context.params.get("url") is not None
    with bars:
        synced = bring(directory, reader.transport, follow, bars.show, other_servers=is_chosen)
    if as_json:
        print_json_list(_fields(spool) for spool in synced.spools)
    elif not synced.spools:
        click.echo(f"nothing to send in {directory or root()}")
    return 0 if synced.is_complete else 1


def _fields(spool: Progress) -> dict[str, Any]:
    return {**vars(spool), "folder": str(spool.folder)}


class _Bars:
    """A bar for the spool that is being sent, where there is a terminal, and a line for each that is done."""

    def __init__(self, is_quiet: bool) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        self._is_quiet = is_quiet
        terminal = console(stderr=True)
        columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn()
        self._progress = Progress(
            *columns, console=terminal, transient=True, disable=is_quiet or not terminal.is_terminal
        )
        self._task: Any = None

    def __enter__(self) -> None:
        self._progress.start()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, progress: Progress) -> None:
        who = progress.name or progress.folder.name
        if progress.state == "sending":
            if self._task is None:
                self._task = self._progress.add_task(who, total=progress.bytes_in_all)
            self._progress.update(self._task, total=progress.bytes_in_all, completed=progress.bytes_sent)
            return
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        if not self._is_quiet:
            where = f" {progress.url}" if progress.url else ""
            words = f" ({progress.words})" if progress.words else ""
            click.echo(f"{progress.state}: {who}, {progress.points} values{where}{words}")
