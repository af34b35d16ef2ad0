"""How commands print: JSON and CSV for programs, tables for people."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click


def print_json(value: Any) -> None:
    """One value on a line."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_encoded))


def print_json_list(values: Iterable[Any]) -> None:
    """A list with an item on each line, printed as they come."""
    click.echo("[", nl=False)
    for place, value in enumerate(values):
        click.echo((",\n" if place else "\n") + json.dumps(value, ensure_ascii=False, default=_encoded), nl=False)
    click.echo("\n]")


def print_csv(columns: Mapping[str, Sequence[Any]]) -> None:
    """Columns under their names; what is missing is empty, and lists are JSON."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values()):
        writer.writerow(json.dumps(cell) if isinstance(cell, (list, dict)) else cell for cell in row)


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
