"""How commands print: JSON and CSV for programs, tables for people."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import click

from ai_manager._frames import Times

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def print_json(value: Any) -> None:
    """One value on a line."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_encoded))


def print_json_list(values: Iterable[Any]) -> None:
    """A list with an item on each line, printed as they come."""
    click.echo("[", nl=False)
    for place, value in enumerate(values):
        click.echo((",\n" if place else "\n") + json.dumps(value, ensure_ascii=False, default=_encoded), nl=False)
    click.echo("\n]")


def in_json(value: Any) -> Any:
    """JSON has no words for NaN and the infinities; the API's own are these."""
    if isinstance(value, float) and value - value != 0:
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return value


def print_rows(rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows of the same columns as CSV, printed as they come."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for place, row in enumerate(rows):
        if not place:
            writer.writerow(row)
        writer.writerow(cells(row.values()))


def cells(column: Any) -> Iterable[Any]:
    """Values as they stand in CSV; times as those of the API."""
    if isinstance(column, Times):
        return (moment_of(time).isoformat() for time in column.microseconds)
    return (_cell(value) for value in column)


def _cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    return value.isoformat() if isinstance(value, datetime) else value


def moment_of(microseconds: int) -> datetime:
    """A time, exactly."""
    return EPOCH + timedelta(microseconds=microseconds)


@contextmanager
def progress(what: str, total: int, is_quiet: bool = False) -> Iterator[Callable[[], None]]:
    """A bar for some things, on the terminal if there is one; what it gives is called when one of them is done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    terminal = console(stderr=True)
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    hidden = is_quiet or total < 2 or not terminal.is_terminal
    with Progress(*columns, console=terminal, transient=True, disable=hidden) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def print_csv(columns: Mapping[str, Sequence[Any]]) -> None:
    """Columns under their names; what is missing is empty, and lists are JSON."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values()):
        writer.writerow(cells(row))


def print_table(names: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Sequence[str] = ()) -> None:
    """A table; columns that are named in `numbers` stand at the right. In a pipe it is as wide as it has to be."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(names))
    for name in names:
        table.add_column(Text(text(name)), justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(text(cell)) for cell in row))
    console().print(table)


def console(stderr: bool = False) -> Any:
    """The terminal, or a pipe without bounds."""
    from rich.console import Console

    found = Console(stderr=stderr, highlight=False, soft_wrap=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=100_000)


def text(value: Any) -> str:
    """A cell as a person reads it, without what a terminal would obey."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        value = ", ".join(value)
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else " " for letter in words)


def duration(start: datetime, end: datetime | None) -> str:
    """How long it took, `1:02:03`; nothing for what has not ended."""
    if end is None:
        return ""
    minutes, seconds = divmod(max(0, round((end - start).total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _encoded(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
