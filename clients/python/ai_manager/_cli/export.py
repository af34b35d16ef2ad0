"""Runs with all points of their metrics, written to files."""

from __future__ import annotations

import csv
import importlib
import os
from array import array
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ai_manager import _frames
from ai_manager._cli.connection import RUN, connected, project_number, run_of
from ai_manager._cli.output import cells, print_json, progress
from ai_manager._frames import Column
from ai_manager._reading import Reader, RunRecord, Runs, columns_of

Tables = Iterator[Mapping[str, Column]]
Write = Callable[[Path, Tables], None]


@click.command()
@connected
@click.argument("run_ids", metavar="[RUN...]", nargs=-1, type=RUN)
@click.option("-p", "--project", help="All runs of a project, by its name or number, and not single ones.")
@click.option("-f", "--filter", "condition", help="Only those of the project's: 'val/acc > 0.9'.")
@click.option("-m", "--metric", "names", multiple=True, help="Only this metric; several may be given.")
@click.option("--format", "kind", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@click.option(
    "-o", "--output", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="A directory."
)
def export(
    reader: Reader,
    as_json: bool,
    run_ids: tuple[int, ...],
    project: str | None,
    condition: str | None,
    names: tuple[str, ...],
    kind: str,
    folder: Path,
) -> None:
    """Write runs with all points of their metrics to files.

    The directory gets runs.csv with a row for each run, its settings and summaries, and for each run a file such as run-7.csv
    with its points: metric, step, value and time. A file is there only when it is whole. Parquet needs the package pyarrow.
    """
    if bool(run_ids) == bool(project):
        raise click.UsageError("export takes either numbers of runs or --project")
    if condition and not project:
        raise click.UsageError("--filter is about the runs of a --project")
    write = _write_csv if kind == "csv" else _parquet_writer()
    if project:
        runs = list(Runs(reader, project_number(reader, project), condition, None, None))
    else:
        runs = [run_of(reader, run_id) for run_id in dict.fromkeys(run_ids)]
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    points = 0
    with progress("exporting", len(runs), is_quiet=as_json) as advance:
        for run in runs:
            chosen = [name for name in run.metrics if not names or name in names]
            files.append(_put(folder / f"run-{run.id}.{kind}", _points_of(run, chosen), write))
            points += sum(run.metrics[name].points for name in chosen)
            advance()
    files.append(_put(folder / f"runs.{kind}", iter([columns_of(runs)]), write))
    if as_json:
        print_json({"runs": len(runs), "points": points, "files": [str(file) for file in files]})
    else:
        click.echo(f"{len(runs)} run{'s' * (len(runs) != 1)} with {points:,} points: {folder}")


def _points_of(run: RunRecord, names: list[str]) -> Tables:
    """A table for each metric; an empty one where there is none, so that the columns are there."""
    nothing = _frames.Times(array("q"))
    if not names:
        yield {"metric": [], "step": array("q"), "value": array("d"), "timestamp": nothing}
    for name in names:
        found = run.history(name)
        yield {"metric": [name] * len(found), **found.columns}


def _put(path: Path, tables: Tables, write: Write) -> Path:
    """Write a file under another name first: what breaks off leaves none that looks whole."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(unfinished, tables)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _write_csv(path: Path, tables: Tables) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for place, table in enumerate(tables):
            if not place:
                writer.writerow(table)
            writer.writerows(zip(*map(cells, table.values())))


def _parquet_writer() -> Write:
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
        arrow: Any = importlib.import_module("pyarrow")
    except ImportError as error:
        raise click.ClickException("Parquet needs the package pyarrow: pip install pyarrow") from error
    types = {"metric": arrow.string()}

    def write(path: Path, tables: Tables) -> None:
        writer = None
        try:
            for columns in tables:
                table = _frames.to_arrow(columns)
                for place, name in enumerate(table.column_names):
                    if name in types:  # An empty column has no type of its own.
                        table = table.set_column(place, name, table.column(name).cast(types[name]))
                writer = writer or parquet.ParquetWriter(path, table.schema)
                writer.write_table(table)
        finally:
            if writer:
                writer.close()

    return write
