"""Several runs beside each other."""

from __future__ import annotations

import math
from typing import Any

import click

from ai_manager._cli.connection import RUN, connected, run_of
from ai_manager._cli.output import in_json, print_json, print_table, text
from ai_manager._reading import Reader, RunRecord, row_of


@click.command()
@connected
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True, type=RUN)
@click.option("--all", "shows_all", is_flag=True, help="Also the settings that are the same in all of them.")
def compare(reader: Reader, as_json: bool, run_ids: tuple[int, ...], shows_all: bool) -> None:
    """Compare the settings and metrics of runs."""
    if len(set(run_ids)) < 2:
        raise click.UsageError("compare takes two runs or more")
    runs = [run_of(reader, run_id) for run_id in dict.fromkeys(run_ids)]
    settings = _settings(runs)
    if not shows_all:
        settings = {name: values for name, values in settings.items() if any(value != values[0] for value in values)}
    metrics = {
        name: [run.metrics[name].last if name in run.metrics else None for run in runs]
        for name in dict.fromkeys(name for run in runs for name in run.metrics)
    }
    goals = _goals(reader, runs)
    if as_json:
        texts = {name: [in_json(value) for value in values] for name, values in metrics.items()}
        about = [{"id": run.id, "name": run.name, "status": run.status, "url": run.url} for run in runs]
        print_json({"runs": about, "settings": settings, "metrics": texts, "goals": goals})
        return
    names = [f"{run.id} {run.name}" for run in runs]
    rows = [("status", *(run.status for run in runs)), *((name, *values) for name, values in settings.items())]
    rows += [
        (name, *_with_best(values, goals.get(name)))
        for name, values in metrics.items()
        if not name.startswith("system/")
    ]
    print_table(["", *names], rows, numbers=names)


def _settings(runs: list[RunRecord]) -> dict[str, list[Any]]:
    rows = [row_of(run) for run in runs]
    names = dict.fromkeys(name for row in rows for name in row if name.startswith(("config.", "summary.")))
    return {name: [row.get(name) for row in rows] for name in names}


def _goals(reader: Reader, runs: list[RunRecord]) -> dict[str, str]:
    """Which metrics are better when they are greater ("max") or less ("min"), as far as all runs are of a project that says so."""
    if len({run.project_id for run in runs}) > 1:
        return {}
    definitions = reader.transport.call("GET", f"/runs/{runs[0].id}/definitions")
    return {name: one["goal"] for name, one in definitions.items() if one.get("goal")}


def _with_best(values: list[float | None], goal: str | None) -> list[Any]:
    """The values as cells, the best ones in bold."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if goal is None or not finite:
        return list(values)
    from rich.text import Text

    best = max(finite) if goal == "max" else min(finite)
    return [Text(text(value), "bold green" if value == best else "") for value in values]
