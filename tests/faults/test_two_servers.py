"""Servers come and go: two start at once, one meets a database from the future, one is told to stop at work."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
import urllib3

from aimanager.db import schema
from tests.faults.scripts import NO_LIMITS, Account
from tests.servers import Gunicorn
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def engine(database_url):
    """A look at the database from outside, on no connection that stays open."""
    url = database_url.replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    yield engine
    engine.dispose()


def revisions(engine):
    with engine.connect() as connection:
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars().all()


def test_two_servers_that_start_at_once_migrate_once(database_url, engine, tmp_path):
    settings = {"database_url": database_url, "secret_key": "the same forty letters for both servers..", **NO_LIMITS}
    # The threads stay while the servers run: a child of a thread that ends is ended with it.
    with ThreadPoolExecutor(3) as pool:
        servers = list(pool.map(lambda number: Gunicorn(data_dir=tmp_path / str(number), **settings), range(3)))
        try:
            assert revisions(engine) == [schema.HEAD]
            alice = Account(servers[0].url)
            for server in servers:
                alice.url = server.url
                assert alice.ask("GET", "/auth/me")[0] == 200
                assert "Traceback" not in server.log
            assert not list(tmp_path.rglob("*.bak"))
        finally:
            for server in servers:
                server.close()


def test_a_newer_schema_is_refused_with_a_sentence_and_left_alone(database_url, engine, gunicorn_server):
    gunicorn_server(database_url=database_url).stop()
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    before = described(engine)
    with pytest.raises(RuntimeError, match=f"has schema 9999, which is newer than {schema.HEAD}"):
        gunicorn_server(database_url=database_url)
    assert revisions(engine) == ["9999"]
    assert described(engine) == before


def described(engine):
    inspector = sa.inspect(engine)
    return {
        table: sorted((column["name"], str(column["type"])) for column in inspector.get_columns(table))
        for table in inspector.get_table_names()
    }


class Visitor(threading.Thread):
    """Logs one value after the other, each over a connection of its own, until nobody opens."""

    def __init__(self, account, run, number):
        super().__init__(daemon=True)
        self.account, self.run_id, self.metric = account, run, f"visitor-{number}"
        self.answered, self.unanswered, self.odd = [], [], []
        self.start()

    def run(self):
        for value in range(1_000_000):
            body = {"series": {self.metric: {"values": [float(value)]}}}
            try:
                answer = self.account.send("POST", f"/metrics/{self.run_id}/bulk", body, {"Connection": "close"})
            except urllib3.exceptions.NewConnectionError:
                return
            except urllib3.exceptions.HTTPError as error:
                self.unanswered.append((float(value), error))
                continue
            (self.answered if answer.status == 200 else self.odd).append(float(value))


def test_a_server_that_stops_answers_the_requests_it_accepted(durable_server):
    server = durable_server()
    alice = Account(server.url)
    run = alice.run()
    visitors = [Visitor(alice, run, number) for number in range(8)]
    wait_until(lambda: all(len(visitor.answered) > 10 for visitor in visitors), 60)
    assert server.stop(seconds=20) == 0
    for visitor in visitors:
        visitor.join(20)
        assert not visitor.odd

    server.start()
    for visitor in visitors:
        assert len(visitor.answered) > 10
        # A connection that nobody took from the queue is as good as refused: its request was not carried out.
        assert alice.values(run, visitor.metric) == visitor.answered, visitor.unanswered


def test_a_server_that_was_stopped_leaves_one_whole_file(tmp_path):
    path = tmp_path / "aimanager.db"
    server = Gunicorn(database_url=f"sqlite:///{path}", **NO_LIMITS)
    try:
        alice = Account(server.url)
        run = alice.run()
        alice.must("POST", f"/metrics/{run}", {"name": "loss", "value": 0.5})
        server.stop()
    finally:
        server.close()
    alone = tmp_path / "alone" / path.name
    alone.parent.mkdir()
    shutil.copy(path, alone)
    engine = sa.create_engine(f"sqlite:///{alone}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT n, last FROM metric_series")).all() == [(1, 0.5)]
