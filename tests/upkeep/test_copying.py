"""A database that is moved between SQLite and PostgreSQL has every row it had, or it is not moved at all."""

import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.orm import Session

from aimanager.cli import main
from aimanager.config import Settings
from aimanager.db import schema
from aimanager.db.engine import Database
from aimanager.models import ApiKey, Project, RevokedToken, Run, Ticket, User
from aimanager.store import SqlStore
from aimanager.store.upkeep import doctor
from aimanager.upkeep import copy_endpoints, copying
from tests.servers import ROOT
from tests.store.factories import column, listed, log
from tests.waiting import wait_until

LATE = datetime(9999, 12, 31, 23, 59, 59, 999999)
INF = float("inf")


@pytest.fixture
def new(request, tmp_path):
    """The URL of a database of a kind; the file of a SQLite one is not there yet."""
    made = []

    def new(kind):
        if kind == "postgres":
            return request.getfixturevalue("postgres").make_database()
        made.append(f"sqlite:///{tmp_path / f'{len(made)}.db'}")
        return made[-1]

    return new


def opened(url):
    return Database.open(Settings(data_dir=Path("unused"), database_url=url))


def fill(url, runs=6):
    """Everything that a database may hold; deleted rows and a run that is being deleted among it."""
    database = opened(url)
    schema.upgrade(database)
    with database.writing() as connection, Session(connection) as session:
        for name in ("alice", "Ünïcode ☃", "gone"):
            session.add(User(email=f"{name}@x", email_key=name, username=name, username_key=name, password_hash="h"))
        session.flush()
        session.add(ApiKey(user_id=1, name="k", prefix="aimgr_", digest="d" * 64, scope="write", expires_at=LATE))
        session.add(RevokedToken(jti="j", expires_at=LATE))
        session.add(Ticket(digest="t", user_id=2, run_id=1, scope="read", expires_at=LATE))
        session.add(Project(name="p", owner_id=1, description="line\nline", is_public=True))
        session.flush()
        for i in range(runs + 1):
            config = {"lr": 1e-300, "deep": [{"a": None, "☃": True}], "n": i}
            session.add(Run(project_id=1, name=f"run {i}", config=config, tags=["b", "a"], once_key=f"{i}"))
        session.flush()
        session.execute(sa.delete(User).where(User.username == "gone"))
        session.execute(sa.delete(Run).where(Run.id == runs + 1))
        session.flush()
    store = SqlStore(database)
    for run in range(1, runs + 1):
        log(store, run, column("large", range(5000)), column("x", [-0.0, INF, -INF, float("nan"), 5e-324] * 1000))
        for i in range(10):
            log(store, run, column("loss", [i / 3, float("nan")]), column("z", [-0.0]), writer=f"w{run} Ä", seq=i + 1)
        log(store, run, column("last is nan", [float("nan")]), column("last is -0.0", [-0.0]), column("inf", [INF]))
        if run % 2:
            store.upkeep.sealer.tidy(run)
            log(store, run, column("loss", [run]))
        if run % 3 == 0:
            store.finish(run)
    store.delete([runs])
    store.sweep()
    store.delete([runs - 1])
    database.engine.dispose()


def dump(url):
    """All rows of all tables."""
    database = opened(url)
    with database.reading() as connection:
        rows = {
            table.name: sorted(copying.canonical(row) for row in connection.execute(sa.select(table)))
            for table in copying._tables()
        }
    database.engine.dispose()
    return rows


def next_numbers(url):
    """What the next user and the next run would be called."""
    database = opened(url)
    with database.writing() as connection, Session(connection) as session:
        user = User(email="n", email_key="n", username="n", username_key="n", password_hash="h")
        run = Run(project_id=1, name="n", config={}, tags=[])
        session.add_all([user, run])
        session.flush()
        ids = user.id, run.id
        session.rollback()
        connection.rollback()
    database.engine.dispose()
    return ids


def points(url):
    database = opened(url)
    store = SqlStore(database)
    contents = {run: (listed(store, run, limit=10**6), str(store.summaries([run]))) for run in range(1, 7)}
    assert list(doctor.check(database)) == []
    database.engine.dispose()
    return contents


def copy(source, target, *options):
    return CliRunner().invoke(main, ["copy-database", source, target, *options])


def is_new(url):
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite"):
        return not path.exists() and not path.with_name(path.name + ".copying").exists()
    database = opened(url)
    with database.reading() as connection:
        empty = schema.revision(connection) is None or not connection.scalar(sa.text("SELECT count(*) FROM users"))
    database.engine.dispose()
    return empty


def wait_until_free(url):
    """PostgreSQL notices a little later that a client is gone."""
    with psycopg.connect(url.rpartition("/")[0] + "/postgres", autocommit=True) as connection:
        query = "SELECT 1 FROM pg_stat_activity WHERE datname = %s"
        wait_until(lambda: not connection.execute(query, [url.rpartition("/")[2]]).fetchone())


@pytest.mark.postgres
@pytest.mark.parametrize("kinds", [("sqlite", "postgres", "sqlite"), ("postgres", "sqlite", "postgres")])
def test_there_and_back_again_nothing_has_changed(new, kinds):
    source, there, back = (new(kind) for kind in kinds)
    fill(source)
    expected, before = points(source), dump(source)
    for start, end in ((source, there), (there, back)):
        done = copy(start, end)
        assert done.exit_code == 0
        assert done.stdout.endswith("Both databases have the same rows.\n")
        lines = [line.split() for line in done.stdout.splitlines()[1:-1]]
        assert {line[0] for line in lines} == {table.name for table in copying._tables()}
        assert all(line[1] == line[2] and line[3] == line[4] and len(line[3]) == 32 for line in lines)
        assert points(end) == expected
        assert dump(end) == before
    assert [next_numbers(url) for url in (source, there, back)] == [(4, 8)] * 3
    if kinds[1] == "sqlite":
        path = Path(there.removeprefix("sqlite:///"))
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.postgres
def test_the_copy_is_written_on_as_the_source_would_have_been(new):
    source, target = new("sqlite"), new("postgres")
    fill(source)
    assert copy(source, target).exit_code == 0
    results = []
    for url in (source, target):
        database = opened(url)
        store = SqlStore(database)
        assert log(store, 1, column("loss", [2.5]), column("new", [1]), writer="w1 Ä", seq=11).last_id == 10_036
        assert log(store, 1, column("loss", [2.5]), column("new", [1]), writer="w1 Ä", seq=11).repeated
        results.append([(name, step, value) for _, name, step, value, _ in listed(store, 1, limit=10**6)])
        store.finish(1)
        store.tidy()
        store.sweep()
        assert list(doctor.check(database)) == []
        database.engine.dispose()
    assert results[0] == results[1]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_target_with_rows_is_left_alone(new, kind):
    source, target = new("sqlite"), new(kind)
    fill(source, 2)
    fill(target, 2)
    before = dump(target)
    done = copy(source, target)
    assert done.exit_code == 2
    assert "The target is not empty, there are rows in api_keys, " in done.stderr
    assert dump(target) == before


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_target_with_tables_and_no_rows_is_empty(new, kind):
    source, target = new("sqlite"), new(kind)
    fill(source, 2)
    database = opened(target)
    schema.upgrade(database)
    database.engine.dispose()
    assert copy(source, target).exit_code == 0
    assert dump(target) == dump(source)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_an_interrupted_copy_leaves_nothing_and_is_begun_again(new, kind):
    source, target = new("sqlite"), new(kind)
    fill(source)

    def interrupt(what, rows):
        if what == "copying metric_cdata":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.copy(source, target, interrupt)
    assert is_new(target)
    assert copy(source, target).exit_code == 0
    assert dump(target) == dump(source)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_killed_copy_leaves_no_database_that_could_pass_for_a_whole_one(new, kind):
    source, target = new("sqlite"), new(kind)
    fill(source, 2)
    script = (
        "import sys; from aimanager.upkeep import copying\n"
        "def wait(what, rows):\n"
        "    if what == 'checking metric_cdata': print('here', flush=True); sys.stdin.read()\n"
        "copying.copy(*sys.argv[1:], wait)"
    )
    command = [sys.executable, "-c", script, source, target]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as copier:
        assert copier.stdout.readline() == "here\n"
        os.kill(copier.pid, signal.SIGKILL)
    assert not Path(target.removeprefix("sqlite:///")).exists()
    assert (
        copy(source, target, "--force").exit_code == 0
    )  # PostgreSQL may not have noticed yet that its client is gone.
    assert dump(target) == dump(source)


@pytest.mark.postgres
def test_a_target_that_changes_what_it_is_given_is_found_out_and_not_kept(new):
    source, target = new("sqlite"), new("postgres")
    fill(source, 2)
    database = opened(target)
    schema.upgrade(database)
    with database.writing() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.vmax = NEW.vmax + 1e-9; RETURN NEW; END $$;"
            " CREATE TRIGGER spoil BEFORE INSERT ON metric_series FOR EACH ROW EXECUTE FUNCTION spoil()"
        )
    database.engine.dispose()
    done = copy(source, target)
    assert done.exit_code == 1
    assert done.stderr.endswith("The copy differs from its source in metric_series, so it was not kept.\n")
    (line,) = (line.split() for line in done.stdout.splitlines() if line.startswith("metric_series"))
    assert line[1] == line[2]
    assert line[3] != line[4]
    assert is_new(target)


@pytest.mark.slow
def test_a_database_that_a_process_has_open_is_not_copied(new):
    source, target = new("sqlite"), new("sqlite")
    fill(source, 2)
    script = (
        "import sys; from pathlib import Path; from aimanager.db.engine import Database\n"
        "from aimanager.config import Settings\n"
        "database = Database.open(Settings(data_dir=Path('unused'), database_url=sys.argv[1]))\n"
        "with database.reading() as connection: connection.exec_driver_sql('SELECT count(*) FROM users').all()\n"
        "print('here', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, source]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "here\n"
        done = copy(source, target)
        assert done.exit_code == 2
        assert "The source is in use, another process has it open" in done.stderr
        assert is_new(target)
        assert copy(source, target, "--force").exit_code == 0
        server.kill()
    assert dump(target) == dump(source)
    assert copy(source, new("sqlite")).exit_code == 0  # The lock of a killed process is gone with it.


@pytest.mark.postgres
def test_a_postgres_database_with_other_connections_is_not_copied(new, monkeypatch):
    monkeypatch.setattr(copy_endpoints, "_MOMENT", 0.0)
    source, target = new("postgres"), new("sqlite")
    fill(source, 2)
    database = opened(source)
    with database.engine.connect():
        done = copy(source, target)
    assert done.exit_code == 2
    assert "The source is in use, " in done.stderr
    assert "other connection" in done.stderr
    database.engine.dispose()
    assert is_new(target)


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("mysql://x/y", "sqlite:///{}/b.db", "'mysql://x/y' is no database: expected sqlite:///path or postgresql://"),
        ("nonsense", "sqlite:///{}/b.db", "'nonsense' is no database"),
        ("sqlite:///", "sqlite:///{}/b.db", "'sqlite:///' names no file"),
        ("sqlite:///{}/none.db", "sqlite:///{}/b.db", "There is no database at {}/none.db."),
        ("sqlite:///{}/a.db", "sqlite:///{}/../{name}/a.db", "The source and the target are the same database."),
        ("sqlite:///{}/empty.db", "sqlite:///{}/b.db", "The source has schema none"),
        ("sqlite:///{}/a.db", "postgresql://nobody@127.0.0.1:1/x", "A database could not be used"),
        ("sqlite:///{}/text.db", "sqlite:///{}/b.db", "A database could not be used"),
    ],
)
def test_a_wrong_url_is_a_sentence_and_makes_nothing(tmp_path, source, target, said):
    fill(f"sqlite:///{tmp_path}/a.db", 2)
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("This is not a database, but a text that is long enough to look at." * 20)
    urls = [url.replace("{name}", tmp_path.name).replace("{}", str(tmp_path)) for url in (source, target)]
    done = copy(*urls)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said.replace("{}", str(tmp_path)) in done.stderr
    assert not (tmp_path / "b.db").exists()
    assert not (tmp_path / "none.db").exists()


def test_rows_are_read_a_few_at_a_time(new, monkeypatch):
    monkeypatch.setattr(copying, "_ROWS", 7)
    monkeypatch.setattr(copying, "_BYTES", 20_000)
    monkeypatch.setattr(copying, "_LARGE_ROWS", 2)
    source, target = new("sqlite"), new("sqlite")
    fill(source)
    seen = []
    copying.copy(source, target, lambda what, rows: seen.append((what, rows)))
    rows = [rows for what, rows in seen if what == "copying metric_cdata"]
    assert len(rows) > 3
    assert dump(target) == dump(source)


def test_a_checksum_tells_rows_apart_and_not_their_order():
    def checksum(*rows):
        return copying._added(copying.Sum(), list(rows))

    a, b = (1, "x", None), (1, "x", b"")
    assert checksum(a, b) == checksum(b, a)
    different = [
        (1, "x", None),
        (1, "x", b""),
        (1, "x", ""),
        (1, "x", 0),
        (1, "x", 0.0),
        (1, "", "x"),
        (11, "", "x"),
        (2, "x", None),
    ]
    assert len({checksum(row) for row in different}) == len(different)
    assert checksum((True, -0.0)) == checksum((1, 0.0))
    assert checksum(a, a) != checksum(a)
