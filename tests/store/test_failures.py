"""A database that fails is an error that every waiting caller sees, and nothing is half stored or remembered."""

import threading

import pytest

from aimanager.store import OutOfTurn, RunDeleted, SqlStore, StoreUnavailable
from aimanager.store.upkeep import doctor
from tests.store.factories import column, listed, log, open_database
from tests.waiting import wait_until


@pytest.fixture
def database(database_url):
    database = open_database(database_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def fail(database):
    """Call it with `INSERT metric_log`: from then on that fails in the database, until it is called with None."""
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql"
                " AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
            )
    failing = None

    def set_failing(new):
        nonlocal failing
        with database.writing() as connection:
            if failing:
                suffix = "" if database.is_sqlite else f" ON {failing.split()[1]}"
                connection.exec_driver_sql(f"DROP TRIGGER failing{suffix}")
            if new:
                verb, table = new.split()
                does = "EXECUTE FUNCTION refuse()"
                if database.is_sqlite:
                    does = "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
                connection.exec_driver_sql(f"CREATE TRIGGER failing BEFORE {verb} ON {table} FOR EACH ROW {does}")
        failing = new

    return set_failing


@pytest.mark.parametrize("statement", ["INSERT metric_log", "INSERT metric_series", "UPDATE metric_stream"])
def test_a_request_that_fails_leaves_nothing_and_is_sent_again(database, fail, statement):
    store = SqlStore(database)
    log(store, 1, column("loss", [1]), writer="w", seq=1)
    before = listed(store, 1), store.summaries([1])
    fail(statement)
    for name in ("loss", "new"):
        with pytest.raises(StoreUnavailable) as error:
            log(store, 1, column(name, [2]), writer="w", seq=2)
        assert "disk is full" in str(error.value.__cause__)
    fail(None)
    assert (listed(store, 1), store.summaries([1])) == before
    receipt = log(store, 1, column("loss", [2]), writer="w", seq=2)
    assert (receipt.last_id, receipt.steps.tolist(), receipt.repeated) == (2, [1], False)
    assert store.summaries([1])[1][0].mean == 1.5


def test_a_run_whose_beginning_fails_begins_later(database, fail):
    store = SqlStore(database)
    for statement in ("INSERT metric_name", "INSERT metric_stream"):
        fail(statement)
        with pytest.raises(StoreUnavailable):
            log(store, 1, column("loss", [1]))
    fail(None)
    assert log(store, 1, column("loss", [1])).last_id == 1


def in_one_group(store, works):
    """Let requests wait while a commit is going on, so that they are committed together; what became of each."""
    outcomes = [None] * len(works)
    store_group, entered, let_go, sizes = store._ingest.committer.store, threading.Event(), threading.Event(), []

    def slow(connection, group):
        sizes.append(len(group))
        if len(sizes) == 1:
            entered.set()
            let_go.wait(20)
        return store_group(connection, group)

    store._ingest.committer.store = slow

    def run(i):
        try:
            outcomes[i] = works[i]()
        except Exception as error:
            outcomes[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(works))]
    threads[0].start()
    entered.wait(20)
    for i, thread in enumerate(threads[1:], 1):
        thread.start()
        wait_until(lambda i=i, thread=thread: len(store._ingest._group._queue) >= i or not thread.is_alive())
    let_go.set()
    for thread in threads:
        thread.join()
    assert sizes[:2] == [1, len(works) - 1]
    return outcomes


def test_a_bad_request_in_a_group_fails_alone(database):
    store = SqlStore(database)
    for run in (1, 9):
        log(store, run, column("loss", [0]), column("acc", [0]))
    store.delete([9])
    outcomes = in_one_group(
        store,
        [
            lambda: log(store, 1, column("loss", [1]), writer="w", seq=1),
            lambda: log(store, 1, column("loss", [2]), writer="w", seq=3),
            lambda: log(store, 9, column("loss", [3])),
            lambda: log(store, 1, column("loss", [4]), writer="w", seq=2),
            lambda: log(store, 1, column("loss", [4]), writer="w", seq=2),
            lambda: log(store, 1, column("acc", [5])),
        ],
    )
    assert isinstance(outcomes[1], OutOfTurn)
    assert isinstance(outcomes[2], RunDeleted)
    assert [outcomes[i].last_id for i in (0, 3, 4, 5)] == [3, 4, 4, 5]
    assert outcomes[4].repeated
    assert [point_id for point_id, *_ in listed(store, 1)] == [1, 2, 3, 4, 5]


@pytest.fixture
def poison(database):
    """The name of a client that this database cannot store."""
    return "x\ud800" if database.is_sqlite else "x\0y"


def test_a_request_that_the_database_cannot_store_breaks_no_other_of_its_group(database, poison):
    store = SqlStore(database)
    for run in range(8):
        log(store, run, column("loss", [0]))
    good = [
        lambda run=run: log(store, run, column("loss", [1]), column("acc", [2]), writer="w", seq=1) for run in range(8)
    ]
    bad = lambda: log(store, 1, column("loss", [9]), writer=poison, seq=1)  # noqa: E731
    for run in range(8):
        log(store, run, column("acc", [0]))
    outcomes = in_one_group(store, [*good[:4], bad, *good[4:], bad])
    receipts = [outcome for i, outcome in enumerate(outcomes) if i not in (4, 9)]
    assert [(receipt.first_id, receipt.last_id, receipt.repeated) for receipt in receipts] == [(3, 4, False)] * 8
    for outcome in (outcomes[4], outcomes[9]):
        assert isinstance(outcome, Exception)
        assert not isinstance(outcome, StoreUnavailable)
    for run in range(8):
        assert [point_id for point_id, *_ in listed(store, run)] == [1, 2, 3, 4]
    assert all(work().repeated for work in good)
    assert not list(doctor.check(database))


def test_a_group_that_the_connection_fails_is_not_tried_one_by_one(database):
    store, attempts = SqlStore(database), []
    for run in range(5):
        log(store, run, column("loss", [0]))
    driver = database.engine.dialect.loaded_dbapi

    def out_of_reach(connection, group):
        attempts.append(len(group))
        raise driver.OperationalError("the server is gone")

    store._ingest.committer.store = out_of_reach
    outcomes = in_one_group(store, [lambda run=run: log(store, run, column("loss", [1])) for run in range(5)])
    assert attempts == [1, 4]
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 5


def test_everybody_in_a_group_that_fails_sees_it(database, fail):
    store = SqlStore(database)
    for run in range(1, 6):
        log(store, run, column("loss", [0]))
    fail("INSERT metric_log")
    outcomes = in_one_group(store, [lambda run=run: log(store, run, column("loss", [1])) for run in range(1, 6)])
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 5
    fail(None)
    assert [log(store, run, column("loss", [2])).last_id for run in range(1, 6)] == [2] * 5
