"""Redis goes away under a running server and comes back: the live part slows down, nothing else notices."""

import pytest

from tests.faults.scripts import NO_LIMITS, Account, check, start_scripts, wait_for_progress
from tests.live.people import Socket
from tests.waiting import wait_until

pytestmark = [pytest.mark.redis, pytest.mark.slow]


@pytest.fixture
def own_redis(redis):
    """The Redis of this run, for a test that stops it."""
    redis.empty()
    yield redis
    if redis.process.poll() is not None:
        redis.start()


def viewer(server, alice, run):
    return Socket(server, f"/ws/{run}", since=0, header=[f"Authorization: Bearer {alice.token}"])


def test_ingest_continues_and_viewers_get_everything(own_redis, gunicorn_server):
    server = gunicorn_server(workers=2, redis_url=own_redis.url, **NO_LIMITS)
    alice = Account(server.url)
    run = alice.run()
    scripts = start_scripts(alice, run)
    viewers = [viewer(server, alice, run) for _ in range(4)]
    wait_for_progress(scripts)

    own_redis.stop()
    wait_until(lambda: alice.ask("GET", "/readyz")[1]["bus"] == "down")
    assert alice.ask("GET", "/readyz")[0] == 200  # It serves, if later than it would.
    viewers += [viewer(server, alice, run) for _ in range(4)]
    wait_for_progress(scripts)

    own_redis.start()
    wait_until(lambda: alice.ask("GET", "/readyz")[1]["status"] == "ok")
    wait_for_progress(scripts)
    for script in scripts:
        script.finish()
    check(alice, run, scripts)
    assert not sum(script.statuses[503] for script in scripts)
    total = sum(script.logged * (2 if script.kind == "batch" else 1) for script in scripts)
    for one in viewers:
        one.read(until=lambda one: one.last_id == total)
        assert sorted(one.ids()) == list(range(1, total + 1))
        one.close()


def test_wrong_passwords_are_counted_without_redis(own_redis, gunicorn_server):
    server = gunicorn_server(workers=2, redis_url=own_redis.url)
    alice = Account(server.url)
    alice.token = ""
    guess = {"username": alice.name, "password": "a wrong password"}
    own_redis.stop()
    # Ten for each of the two processes, which count for themselves meanwhile.
    statuses = [alice.ask("POST", "/auth/login", guess)[0] for _ in range(22)]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 20


def test_the_general_limits_let_people_in_without_redis(own_redis, gunicorn_server):
    server = gunicorn_server(workers=2, redis_url=own_redis.url, **NO_LIMITS | {"rate_limits": "5/minute"})
    alice = Account(server.url)
    assert [alice.ask("GET", "/projects/")[0] for _ in range(6)] == [200] * 5 + [429]
    own_redis.stop()
    statuses = [alice.ask("GET", "/projects/")[0] for _ in range(12)]
    assert statuses[0] == 200
    assert set(statuses) <= {200, 429}
    own_redis.start()
    wait_until(lambda: alice.ask("GET", "/projects/")[0] in {200, 429})
