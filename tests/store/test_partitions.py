"""On PostgreSQL what grows with the points lies in parts by run, also in databases that were there before."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import select, text

from aimanager.db import schema
from aimanager.store import SqlStore, tables
from aimanager.store.upkeep import doctor
from tests.store.factories import column, listed, log, open_database


@pytest.fixture
def database(database_url):
    database = open_database(database_url, create=False)
    yield database
    database.engine.dispose()


def migrate(database, revision):
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def fill(database):
    """Runs in the log, in chunks, in both, finished, and deleted halfway; what is listed of them."""
    store = SqlStore(database)
    for run in range(1, 21):
        log(store, run, column("large", range(5000)), column("other", [run / 7] * 5000))
        for i in range(20):
            log(
                store,
                run,
                column("a", [i / 3, float("nan")]),
                column("b", [-0.0, float("-inf")]),
                writer="w",
                seq=i + 1,
            )
        if run % 2:
            store.upkeep.sealer.tidy(run)
        log(store, run, column("a", [run]))
        if run % 3 == 0:
            store.finish(run)
    store.delete([20])
    return {run: (listed(store, run, limit=10**6), store.summaries([run])) for run in range(1, 21)}


def fill_older(database, folder):
    """The same in a database of an older schema, into which this program cannot write: its rows are copied from a new one."""
    new = open_database(f"sqlite:///{folder / 'new.db'}")
    expected = fill(new)
    older = sa.MetaData()
    with new.reading() as reading, database.writing() as writing:
        for table in (table for table in tables.Base.metadata.sorted_tables if table.name.startswith("metric_")):
            if not sa.inspect(writing).has_table(table.name):
                continue
            target = sa.Table(table.name, older, autoload_with=writing)
            names = [name for name in target.c.keys() if name in table.c]  # noqa: SIM118
            if rows := reading.execute(sa.select(*(table.c[name] for name in names))).mappings().all():
                writing.execute(target.insert(), [dict(row) for row in rows])
        if not database.is_sqlite:
            writing.execute(sa.text("SELECT setval('metric_name_id_seq', (SELECT max(id) FROM metric_name))"))
    new.engine.dispose()
    return expected


def parts(database, query):
    with database.reading() as connection:
        return connection.execute(text(query)).all()


@pytest.mark.slow
def test_an_older_database_keeps_every_point_and_its_order(database, tmp_path):
    migrate(database, "0002")
    expected = fill_older(database, tmp_path)
    schema.upgrade(database)
    store = SqlStore(database)
    assert str({run: (listed(store, run, limit=10**6), store.summaries([run])) for run in expected}) == str(expected)
    assert list(doctor.check(database)) == []
    with database.reading() as connection:
        assert schema.is_current(connection)
    log(store, 1, column("large", range(5000)))
    for run in range(1, 20):
        store.finish(run)
    store.tidy()
    store.sweep()
    assert list(doctor.check(database)) == []


@pytest.mark.postgres
def test_a_migration_that_fails_changes_nothing(postgres_url, monkeypatch, tmp_path):
    database = open_database(postgres_url, create=False)
    migrate(database, "0002")
    expected = fill_older(database, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("alembic.op.create_index", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            schema.upgrade(database)
    schema.upgrade(database)
    store = SqlStore(database)
    assert str({run: (listed(store, run, limit=10**6), store.summaries([run])) for run in expected}) == str(expected)
    assert list(doctor.check(database)) == []
    database.engine.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize("made_by", ["migrations", "models"])
def test_each_part_is_kept_as_the_whole_should_be(postgres_url, made_by):
    database = open_database(postgres_url, create=made_by == "models")
    if made_by == "migrations":
        schema.upgrade(database)
    fill(database)
    names = [table.name for table in tables.PARTITIONED]
    partitions = parts(
        database,
        "SELECT p.relname, c.relname, c.reloptions, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i"
        " JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent WHERE c.relkind = 'r'",
    )
    assert sorted((whole, part) for whole, part, *_ in partitions) == [
        (name, f"{name}_p{number:02}") for name in sorted(names) for number in range(tables.PARTITIONS)
    ]
    for _, part, options, bound in partitions:
        assert options == ["autovacuum_vacuum_scale_factor=0.05"], part
        assert bound == f"FOR VALUES WITH (modulus 16, remainder {int(part[-2:])})"
        assert tables.is_partition(part)
    dense = parts(
        database,
        "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE a.attstorage = 'e' AND c.relkind = 'r' AND c.relname LIKE 'metric_%'",
    )
    expected = {("metric_log", "frame"), ("metric_rollup", "chunks")}
    for number in range(tables.PARTITIONS):
        expected |= {(f"metric_axis_p{number:02}", name) for name in ("base", "step", "ts")}
        expected.add((f"metric_cdata_p{number:02}", "v"))
    assert set(dense) == expected
    with database.reading() as connection:
        filled = set(connection.scalars(text("SELECT DISTINCT tableoid::regclass::text FROM metric_chunk")))
    assert len(filled) > 4
    database.engine.dispose()


@pytest.mark.postgres
def test_a_run_is_read_from_its_own_part_only(postgres_url):
    database = open_database(postgres_url)
    fill(database)
    for table in tables.PARTITIONED:
        query = (
            select(table).where(table.c.run_no == 7).compile(database.engine, compile_kwargs={"literal_binds": True})
        )
        plan = "\n".join(line for (line,) in parts(database, f"EXPLAIN {query}"))
        assert sum(f"{table.name}_p{number:02}" in plan for number in range(tables.PARTITIONS)) == 1, plan
    database.engine.dispose()
