"""A process that is killed in the middle of writing, sealing, merging or rolling up loses nothing that it was told is
stored."""

import mmap
import random
import subprocess
import sys
from collections import Counter

import pytest
from sqlalchemy import func, select

from aimanager.store import SqlStore, tables
from aimanager.store.chunks import layout
from aimanager.store.upkeep import doctor
from tests.store.factories import column, log, open_database
from tests.store.killed import WORK
from tests.waiting import pace, wait_until


@pytest.fixture
def kills(request, database_kind):
    """How often a process is killed during each kind of work: 20 times in all, or 200."""
    if request.config.getoption("--thorough"):
        return 50
    return 5 if database_kind == "sqlite" else 2


class Killed:
    """A process that logs and tidies, until it is killed while it does a kind of work."""

    def __init__(self, url, first, told):
        self.told = told
        self.command = [sys.executable, "-m", "tests.store.killed", url, str(first), told]

    def during(self, work):
        """What it was doing when it died, and the last number that it was told is stored."""
        with open(self.told, "r+b") as file:
            told = mmap.mmap(file.fileno(), 1)
        told[0] = 0
        with subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True) as child:
            acknowledged = [int(child.stdout.readline()) for _ in range(random.randint(1, 30))]
            wait_until(lambda: told[0] == WORK.index(work) or child.poll() is not None, 60, every=0)
            pace(random.choice([0, 0, 0.0005, 0.002]))
            child.kill()
            acknowledged += map(int, child.stdout.read().split())
        return WORK[told[0]], acknowledged[-1]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_was_acknowledged_survives_a_kill(database_url, database_kind, monkeypatch, tmp_path, kills):
    for name, size in {"CHUNK": 64, "NODE": 16, "ROLLUP": 2, "LARGE": 40}.items():
        monkeypatch.setattr(layout, name, size)
    database = open_database(database_url)
    told = tmp_path / "told"
    told.write_bytes(bytes(1))
    stored, hits = 0, Counter()
    while any(hits[work] < kills for work in WORK):
        # A pipe that is full would stop the child, so what it is to be killed in must come soon: it always does.
        killed_at, acknowledged = Killed(database_url, stored + 1, told).during(min(WORK, key=lambda work: hits[work]))
        hits[killed_at] += 1

        series = SqlStore(database).series(1, "a")
        stored = int(series.values[-1])
        assert acknowledged <= stored <= acknowledged + 1
        assert series.values.tolist() == [
            seq for seq in range(1, stored + 1) for _ in range(40 if seq % 10 == 0 else 3)
        ]
        assert log(SqlStore(database), 1, column("a", [0]), writer="w", seq=stored).repeated
        assert [str(fault) for fault in doctor.check(database)] == []
    print(f"killed during {dict(hits)}, {stored} requests")
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.metric_rollup)) > 0
        if database_kind == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    database.engine.dispose()
