"""The servers of the tests are real, and none of them outlives the tests."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_each_postgres_database_is_empty_and_ones_own(postgres):
    first, second = postgres.make_database(), postgres.make_database()
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE here (id int)")
    with psycopg.connect(second) as connection:
        tables = connection.execute("SELECT count(*) FROM information_schema.tables WHERE table_name = 'here'")
        assert tables.fetchone() == (0,)


def test_redis_starts_empty_for_each_test(redis, redis_url):
    redis.say("SET here 1")
    redis.empty()
    assert redis.say("DBSIZE") == ":0"


def test_the_browser_draws_a_page(page):
    page.set_content("<title>here</title>")
    assert page.title() == "here"


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_servers_end_with_a_test_run_that_is_killed():
    script = """
from tests.servers import Postgres, Redis
servers = [Postgres(), Redis()]
print(*(server.pid for server in servers), *(server.folder for server in servers), flush=True)
import signal; signal.pause()
"""
    child = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    *pids, first, second = child.stdout.readline().split()
    assert all(is_alive(int(pid)) for pid in pids)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    wait_until(lambda: not any(is_alive(int(pid)) for pid in pids))
    subprocess.run(["rm", "-rf", first, second], check=True)


@pytest.mark.slow
def test_the_server_starts_again_on_the_data_of_one_that_was_killed(gunicorn_server, database_url):
    server = gunicorn_server(database_url=database_url)
    server.kill()
    server.start()
    assert server.answers()
    assert server.stop() == 0


@pytest.mark.slow
def test_several_workers_serve_on_postgres_and_redis(gunicorn_server, postgres_url, redis_url):
    server = gunicorn_server(workers=2, database_url=postgres_url, redis_url=redis_url)
    workers = subprocess.run(["pgrep", "-P", str(server.pid)], capture_output=True, text=True, check=True)
    assert len(workers.stdout.split()) == 2
    assert server.stop() == 0
