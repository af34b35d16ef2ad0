"""Home: what is going on in all projects, at a price that does not grow with their number."""

import re
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from aimanager.extensions import db
from aimanager.models import Run
from aimanager.services import runs
from tests.cast import PASSWORD

from .conftest import BROWSER


@pytest.fixture
def statements(app):
    """`statements(work)`: the statements that the database got meanwhile."""

    def count(work):
        with app.app_context():
            engine = db.engine
        texts, here = [], threading.get_ident()

        def note(connection, cursor, text, *_):
            if threading.get_ident() == here:  # Others look after the store.
                texts.append(text)

        sa.event.listen(engine, "before_cursor_execute", note)
        work()
        sa.event.remove(engine, "before_cursor_execute", note)
        return texts

    return count


def test_home_asks_as_much_for_thirty_projects_as_for_three(
    look, alice, make_project, make_run, make_points, statements
):
    def add(number):
        for n in range(number):
            project = make_project(alice, f"project {n}")
            make_run(alice, project)
            make_points(alice, make_run(alice, project, tags=["a"]), **{"val/loss": [3, 2, n], "lr": [1]})

    def home():
        answer = look(alice, "/")
        assert answer.status_code == 200
        pages.append(answer.text)

    pages = []
    add(3)
    few = statements(home)
    add(27)
    many = statements(home)
    assert pages[1].count("<polyline") == 30
    assert len(many) == len(few), many
    assert len(many) < 50


def test_a_stale_run_is_not_counted_as_running(app, look, alice, make_project, make_run):
    project = make_project(alice)
    stale, _ = make_run(alice, project), make_run(alice, project)
    with app.app_context():
        then = runs.now() - timedelta(days=1)
        db.session.execute(sa.update(Run).where(Run.id == stale).values(started_at=then, alive_at=then))
        db.session.commit()
    row = re.search(rf'<tr id="project-{project}">.*?</tr>', look(alice, "/").text, re.S)[0]
    assert re.findall(r'<td class="number">(?:<span.*?</svg>)?(\d+)', row, re.S) == ["1", "2"]


def test_home_says_how_many_runs_it_does_not_list(look, alice, make_project, make_run):
    project = make_project(alice)
    for _ in range(10):
        make_run(alice, project)
    assert "running runs" not in look(alice, "/").text
    make_run(alice, project)
    assert "The newest 10 of 11 running runs." in look(alice, "/").text


def test_projects_are_searched_by_name_and_description_in_any_script(api, look, alice, make_project):
    make_project(alice, "GRÖSSE", description="of shoes")
    other = make_project(alice, "faces")
    for words, shown in (("größe", ["GRÖSSE"]), ("SHOES", ["GRÖSSE"]), ("%", []), ("fac", ["faces"])):
        assert re.findall(r'<a class="name"[^>]*>([^<]*)', look(alice, f"/?q={words}").text) == shown
    api(alice).put(f"/projects/{other}", {"name": "hands"})
    assert "hands" in look(alice, "/?q=HANDS").text
    assert "no project has" in look(alice, "/?q=faces").text.lower()


def test_home_shows_as_many_projects_as_it_is_asked_for_the_most_recently_active_first(
    look, alice, make_project, make_run
):
    projects = [make_project(alice, f"project {n}") for n in range(4)]
    make_run(alice, projects[1])
    page = look(alice, "/?limit=2").text
    assert re.findall(r'<tr id="project-(\d+)"', page) == [str(projects[1]), str(projects[3])]
    assert "2 of 4 projects" in page


def test_a_renamed_project_loads_no_runs(api, alice, make_project, make_run, statements):
    project = make_project(alice)
    make_run(alice, project)
    texts = statements(lambda: api(alice).put(f"/projects/{project}", {"name": "new"}))
    assert not [text for text in texts if "FROM runs" in text]


def test_home_follows_a_socket_of_its_own(look, alice, make_project):
    make_project(alice)
    assert 'data-socket="/ws/home"' in look(alice, "/").text
    assert "/ws/home" not in look(None, "/?visibility=public").text


def test_home_shows_what_runs_with_its_main_metric_and_how_far_it_is(api, look, app, alice, make_run, make_points):
    run = make_run(alice, name="going")
    make_points(alice, run, **{"train/loss": [3, 2], "val/loss": [4, 0.25]})
    with app.app_context():
        db.session.execute(sa.update(Run).where(Run.id == run).values(total_steps=8))
        db.session.commit()
    row = re.search(rf'<tr id="run-{run}">.*?</tr>', look(alice, "/").text, re.S)[0]
    assert '<data value="0.25"' in row
    assert "val/loss" in row
    assert '<progress value="0.25"' in row
    api(alice).put(f"/runs/{run}", {"status": "completed"})
    page = look(alice, "/").text
    assert "Running now" not in page
    assert "<progress" not in page
    assert f'id="run-{run}"' in page


def test_the_search_of_home_finds_runs_of_all_projects(look, alice, make_project, make_run):
    make_run(alice, make_project(alice, "one"), name="needle")
    make_run(alice, make_project(alice, "two"), name="hay")
    page = look(alice, "/?q=needle").text
    assert re.findall(r'<a data-row href="[^"]*/runs/\d+" title="([^"]*)"', page) == ["needle"]


def test_who_has_one_project_lands_on_it_after_the_login(app, look, alice, make_project):
    def target(**query):
        client = app.test_client()
        page = client.get("/login", headers=BROWSER, query_string=query).text
        fields = {"username": "alice", "password": PASSWORD, **query}
        fields["csrf_token"] = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
        return client.post("/login", data=fields, headers=BROWSER).location

    assert target() == "/"
    project = make_project(alice)
    assert target() == f"/app/projects/{project}"
    assert target(next="/settings") == "/settings"
    make_project(alice, "another")
    assert target() == "/"


def test_an_empty_home_has_the_lines_to_begin_with(look, alice):
    page = look(alice, "/").text
    assert "Create your first project" in page
    assert "from ai_manager import AIManager" in page
