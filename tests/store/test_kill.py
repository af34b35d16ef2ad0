"""A process that is killed in the middle of writing or sealing loses nothing that it was told is stored."""

import random
import subprocess
import sys

import pytest
from sqlalchemy import func, select

from aimanager.store import SqlStore, doctor, layout, tables
from tests.store.factories import column, log, open_database

CYCLES = 20


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_was_acknowledged_survives_a_kill(database_url, database_kind, monkeypatch):
    for name, size in {"CHUNK": 64, "NODE": 16, "ROLLUP": 2, "LARGE": 40}.items():
        monkeypatch.setattr(layout, name, size)
    database = open_database(database_url)
    stored = 0
    for _ in range(CYCLES if database_kind == "sqlite" else 5):
        command = [sys.executable, "-m", "tests.store.killed", database_url, str(stored + 1)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        acknowledged = stored
        for _ in range(random.randint(1, 60)):
            acknowledged = int(child.stdout.readline())
        child.kill()
        acknowledged = int(([acknowledged, *child.communicate()[0].split()])[-1])
        child.wait()

        series = SqlStore(database).series(1, "a")
        stored = int(series.values[-1])
        assert acknowledged <= stored <= acknowledged + 1
        assert series.values.tolist() == [
            seq for seq in range(1, stored + 1) for _ in range(40 if seq % 10 == 0 else 3)
        ]
        assert log(SqlStore(database), 1, column("a", [0]), writer="w", seq=stored).repeated
        assert [str(fault) for fault in doctor.check(database)] == []
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.metric_rollup)) > 0
        if database_kind == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    database.engine.dispose()
