"""SIGKILL at any moment of an ingest: what was acknowledged is there, once."""

import random
import sqlite3
import time

import pytest

from tests.faults.scripts import Account, check, start_scripts

KILLS = 20
READY = 5.0  # Seconds.


@pytest.mark.slow
def test_twenty_kills_lose_nothing_double_nothing_invent_nothing(durable_server, database_kind):
    server = durable_server()
    alice = Account(server.url)
    run = alice.run()
    scripts = start_scripts(alice, run)
    slowest = 0.0
    for _ in range(KILLS):
        time.sleep(random.uniform(0.05, 0.5))
        server.kill()
        began = time.monotonic()
        server.start()
        slowest = max(slowest, time.monotonic() - began)
        assert alice.ask("GET", "/auth/me")[0] == 200  # The token of before the kill.
    time.sleep(0.3)
    for script in scripts:
        script.finish()
    print(f"{sum(script.logged for script in scripts)} values, ready again within {slowest:.1f} s")
    check(alice, run, scripts)
    assert min(script.logged for script in scripts) > KILLS
    assert slowest < READY
    if database_kind == "sqlite":
        server.stop()
        with sqlite3.connect(server.data_dir / "aimanager.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
