"""Bytes a point on disk, on recorded training and on made-up curves: ours, Trackio's, MLflow's, and plain columns.

Whatever a tracker keeps of the runs themselves is taken away: a database with each run's first row is subtracted.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import zstandard

from aimanager.store import Batch, Column
from tests.store.curves import Group, load, rows

from . import store
from .environment import python_of
from .figure import Figure

ROWS = 8192  # Of the made-up curves, where each row is a request.

Runs = dict[str, list[Group]]


def figures() -> list[Figure]:
    recorded = load()
    longest = {"perceptron": recorded["perceptron, SGD"]}
    return [
        *_compared("disk, real training, 11 runs", recorded),
        Figure("disk, real training, the longest run", _ours(longest), "B/point"),
        *_compared("disk, 8 metrics of 8,192 rows", _made_up(8), 2.6),
        *_compared("disk, 1 metric of 8,192 rows", _made_up(1), 5.2),
    ]


def _made_up(width: int) -> Runs:
    times, curves = store._curves(ROWS)
    return {
        "made up": [
            tuple(Column(f"metric {i}", curve, np.arange(ROWS), times) for i, curve in enumerate(curves[:width]))
        ]
    }


def _compared(what: str, runs: Runs, goal: float | None = None) -> list[Figure]:
    ours = _ours(runs)
    raw, packed = _columns(runs)
    figures = [
        Figure(what, ours, "B/point", goal),
        Figure(f"{what}: as plain columns", raw, "B/point"),
        Figure(f"{what}: as columns, each by zstd -19", packed, "B/point"),
    ]
    for tracker, name, most in (("trackio", "Trackio", 12), ("mlflow", "MLflow", 40)):
        try:
            theirs = _theirs(tracker, runs)
        except subprocess.CalledProcessError as error:  # No package index, say.
            print(f"{name} could not be measured: {error}", file=sys.stderr)
            continue
        figures += [
            Figure(f"{what}: {name}", theirs, "B/point"),
            Figure(f"{what}: times less than {name}", theirs / ours, "x", most, at_least=True),
        ]
    return figures


def _points(runs: Runs) -> int:
    return sum(len(column.values) for groups in runs.values() for group in groups for column in group)


def _ours(runs: Runs) -> float:
    """Logged row by row as it came, sealed on the way, merged at the end."""
    with TemporaryDirectory() as folder:
        sizes = []
        for some in (1, None):
            kept, database = store._open(Path(folder) / f"{some}.db")
            for number, groups in enumerate(runs.values(), 1):
                for count, row in enumerate(itertools.islice(rows(groups), some), 1):
                    kept.append(number, 1, Batch(row))
                    if count % 1024 == 0:
                        kept.tidy()
                kept.finish(number)
            kept.tidy()
            sizes.append(store._size(database))
            database.engine.dispose()
    return (sizes[1] - sizes[0]) / _points(runs)


def _columns(runs: Runs) -> tuple[float, float]:
    """Steps, times and values in 8 bytes each; steps and times are shared by their group here too."""
    raw = packed = 0
    press = zstandard.ZstdCompressor(19)
    for group in (group for groups in runs.values() for group in groups):
        for array in (group[0].steps, group[0].times, *(column.values for column in group)):
            data = np.ascontiguousarray(array).tobytes()
            raw += len(data)
            packed += len(press.compress(data))
    return raw / _points(runs), packed / _points(runs)


def _theirs(tracker: str, runs: Runs) -> float:
    python, script = python_of(tracker), Path(__file__).with_name("peers.py")
    with TemporaryDirectory() as name:
        folder, sizes = Path(name), []
        for some in (1, None):
            path = folder / f"{some}.jsonl"
            path.write_text("\n".join(_lines(runs, some)))
            done = subprocess.run(
                [python, script, tracker, path, folder / f"{some}"],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
                timeout=600,
            )
            sizes.append(int(done.stdout.split()[-1]))
    return (sizes[1] - sizes[0]) / _points(runs)


def _lines(runs: Runs, some: int | None) -> Iterator[str]:
    for run, groups in runs.items():
        for row in itertools.islice(rows(groups), some):
            metrics = {column.name: float(column.values[0]) for column in row}
            yield json.dumps(
                {"run": run, "step": int(row[0].steps[0]), "time": int(row[0].times[0]), "metrics": metrics}
            )
