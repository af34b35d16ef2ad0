"""What a server has: projects, runs, one run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from ai_manager._cli.connection import RUN, connected, of_project, run_of
from ai_manager._cli.output import duration, print_csv, print_json, print_json_list, print_table, text
from ai_manager._reading import Reader, RunRecord, Runs, row_of

SHOWN = 50  # Runs in a table, when nobody says how many.
METRICS_SHOWN = 4


@click.command()
@connected
def projects(reader: Reader, as_json: bool) -> None:
    """List my projects."""
    if as_json:
        print_json_list(reader.projects())
        return
    rows = [
        (project["id"], project["name"], "public" if project["is_public"] else "private", project["description"])
        for project in reader.projects()
    ]
    print_table(["id", "name", "visibility", "description"], rows, numbers=["id"])


@click.command()
@connected
@of_project
@click.option("-f", "--filter", "condition", help="As in the search box: 'val/acc > 0.9 and config.lr = 0.001'.")
@click.option("-s", "--sort", multiple=True, help="A key such as -metrics.val/acc.max; several may be given.")
@click.option(
    "-c", "--column", "columns", multiple=True, help="What to show: config.lr, metrics.loss.min, summary.NAME."
)
@click.option("-n", "--limit", type=click.IntRange(min=0), help="At most so many; 0 for all.  [default: 50 in a table]")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with a column for every setting and metric.")
def runs(
    reader: Reader,
    as_json: bool,
    as_csv: bool,
    project_id: int,
    condition: str | None,
    sort: tuple[str, ...],
    columns: tuple[str, ...],
    limit: int | None,
) -> None:
    """List the runs of a project."""
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    if as_csv or as_json:
        found = Runs(reader, project_id, condition, sort, limit or None)
        if as_csv:
            every = found.columns()
            print_csv(
                {name: every.get(name, [None] * len(every["id"])) for name in ("id", *columns)} if columns else every
            )
        else:
            print_json_list(fields_of(run) for run in found)
        return
    shown = SHOWN if limit is None else limit
    listed = list(Runs(reader, project_id, condition, sort, shown + 1 if shown else None))
    page = listed[:shown] if shown else listed
    columns = columns or _usual_columns(page)
    rows = [_row(run, columns) for run in page]
    print_table(
        ["id", "name", "status", "started", "took", "tags", *map(_short, columns)],
        rows,
        ["id", "took", *map(_short, columns)],
    )
    if len(listed) > len(page):
        click.echo(f"There are more than these {shown}: --limit 0 shows all.", err=True)


def _row(run: RunRecord, columns: tuple[str, ...]) -> list[Any]:
    cells = row_of(run)
    took = duration(run.started_at, run.ended_at)
    return [run.id, run.name, run.status, run.started_at, took, run.tags, *(cells.get(name) for name in columns)]


def _usual_columns(page: list[RunRecord]) -> tuple[str, ...]:
    """The metrics that most of the runs have, but what the machine measured."""
    counted = Counter(name for run in page for name in run.metrics if not name.startswith("system/"))
    return tuple(f"metrics.{name}" for name, _ in counted.most_common(METRICS_SHOWN))


def _short(column: str) -> str:
    return column[len("metrics.") :] if column.startswith("metrics.") else column


@click.command()
@connected
@click.argument("run_id", metavar="RUN", type=RUN)
def show(reader: Reader, as_json: bool, run_id: int) -> None:
    """Show a run with its settings and metrics."""
    run = run_of(reader, run_id)
    about = reader.transport.call("GET", f"/runs/{run_id}/environment")
    if as_json:
        print_json({**fields_of(run), **about})
        return
    environment, end = about.get("environment") or {}, about.get("exit") or {}
    facts = {
        "run": f"{run.id} {run.name}",
        "page": run.url,
        "status": run.status,
        "started": run.started_at,
        "took": duration(run.started_at, run.ended_at),
        "tags": run.tags,
        "command": environment.get("command"),
        "commit": (environment.get("git") or {}).get("commit"),
        "host": environment.get("host"),
        "error": (end.get("error") or "").strip().rpartition("\n")[2],
        "notes": run.notes,
    }
    print_table(["", ""], [(name, value) for name, value in facts.items() if text(value)])
    settings = {name: value for name, value in row_of(run).items() if name.startswith(("config.", "summary."))}
    if settings:
        click.echo()
        print_table(["setting", "value"], settings.items())
    if run.metrics:
        click.echo()
        rows = [(name, m.last, m.min, m.max, m.mean, m.points) for name, m in run.metrics.items()]
        print_table(["metric", "last", "min", "max", "mean", "points"], rows, ["last", "min", "max", "mean", "points"])


def fields_of(run: RunRecord) -> dict[str, Any]:
    """A run as the server says it, and its page."""
    return {**run.fields, "url": run.url}
