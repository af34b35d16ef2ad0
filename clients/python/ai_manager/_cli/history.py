"""The points of metrics, printed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

import click

from ai_manager import _frames
from ai_manager._cli.connection import RUN, connected, run_of
from ai_manager._cli.output import in_json, moment_of, print_json_list, print_rows, print_table, text
from ai_manager._reading import MOST_SAMPLES, History, Reader, RunRecord

SHOWN = 50  # Points in a table, when nobody says how many.


@click.command()
@connected
@click.argument("run_id", metavar="RUN", type=RUN)
@click.argument("names", metavar="METRIC...", nargs=-1, required=True)
@click.option("--x", default="step", show_default=True, help="Over what: step, time, relative, or another metric.")
@click.option(
    "--samples", type=click.IntRange(1, MOST_SAMPLES), help="Draw the points together into so many stretches of x."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def history(
    reader: Reader, as_json: bool, run_id: int, names: tuple[str, ...], x: str, samples: int | None, as_csv: bool
) -> None:
    """Print the points of metrics of a run.

    CSV and JSON have every point, unless --samples says otherwise; a table has 50 stretches at most, each with its last, smallest
    and greatest value.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    run = run_of(reader, run_id)
    names = tuple(dict.fromkeys(names))
    over = x[len("metric:") :] if x.startswith("metric:") else x
    for name in (*names, *([] if over in ("step", "time", "relative") else [over])):
        _check_metric(run, name)
    if not (as_csv or as_json):
        _print_tables(run, names, x, samples)
        return
    found = (run.history(name, x, samples) for name in names)
    rows = (row for one in found for row in _rows(one))
    if as_json:
        print_json_list({name: in_json(value) for name, value in row.items()} for row in rows)
    else:
        print_rows(rows)


def _check_metric(run: RunRecord, name: str) -> None:
    if name in run.metrics:
        return
    close = difflib.get_close_matches(name, run.metrics, n=3, cutoff=0.5) or list(run.metrics)[:5]
    there = f"; it has {', '.join(close)}" if close else ", nor any other"
    raise click.ClickException(f"run {run.id} has no metric {text(name)}{text(there)}")


def _print_tables(run: RunRecord, names: Sequence[str], x: str, samples: int | None) -> None:
    for place, name in enumerate(names):
        is_short = samples is None and run.metrics[name].points <= SHOWN
        found = run.history(name, x, None if is_short else samples or SHOWN)
        if len(names) > 1:
            click.echo(("\n" if place else "") + text(name))
        rows = [list(row.values())[1:] for row in _rows(found)]
        heads = [head for head in found.columns if head != "metric"]
        print_table(heads, rows, numbers=[head for head in heads if head != "timestamp"])
        if not is_short and samples is None:
            words = f"These are {len(rows)} stretches of {found.total_points:,} points: --samples takes more, --csv has them all."
            click.echo(words, err=True)


def _rows(found: History) -> Iterator[dict[str, Any]]:
    """The points with the metric's name; times as moments."""
    columns = [
        [moment_of(time) for time in column.microseconds] if isinstance(column, _frames.Times) else column
        for column in found.columns.values()
    ]
    for row in zip(*columns):
        yield {"metric": found.name, **dict(zip(found.columns, row))}
