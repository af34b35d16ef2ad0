"""PostgreSQL restarts in the middle of an ingest: 503 meanwhile, never a 500, and nothing lost or doubled."""

import signal
import urllib.request

import pytest

from tests.faults.scripts import NO_LIMITS, PASSWORD, Account, check, start_scripts, wait_for_progress
from tests.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def test_a_crash_of_postgres_is_a_pause_and_nothing_else(durable_postgres, gunicorn_server):
    server = gunicorn_server(database_url=durable_postgres.make_database(), **NO_LIMITS)
    alice = Account(server.url)
    run = alice.run()
    scripts = start_scripts(alice, run)
    for _ in range(3):
        wait_for_progress(scripts)
        # What `pg_ctl stop -m immediate` sends: nothing is written out, the next start recovers from the log.
        durable_postgres.process.send_signal(signal.SIGQUIT)
        durable_postgres.process.wait(10)
        for method, path, body in (
            ("GET", "/auth/me", None),
            ("GET", "/projects/", None),
            ("GET", f"/metrics/{run}/summary", None),
            ("GET", f"/metrics/{run}/history/bulk-0/value", None),
            ("POST", "/projects/", {"name": "another"}),
            ("POST", "/auth/login", {"username": "alice", "password": PASSWORD}),
            ("POST", f"/metrics/{run}", {"name": "x", "value": 1}),
        ):
            answer = alice.send(method, path, body)
            assert answer.status == 503, (method, path, answer.status, answer.data)
            assert int(answer.headers["Retry-After"]) >= 1
        # What it said may be a second old.
        wait_until(lambda: alice.send("GET", "/readyz").status == 503)
        page = alice.send("GET", f"/app/runs/{run}", headers={"Accept": "text/html"})
        assert (page.status, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
        assert urllib.request.urlopen(f"{server.url}/healthz").status == 200
        durable_postgres.start()
        wait_for_progress(scripts, 1)
    for script in scripts:
        script.finish()
    check(alice, run, scripts)
    assert sum(script.statuses[503] for script in scripts) > 0
