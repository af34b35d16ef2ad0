"""Every engine keeps the promise, in whatever form the points are by then."""

import pytest

from aimanager.store import SqlStore
from aimanager.store.chunks import layout
from tests.store.contract import Contract
from tests.store.factories import open_database
from tests.store.memory import MemoryStore


class TestMemoryStore(Contract):
    @pytest.fixture
    def store(self):
        return MemoryStore()


class TestSqlStore(Contract):
    @pytest.fixture
    def store(self, database_url):
        database = open_database(database_url)
        yield SqlStore(database)
        database.engine.dispose()


class Sealing(SqlStore):
    """Seals and merges after each request."""

    def append(self, run, project, batch):
        receipt = super().append(run, project, batch)
        self.upkeep.sealer.tidy(run)
        return receipt


class TestSealedStore(Contract):
    @pytest.fixture
    def store(self, database_url):
        database = open_database(database_url)
        yield Sealing(database)
        database.engine.dispose()


class TestStoreOfLargeRequests(Contract):
    @pytest.fixture
    def store(self, database_url, monkeypatch):
        monkeypatch.setattr(layout, "LARGE", 2)
        monkeypatch.setattr(layout, "CHUNK", 4)
        database = open_database(database_url)
        yield SqlStore(database)
        database.engine.dispose()
