"""The curves of a run in the terminal, live."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import click

from ai_manager._cli.braille import curve
from ai_manager._cli.connection import RUN, connected, run_of
from ai_manager._cli.output import console, print_json, text
from ai_manager._reading import History, Reader, RunRecord
from ai_manager.errors import ServerError, UnreachableError

EVERY = 5.0  # Seconds between two requests: 720 an hour are within what the server lets a user ask.
LIVE = ("running", "stale")
MOST_CHARTS = 6
ROWS = 8  # Lines of a curve, where there is room.
MARGIN = 12  # Letters for the numbers at the left.


class Sight(NamedTuple):
    """What is seen of a run at one time."""

    run: RunRecord
    charts: dict[str, History]
    trouble: str = ""


@click.command()
@connected
@click.argument("run_id", metavar="RUN", type=RUN)
@click.argument("metrics", metavar="[METRIC]...", nargs=-1)
@click.option(
    "--every", default=EVERY, show_default=True, type=click.FloatRange(min=0.05), help="Seconds between looks."
)
@click.option("--once", is_flag=True, help="Draw what there is, and end.")
def watch(reader: Reader, as_json: bool, run_id: int, metrics: tuple[str, ...], every: float, once: bool) -> None:
    """Draw the curves of a run until it ends.

    Without METRIC they are the first ones of the run, as many as there is room for.
    """
    sights = _sights(reader, run_id, metrics, every, once)
    with contextlib.suppress(KeyboardInterrupt), _screen(as_json) as show:  # Who watches has seen enough.
        for sight in sights:
            show(sight)


@contextlib.contextmanager
def _screen(as_json: bool) -> Iterator[Callable[[Sight], None]]:
    """What shows a sight: in place on a terminal, one after the other elsewhere."""
    terminal = console()
    if as_json:
        yield lambda sight: print_json(_fields(sight))
    elif not terminal.is_terminal:
        yield lambda sight: terminal.print(_picture(sight))
    else:
        from rich.live import Live

        with Live(console=terminal, auto_refresh=False) as live:
            yield lambda sight: live.update(_picture(sight), refresh=True)


def _sights(reader: Reader, run_id: int, metrics: tuple[str, ...], every: float, once: bool) -> Iterator[Sight]:
    """What is new of a run, until it ends. One request at a time: for the curves, and where they rest, for the run."""
    run = run_of(reader, run_id)
    names = _names(run, metrics)
    if len(names) < len(metrics) and (once or run.status not in LIVE):
        missing = ", ".join(repr(name) for name in metrics if name not in names)
        raise click.ClickException(f"run {run_id} has no metric {missing}")
    charts = _charts(reader, run_id, names)
    yield Sight(run, charts)
    while not once and run.status in LIVE:
        time.sleep(every)
        try:
            seen = _charts(reader, run_id, names)
            is_new = _points(seen) != _points(charts)
            if not is_new or len(names) < len(metrics):
                time.sleep(every)
                before, run = run, reader.run(run_id)
                names = _names(run, metrics)
                if is_new := is_new or run.status != before.status or list(names) != list(charts):
                    seen = _charts(reader, run_id, names)
            charts = seen
            if is_new:
                yield Sight(run, charts)
        except (UnreachableError, ServerError) as error:
            if isinstance(error, ServerError) and not error.passes:
                raise
            yield Sight(run, charts, "the server is away; trying again")
            time.sleep((isinstance(error, ServerError) and error.retry_after) or 0)


def _names(run: RunRecord, metrics: tuple[str, ...]) -> tuple[str, ...]:
    """What is drawn: what was asked for, as far as it is there; else the first metrics, but what the machine measured."""
    if metrics:
        return tuple(name for name in dict.fromkeys(metrics) if name in run.metrics)
    room = max(1, (shutil.get_terminal_size().lines - 2) // 6)
    return tuple(name for name in run.metrics if not name.startswith("system/"))[: min(room, MOST_CHARTS)]


def _charts(reader: Reader, run_id: int, names: tuple[str, ...]) -> dict[str, History]:
    return reader.charts(run_id, names, _width() * 2) if names else {}


def _points(charts: dict[str, History]) -> dict[str, int]:
    return {name: chart.total_points for name, chart in charts.items()}


def _width() -> int:
    return max(10, min(shutil.get_terminal_size().columns, 120) - MARGIN - 1)


def _fields(sight: Sight) -> dict[str, Any]:
    last = {
        name: {"step": chart.x[-1], "value": value if value - value == 0 else None, "points": chart.total_points}
        for name, chart in sight.charts.items()
        for value in chart.values[-1:]
    }
    return {"run_id": sight.run.id, "status": sight.run.status, "metrics": last}


def shortened(name: str, room: int) -> str:
    """A name in one line: its end tells it from others."""
    return name if len(name) <= room else "…" + name[len(name) - max(room, 2) + 1 :]


def _picture(sight: Sight) -> Any:
    from rich.text import Text

    run, picture = sight.run, Text()
    picture.append(f"{run.id} {text(run.name)}", "bold").append(f"  {sight.trouble or run.status}\n", "dim")
    lines = shutil.get_terminal_size().lines - 2
    height = max(3, min(ROWS, lines // max(1, len(sight.charts)) - 3))
    for name, chart in sight.charts.items():
        parts = chart.columns
        drawn, bottom, top = curve(chart.x, parts["min"], parts["max"], parts["last"], _width(), height)  # type: ignore[arg-type]
        value = f"  {chart.values[-1]:.5g} at step {chart.x[-1]}"
        room = shutil.get_terminal_size().columns - len(value)
        picture.append("\n" + shortened(text(name), room), "bold").append(value + "\n")
        for place, line in enumerate(drawn):
            label = {0: f"{top:.5g}", height - 1: f"{bottom:.5g}"}.get(place, "")
            picture.append(label.rjust(MARGIN - 1) + " ", "dim").append(line + "\n", "cyan")
        ends = f"{chart.x[0]}", f"{chart.x[-1]}"
        picture.append(" " * MARGIN + ends[0] + ends[1].rjust(_width() - len(ends[0])) + "\n", "dim")
    if not sight.charts:
        picture.append("no values yet\n")
    return picture
