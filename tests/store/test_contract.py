"""Every engine keeps the promise."""

import pytest

from aimanager.store import MemoryStore, SqlStore
from tests.store.contract import Contract
from tests.store.factories import open_database


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
