"""What is deleted is gone at once for everybody; its rows go in the background, in whichever process."""

import threading

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from aimanager.extensions import database
from aimanager.models import Project, Run
from aimanager.store import tables
from tests.waiting import wait_until

POINT = {"name": "loss", "value": 1.0}
ROWS = [table.c.run_no for table in (*tables.OF_RUNS, tables.metric_unsettled)] + [Run.__table__.c.id]


@pytest.fixture
def statements(app):
    """How many statements this thread asks of the database for an action."""

    def count(action):
        seen, me = [], threading.get_ident()

        def note(_connection, _cursor, statement, *_):
            if threading.get_ident() == me:
                seen.append(statement)

        with app.app_context():
            engine = database.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            action()
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    return count


def rows_of(app, runs, projects=()):
    """How many rows are left of runs and projects, but for the marks that say that they are deleted."""
    with app.app_context(), database.reading() as connection:
        columns = [(column, runs) for column in ROWS] + [(Project.__table__.c.id, projects)]
        return sum(
            connection.scalar(sa.select(sa.func.count()).where(column.in_(numbers))) for column, numbers in columns
        )


def await_no_rows(app, runs, projects=()):
    wait_until(lambda: not rows_of(app, runs, projects), 60)


def test_deleting_a_run_of_a_thousand_metrics_asks_no_more_of_the_database_than_one_of_a_single_one(
    app, api, alice, make_project, make_run, make_points, statements
):
    project = make_project(alice)
    small, large = make_run(alice, project), make_run(alice, project)
    make_points(alice, small, m=[1])
    make_points(alice, large, **{f"m{i}": [1, 2, 3] for i in range(1000)})
    counts = []
    for run in (small, large):
        counts.append(statements(lambda run=run: api(alice).delete(f"/runs/{run}").status_code == 204))
    assert counts[1] <= counts[0] < 20
    await_no_rows(app, [small, large])


def test_nothing_of_a_deleted_run_is_seen_again(api, alice, browser_of, make_project, make_run, make_points):
    project = make_project(alice)
    gone, kept = make_run(alice, project, name="gone"), make_run(alice, project, name="kept")
    for run in (gone, kept):
        make_points(alice, run, loss=[1, 2])
    assert api(alice).delete(f"/runs/{gone}").status_code == 204
    for path in (f"/runs/{gone}", f"/metrics/{gone}", f"/metrics/{gone}/summary", f"/metrics/{gone}/chart?name=loss"):
        assert api(alice).get(path).status_code == 404, path
    assert api(alice).post(f"/metrics/{gone}", POINT).status_code == 404
    assert api(alice).put(f"/runs/{gone}", {"name": "back"}).status_code == 404
    for query in ("", "&sort=metric:loss", "&filter=loss>0", "&filter=gone"):
        listed = api(alice).get(f"/runs/?project_id={project}{query}")
        assert gone not in [run["id"] for run in listed.json]
    assert "gone" not in browser_of(alice).get(f"/app/projects/{project}").text.replace("gone,", "")
    assert make_run(alice, project) > kept


@pytest.mark.slow
def test_a_deleted_project_of_many_runs_is_gone_at_once(
    app, api, alice, bob, browser_of, make_project, make_run, make_points, statements
):
    small, large = make_project(alice, "small one"), make_project(alice, "large one", is_public=True)
    runs = [make_run(alice, large) for _ in range(130)]
    make_points(alice, runs[0], loss=[1, 2])
    lone = make_run(alice, small)
    counts = []
    for project in (small, large):
        counts.append(statements(lambda project=project: api(alice).delete(f"/projects/{project}")))
    assert counts[1] <= counts[0] < 20
    for person in (alice, bob):
        for path in (f"/projects/{large}", f"/runs/?project_id={large}", f"/runs/{runs[0]}", f"/metrics/{runs[-1]}"):
            assert api(person).get(path).status_code == 404, path
    assert api(alice).get("/runs/").json == []
    assert api(bob).get("/projects/?visibility=public").json == []
    assert "large one" not in browser_of(alice).get("/").text
    assert api(alice).post(f"/metrics/{runs[1]}", POINT).status_code == 404
    assert api(alice).post(f"/runs/?project_id={large}", {}).status_code == 404
    again = api(alice).post("/projects/?exist_ok=true", {"name": "large one"})
    assert again.json["id"] > large
    await_no_rows(app, [lone, *runs], [small, large])


def test_what_one_process_began_to_delete_the_next_one_ends(
    make_app, app, api, alice, make_project, make_run, make_points
):
    project = make_project(alice)
    runs = [make_run(alice, project) for _ in range(3)]
    for run in runs:
        make_points(alice, run, loss=[1, 2])
    app.extensions["aimanager"].metric_store.close()  # As if it were killed: nobody sweeps here.
    for thread in threading.enumerate():
        if thread.name == "store-tidy":
            thread.join(30)
    assert api(alice).delete(f"/runs/{runs[0]}").status_code == 204
    assert api(alice).delete(f"/projects/{project}").status_code == 204
    assert rows_of(app, runs, [project])
    await_no_rows(make_app(), runs, [project])
