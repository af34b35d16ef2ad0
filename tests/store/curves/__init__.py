"""Recorded training, as it was logged; README.md says how it was made."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from aimanager.store import Column

Group = tuple[Column, ...]


def load() -> dict[str, list[Group]]:
    """The runs, each as groups of columns that share their steps and times."""
    columns: dict[tuple[str, str], dict[str, np.ndarray]] = defaultdict(dict)
    with np.load(Path(__file__).parent / "curves.npz") as arrays:
        for key in arrays:
            run, group, name = key.split("|")
            columns[run, group][name] = arrays[key]
    runs: dict[str, list[Group]] = defaultdict(list)
    for (run, _), group in columns.items():
        steps, times = (np.cumsum(group.pop(axis)) for axis in ("step", "time"))
        runs[run].append(tuple(Column(name, values.astype(np.float64), steps, times) for name, values in group.items()))
    return runs


def rows(groups: list[Group]) -> list[Group]:
    """The requests of a client that sends each row as it comes, in their order."""
    rows = []
    for group in groups:
        for row in range(len(group[0].values)):
            part = slice(row, row + 1)
            rows.append(tuple(Column(c.name, c.values[part], c.steps[part], c.times[part]) for c in group))
    return sorted(rows, key=lambda row: int(row[0].times[0]))
