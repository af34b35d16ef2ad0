"""Three processes on one SQLite file: each point is there, and a limit is one limit."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.scripts import NO_LIMITS, Account, check, start_scripts, wait_for_progress

pytestmark = pytest.mark.slow


def test_the_points_of_sixteen_writers_on_one_run_are_all_there(gunicorn_server):
    server = gunicorn_server(workers=3, **NO_LIMITS)
    alice = Account(server.url)
    run = alice.run()
    scripts = start_scripts(alice, run, "bulk " * 12 + "single single batch batch")
    wait_for_progress(scripts, 40)
    for script in scripts:
        script.finish()
    check(alice, run, scripts)
    # Nobody was sent away: writers wait for each other.
    assert sum((script.statuses for script in scripts), Counter()).keys() == {200, 201}


def test_a_limit_is_exact_across_processes(gunicorn_server):
    server = gunicorn_server(workers=3, **NO_LIMITS | {"rate_limits": "100/minute"})
    alice = Account(server.url)

    def ask(_):
        # A connection of its own for each, so that every process takes some.
        return alice.send("GET", "/projects/", headers={"Connection": "close"}).status

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(ask, range(160)))
    assert statuses == {200: 100, 429: 60}
