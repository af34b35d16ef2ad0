"""Somebody holds the database for ever: writers are told to come again, and nobody else notices."""

import fcntl
import os
import signal
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import urllib3

from aimanager.db.write_gate import DatabaseBusy, Gate
from tests.faults.scripts import NO_LIMITS, Account, wait_until

LONGEST = 14  # Seconds until a client gives up: a writer's patience of ten and some for a busy machine.


@pytest.fixture
def server(gunicorn_server):
    return gunicorn_server(**NO_LIMITS)


@contextmanager
def held_gate(server):
    """The gate of a server's database, held by another process that never lets go of it."""
    with (server.data_dir / "aimanager.db.lock").open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def held_database(server):
    """The same by a program that knows nothing of the gate."""
    shell = sqlite3.connect(server.data_dir / "aimanager.db", isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    yield
    shell.rollback()
    shell.close()


def ask(server, token, method, path, body=None, patience=LONGEST):
    with urllib3.PoolManager(retries=False, timeout=patience) as http:
        return http.request(method, server.url + path, json=body, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.slow
@pytest.mark.parametrize("hold", [held_gate, held_database])
def test_writers_get_a_503_and_readers_an_answer_while_somebody_holds_the_database(server, hold):
    alice = Account(server.url)
    run = alice.run()
    key = alice.must("POST", "/auth/keys", {"name": "laptop"})["api_key"]
    point = {"metrics": {"loss": 0.5}}
    writes = [
        ("POST", "/projects/", {"name": "another"}),
        ("POST", "/auth/logout", None),
        ("POST", "/auth/ws-ticket", {"run_id": run}),
        ("PUT", f"/runs/{run}", {"notes": "a note"}),
        # Eight that come one after the other in the queue of the group commit.
        *[("POST", f"/metrics/{run}/batch", point)] * 8,
    ]
    with hold(server), ThreadPoolExecutor(len(writes)) as pool:
        waiting = [pool.submit(ask, server, alice.token, *write) for write in writes]
        for path in ("/readyz", "/healthz"):
            assert ask(server, "", "GET", path, patience=3).status == 200
        for path in ("/projects/", f"/runs/{run}", f"/metrics/{run}/summary"):
            assert ask(server, key, "GET", path, patience=5).status == 200
        for answer in [one.result() for one in waiting]:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) >= 1
    assert ask(server, alice.token, "POST", f"/metrics/{run}/batch", point).status == 200
    assert ask(server, alice.token, "POST", "/auth/logout").status == 204


def test_a_turn_that_does_not_come_in_time_is_refused_in_this_process_and_between_processes(tmp_path):
    gate, other = Gate(tmp_path / "lock"), Gate(tmp_path / "lock")
    refused = []

    def wait_at(one):
        try:
            with one.turn(patience=0.05):
                raise AssertionError("two held the gate at once")
        except DatabaseBusy as error:
            refused.append(error)

    with gate.turn():
        for one in (gate, other):  # Another Gate of the same file stands for another process.
            thread = threading.Thread(target=wait_at, args=(one,))
            thread.start()
            thread.join()
    assert len(refused) == 2
    for one in (gate, other):
        with one.turn(patience=5), one.turn(patience=5):
            pass


@pytest.mark.slow
@pytest.mark.postgres
def test_readiness_is_answered_while_postgres_is_paused_and_after_it(durable_postgres, gunicorn_server):
    server = gunicorn_server(database_url=durable_postgres.make_database(), **NO_LIMITS)
    backends = [int(pid) for pid in _processes_of(durable_postgres.pid)]
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        # Each time within two seconds; what it says may be one second old.
        wait_until(lambda: ask(server, "", "GET", "/readyz", patience=2).json()["database"] == "down")
        for path, status in (("/healthz", 200), ("/readyz", 503)):
            assert ask(server, "", "GET", path, patience=2).status == status
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: ask(server, "", "GET", "/readyz", patience=2).status == 200, 20)


def _processes_of(parent):
    """A process and its children."""
    with open(f"/proc/{parent}/task/{parent}/children") as children:
        return [parent, *map(int, children.read().split())]


def test_the_last_use_of_a_key_is_written_in_the_background(api, alice):
    key = api(alice).post("/auth/keys", {"name": "laptop"}).json["api_key"]
    assert api(alice).get("/auth/keys").json[0]["last_used_at"] is None
    assert api(key).get("/projects/").status_code == 200
    wait_until(lambda: api(alice).get("/auth/keys").json[0]["last_used_at"] is not None)
