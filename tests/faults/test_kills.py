"""SIGKILL at any moment of an ingest: what was acknowledged is there, once."""

import random
import sqlite3

import pytest

from tests.faults.scripts import Account, check, start_scripts, wait_for_progress

KILLS = 20


@pytest.mark.slow
def test_twenty_kills_lose_nothing_double_nothing_invent_nothing(durable_server, database_kind):
    server = durable_server()
    alice = Account(server.url)
    run = alice.run()
    scripts = start_scripts(alice, run)
    for _ in range(KILLS):
        wait_for_progress(scripts[:1], random.randint(1, 40))
        server.kill()
        server.start()
        assert alice.ask("GET", "/auth/me")[0] == 200  # The token of before the kill.
    wait_for_progress(scripts, 1)
    for script in scripts:
        script.finish()
    print(f"{sum(script.logged for script in scripts)} values")
    check(alice, run, scripts)
    assert min(script.logged for script in scripts) > KILLS
    if database_kind == "sqlite":
        server.stop()
        with sqlite3.connect(server.data_dir / "aimanager.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
