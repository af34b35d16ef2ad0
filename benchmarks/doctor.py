"""`aimanager doctor` on a run of ten million points: how fast it looks at them, and in how much memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from aimanager.config import Settings
from aimanager.db import schema
from aimanager.db.engine import Database
from aimanager.store import Batch, Column, SqlStore

from .figure import Figure

POINTS, REQUEST = 10_000_000, 500_000


def figures() -> list[Figure]:
    with TemporaryDirectory() as folder:
        fill(Path(folder))
        began = time.monotonic()
        command = [sys.executable, "-c", "from aimanager.cli import main; main()", "doctor"]
        environment = os.environ | {"AI_MANAGER_DATA_DIR": folder, "AI_MANAGER_DATABASE_URL": ""}
        child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        said = child.stdout.read() if child.stdout else ""
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        spent = time.monotonic() - began
    assert child.returncode == 0, said
    return [
        Figure("doctor, 10 M points", POINTS / spent / 1e6, "M points/s"),
        Figure("doctor, 10 M points: peak memory", used.ru_maxrss / 1024, "MB", 200),
    ]


def fill(folder: Path) -> None:
    settings = Settings(data_dir=folder, durability="fast")
    schema.upgrade(Database.open(settings))
    database, rng = Database.open(settings), np.random.default_rng(0)
    store = SqlStore(database)
    for start in range(0, POINTS, REQUEST):
        steps = np.arange(start, start + REQUEST)
        times = 1_700_000_000_000_000 + steps * 100_000 + rng.integers(0, 9000, REQUEST)
        values = rng.normal(size=REQUEST).astype(np.float32).astype(np.float64)
        store.append(1, 1, Batch((Column("loss", values, steps, times),)))
    store.finish(1)
    store.tidy()
    database.engine.dispose()
