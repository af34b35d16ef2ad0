"""`make run` is the server: one line when it is ready, and nothing left behind when it ends."""

import os
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.servers import ROOT, free_port
from tests.waiting import becomes

pytestmark = pytest.mark.slow


# A make that was started by `make test` would say where it is, and take its flags.
OUTSIDE = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}


class MakeRun:
    """A `make run` of its own, in a session of its own, so that its processes can be counted."""

    def __init__(self, data_dir: Path) -> None:
        self.port = free_port()
        settings = {"AI_MANAGER_PORT": str(self.port), "AI_MANAGER_DATA_DIR": str(data_dir)}
        self.process = subprocess.Popen(
            ["make", "run"], cwd=ROOT, env=OUTSIDE | settings, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.first_line = self.process.stdout.readline()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def processes(self) -> list[str]:
        """List what still runs of this start, the dead that nobody has counted yet aside."""
        shown = subprocess.run(["ps", "-eo", "sess=,stat=,args="], capture_output=True, text=True, check=True)
        rows = [line.split(maxsplit=2) for line in shown.stdout.splitlines()]
        return [row[2] for row in rows if row[0] == str(self.process.pid) and row[1][0] != "Z"]

    def all_gone(self, within: float) -> bool:
        return becomes(lambda: not self.processes(), within, every=0.05)

    def close(self) -> None:
        if self.processes():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def make_run(tmp_path):
    started = []

    def start(name="data"):
        started.append(MakeRun(tmp_path / name))
        return started[-1]

    yield start
    for each in started:
        each.close()


def get(url):
    with urllib.request.urlopen(url, timeout=120) as answer:
        return answer.status


def test_the_first_line_is_the_address_of_a_server_that_answers(make_run):
    server = make_run()
    assert server.first_line.rstrip().endswith(server.url)
    assert get(f"{server.url}/readyz") == 200
    assert get(f"{server.url}/login") == 200


@pytest.mark.parametrize("to_all", [False, True], ids=["to make alone", "to the whole group"])
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_signal_ends_the_server_and_leaves_nothing_behind(make_run, sent, to_all):
    server = make_run()
    assert server.processes()
    (os.killpg if to_all else os.kill)(server.process.pid, sent)
    assert server.all_gone(within=8)


def test_the_server_ends_when_make_is_killed(make_run):
    server = make_run()
    os.kill(server.process.pid, signal.SIGKILL)
    assert server.all_gone(within=8)


def test_two_run_side_by_side(make_run):
    first, second = make_run("one"), make_run("two")
    assert get(f"{first.url}/readyz") == get(f"{second.url}/readyz") == 200
    os.kill(first.process.pid, signal.SIGTERM)
    assert first.all_gone(within=8)
    assert get(f"{second.url}/readyz") == 200


def test_a_setting_that_cannot_be_used_stops_the_start_with_one_sentence(tmp_path):
    settings = {"AI_MANAGER_WORKERS": "none", "AI_MANAGER_DATA_DIR": str(tmp_path)}
    done = subprocess.run(["make", "run"], cwd=ROOT, env=OUTSIDE | settings, capture_output=True, text=True)
    assert done.returncode != 0
    assert "AI_MANAGER_WORKERS" in done.stderr
    assert "Traceback" not in done.stderr
