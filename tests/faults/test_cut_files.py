"""A write-ahead log that is cut short, as by a disk that lost its end: nothing that was acknowledged before the cut is
gone, what came later is gone, and the database is whole.

Cut is SQLite's log, the file that grows while points arrive; an acknowledged request is in it before the answer, and it
begins anew only when its pages are in the database file and both are synchronised.
"""

import sqlite3
import subprocess
import sys

import pytest

from aimanager.store import SqlStore
from aimanager.store.chunks import layout
from aimanager.store.upkeep import doctor
from tests.faults.cut import FRAME, HEAD, used
from tests.store.factories import open_database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
LAST = 64 * 1024


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, size in {"CHUNK": 64, "NODE": 16, "ROLLUP": 2, "LARGE": 40}.items():
        monkeypatch.setattr(layout, name, size)


def killed(folder, requests, most):
    """What a killed process leaves: the database's bytes, its log's, and what was acknowledged when the log had so many."""
    path = folder / "killed.db"
    wal = folder / "killed.db-wal"
    command = [sys.executable, "-m", "tests.faults.cut", f"sqlite:///{path}", wal, str(most)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        said = [child.stdout.readline() for _ in range(requests)]
        child.kill()
        said += child.stdout.readlines()
    return path.read_bytes(), wal.read_bytes(), [tuple(map(int, line.split())) for line in said if line.endswith("\n")]


def cuts(wal, thoroughly):
    """Where the log's end is cut: everywhere, or around the borders of its frames and here and there."""
    end = used(wal)
    for last in {end, len(wal)}:
        for at in range(max(0, last - LAST), last + 1):
            from_border = (at - HEAD) % FRAME
            if thoroughly or from_border in (0, 1, 23, 24, 25, FRAME - 1) or at % 401 == 0 or at == last:
                yield at


def opened(path, database, wal):
    """Open what is left; the last request that is there, and how many axes."""
    for suffix, data in (("", database), ("-wal", wal)):
        path.with_name(path.name + suffix).write_bytes(data)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA synchronous=OFF")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        stored = connection.execute("SELECT max(last_seq) FROM metric_writer").fetchone()[0] or 0
        return stored, connection.execute("SELECT count(*), sum(axis_no) FROM metric_axis").fetchone()
    finally:
        connection.close()


def assert_prefix(path, stored):
    """Exactly the first requests are there, and everything that is kept of them agrees."""
    database = open_database(f"sqlite:///{path}", create=False)
    for name in ("a", "b"):
        series = SqlStore(database).series(1, name)
        expected = [seq for seq in range(1, stored + 1) for _ in range(40 if seq % 10 == 0 else 3)]
        assert (series.values.tolist() if series else []) == expected
    assert not list(doctor.check(database))
    database.engine.dispose()


# The log begins anew after 50 pages or so: before that, and some time later.
@pytest.mark.parametrize(("requests", "most"), [(6, 6), (150, 10**9)], ids=["first turn", "later turn"])
def test_a_log_that_is_cut_anywhere_opens_to_what_was_acknowledged_before(tmp_path, requests, most, pytestconfig):
    database, wal, acknowledged = killed(tmp_path, requests, most)
    # What was acknowledged before the log began anew for the last time is in the database.
    settled = max((i for i in range(1, len(acknowledged)) if acknowledged[i][1] < acknowledged[i - 1][1]), default=0)
    assert (settled > 0) == (requests < most)
    before, seen, count = 0, set(), 0
    path = tmp_path / "cut.db"
    for at in sorted(set(cuts(wal, pytestconfig.getoption("--thorough")))):
        stored, axes = opened(path, database, wal[:at])
        promised = max((seq for i, (seq, size) in enumerate(acknowledged) if i < settled or size <= at), default=0)
        assert promised <= stored <= acknowledged[-1][0] + 1
        assert stored >= before
        if (stored, axes) not in seen:
            assert_prefix(path, stored)
        seen.add((stored, axes))
        before, count = stored, count + 1
    assert before >= acknowledged[-1][0]
    assert len(seen) > 1
    print(f"{count} cuts, {len(seen)} states, {before} requests in all")
