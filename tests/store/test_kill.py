"""A process that is killed in the middle of writing loses nothing that it was told is stored."""

import random
import subprocess
import sys

import pytest

from aimanager.store import SqlStore
from tests.store.factories import column, log, open_database

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(database_url, database_kind):
    database = open_database(database_url)
    stored = 0
    for _ in range(4):
        command = [sys.executable, "-m", "tests.store.killed", database_url, str(stored + 1)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        acknowledged = stored
        for _ in range(random.randint(1, 60)):
            acknowledged = int(child.stdout.readline())
        child.kill()
        acknowledged = int(([acknowledged, *child.communicate()[0].split()])[-1])
        child.wait()

        series = SqlStore(database).series(1, "a")
        stored = len(series.ids) // 3
        assert acknowledged <= stored <= acknowledged + 1
        assert series.values.tolist() == [seq for seq in range(1, stored + 1) for _ in range(3)]
        summary = SqlStore(database).summaries([1])[1][0]
        assert (summary.count, summary.mean) == (stored * 3, (stored + 1) / 2)
        assert log(SqlStore(database), 1, column("a", [0]), writer="w", seq=stored).repeated
    if database_kind == "sqlite":
        with database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    database.engine.dispose()
