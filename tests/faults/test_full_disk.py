"""A full disk: nothing can be stored, everything can be read, and work goes on by itself once there is room."""

import os
import sqlite3
import subprocess

import pytest

from tests.faults.scripts import NO_LIMITS, Account, check_summary
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

SIZE = 48 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own, small enough to be filled."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if (made := subprocess.run(mount, capture_output=True, text=True)).returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path):
    """Write until nothing more goes in."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


def until_refused(alice, run, sent):
    """Log until the server says that it cannot; the answer. What it took is added to `sent`."""
    for _ in range(100):
        values = [float(len(sent) + place) for place in range(5000)]
        answer = alice.send("POST", f"/metrics/{run}/bulk", {"series": {"loss": {"values": values}}})
        if answer.status != 200:
            return answer
        sent.extend(values)
    raise AssertionError("the disk never became full")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_refuses_writes_serves_reads_and_heals_by_itself(small_disk, gunicorn_server, workers):
    server = gunicorn_server(data_dir=small_disk / "data", workers=workers, **NO_LIMITS)
    alice = Account(server.url)
    run = alice.run()
    sent = [-1.0]
    alice.must("POST", f"/metrics/{run}/batch", {"metrics": {"accuracy": 0.5, "loss": -1.0}})
    fill(small_disk / "filler")

    refusal = until_refused(alice, run, sent)
    assert refusal.status == 503
    assert refusal.json()["detail"]
    assert int(refusal.headers["Retry-After"]) >= 1
    answer = alice.send("POST", "/projects/", {"name": "another"})
    assert (answer.status, answer.headers.get("Retry-After")) == (503, "1")
    wait_until(lambda: alice.ask("GET", "/readyz")[1]["disk"] == "full")

    assert alice.values(run, "loss") == sent
    for path in (f"/runs/{run}", "/projects/", f"/metrics/{run}/summary", f"/metrics/{run}/chart?name=loss"):
        assert alice.send("GET", path).status == 200
    page = alice.send("GET", f"/app/runs/{run}", headers={"Accept": "text/html"})
    assert page.status == 200

    (small_disk / "filler").unlink()
    wait_until(lambda: alice.ask("POST", f"/metrics/{run}", {"name": "accuracy", "value": 0.75})[0] == 201)
    assert alice.values(run, "accuracy")[-1] == 0.75
    assert alice.values(run, "loss") == sent
    check_summary(alice, run)

    server.stop()
    connection = sqlite3.connect(small_disk / "data" / "aimanager.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
