"""A database of a version that took the latest point for the last one is put right, one series after the other."""

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import bindparam, func, select, text, update

from aimanager.db import schema
from aimanager.store import SqlStore, tables
from aimanager.store.upkeep import doctor
from tests.store.factories import column, log, open_database
from tests.store.test_partitions import migrate

BEFORE = ScriptDirectory(schema.MIGRATIONS).get_revision("0008").down_revision
NEWER = [
    ("metric_series", "vmean", "DOUBLE PRECISION"),
    ("metric_stream", "gone", "BIGINT NOT NULL DEFAULT 0"),
    ("metric_stream", "rewound_id", "BIGINT NOT NULL DEFAULT 0"),
]


@pytest.fixture
def database(database_url):
    database = open_database(database_url, create=False)
    migrate(database, BEFORE)
    with database.writing() as connection:  # Today's store fills it.
        for table, column_name, kind in NEWER:
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column_name} {kind}"))
    yield database
    database.engine.dispose()


def upgrade(database):
    with database.writing() as connection:
        for table, column_name, _ in NEWER:
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column_name}"))
    schema.upgrade(database)


def fill(store):
    """Series in the log, in chunks and in both; in order, with steps that go back, with times that do."""
    back = [*range(600), *range(300)]
    for run in (1, 2, 3):
        log(store, run, column("in order", range(900), range(900), range(900)))
        log(
            store,
            run,
            column("steps go back", range(900), back, range(900)),
            column("with it", range(900), back, range(900)),
        )
        log(store, run, column("times go back", range(900), range(900), range(900, 0, -1)))
        log(store, run, column("one step", range(900), [7] * 900, back))
        log(store, run, column("not a number", [float("nan"), 1], [5, 4], [1, 2]))
        if run > 1:
            store.finish(run)
            store.upkeep.sealer.tidy(run)
        if run == 3:
            store.resume(3)
            log(store, run, column("steps go back", [-1.0], [599], [0]), column("times go back", [-2.0], [3], [9999]))


def make_old(store, database):
    """Give all series the last value that they had by the rule of before."""
    rows = []
    for run in (1, 2, 3):
        for summary in store.summaries([run])[run]:
            points = store.points(run, summary.name, limit=10_000)
            rows.append(
                {
                    "run": run,
                    "name": summary.name,
                    "id": int(points.ids[-1]),
                    "step": int(points.steps[-1]),
                    "ts": int(points.times[-1]),
                    "value": None if points.values[-1] != points.values[-1] else float(points.values[-1]),
                }
            )
    s, n = tables.metric_series.c, tables.metric_name.c
    metric = select(n.id).where(n.name == bindparam("name")).scalar_subquery()
    old = update(tables.metric_series).where(s.run_no == bindparam("run"), s.metric_id == metric)
    with database.writing() as connection:
        connection.execute(
            old.values(
                last_id=bindparam("id"), last_step=bindparam("step"), last_ts=bindparam("ts"), last=bindparam("value")
            ),
            rows,
        )


def listed(database):
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(tables.metric_unsettled))


def test_every_last_value_is_chosen_again_and_the_server_that_runs_sees_it(database):
    fill(SqlStore(database))
    expected = str(SqlStore(database).summaries([1, 2, 3]))
    make_old(SqlStore(database), database)
    assert str(SqlStore(database).summaries([1, 2, 3])) != expected
    upgrade(database)
    # All of the two runs that have a log; of the one that is all in chunks not the series that is in order.
    assert listed(database) == 6 + 5 + 6
    store = SqlStore(database)
    log(store, 1, column("other", [1]))  # It remembers the run now, as the older version left it.
    SqlStore(database).tidy()
    assert listed(database) == 0
    assert str(
        {run: [one for one in each if one.name != "other"] for run, each in store.summaries([1, 2, 3]).items()}
    ) == (expected)
    log(store, 1, column("steps go back", [5.0], [598], [10_000]))
    assert {one.name: one.last for one in store.summaries([1])[1]}["steps go back"] == 599
    assert not list(doctor.check(database))


def test_a_series_of_a_run_that_is_deleted_meanwhile_leaves_the_list(database):
    fill(SqlStore(database))
    upgrade(database)
    store = SqlStore(database)
    store.delete([1, 2, 3])
    store.tidy()
    assert listed(database) == 0
