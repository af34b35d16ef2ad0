import html
import json
import re

import pytest

from aimanager.extensions import db
from aimanager.models import View

from .test_projects import heads, rows


@pytest.fixture
def project(alice, make_project, make_run):
    project = make_project(alice)
    for n in range(3):
        make_run(alice, project, name=f"run {n}", config={"lr": n})
    return project


@pytest.fixture
def save(browser_of, project):
    """Send a form about a view as a script does; the id of what was made, or the status of a refusal."""

    def post(who, path=None, **form):
        answer = browser_of(who).post(path or f"/app/projects/{project}/views", data=form)
        if answer.status_code != 204:
            return answer.status_code
        return json.loads(answer.headers["HX-Trigger"]).get("view:saved", {}).get("id")

    return post


def test_a_view_shows_what_was_saved_and_the_address_overrides_it(look, alice, project, save):
    view = save(alice, name="by lr", query="?sort=config.lr&show=config.lr&show=created&after=x&find=y")
    path = f"/app/projects/{project}?view={view}"
    assert rows(look(alice, path)) == ["run 0", "run 1", "run 2"]
    assert heads(look(alice, path)) == ["name", "config.lr", "created"]
    over = look(alice, f"{path}&sort=-config.lr")
    assert rows(over) == ["run 2", "run 1", "run 0"]
    assert heads(over) == ["name", "config.lr", "created"]
    assert rows(look(alice, f"{path}&sort=")) == ["run 2", "run 1", "run 0"]


def test_links_of_the_page_keep_the_view_and_change_it(look, alice, project, save):
    view = save(alice, name="one", query="show=config.lr&q=run")
    page = look(alice, f"/app/projects/{project}?view={view}")
    link = html.unescape(re.search(r'<th [^>]*data-column="config.lr".*?href="([^"]+)"', page.text, re.S)[1])
    assert link == f"/app/projects/{project}?view={view}&sort=-config.lr"


def test_a_page_without_a_query_shows_the_default_view(look, alice, bob, api, project, save):
    api(alice).put(f"/projects/{project}", {"is_public": True})
    path = f"/app/projects/{project}"
    save(alice, name="for all", query="sort=name", is_shared="1", is_default="1")
    for who in (alice, bob, None):
        assert rows(look(who, path)) == ["run 0", "run 1", "run 2"]
        assert rows(look(who, f"{path}?view=")) == ["run 2", "run 1", "run 0"]
        assert rows(look(who, f"{path}?sort=-created")) == ["run 2", "run 1", "run 0"]
    own = save(bob, name="mine", query="q=1", is_default="1")
    assert rows(look(bob, path)) == ["run 1"]
    assert len(rows(look(alice, path))) == 3
    save(bob, f"/app/views/{own}", is_default="0")
    assert rows(look(bob, path)) == ["run 0", "run 1", "run 2"]


def test_there_is_one_default_of_each_kind(app, alice, save):
    first = save(alice, name="a", is_shared="1", is_default="1")
    private = save(alice, name="b", is_default="1")
    second = save(alice, name="c", is_shared="1")
    save(alice, f"/app/views/{second}", is_default="1")
    with app.app_context():
        is_default = {view.id: view.is_default for view in db.session.query(View)}
    assert is_default == {first: False, private: True, second: True}


def test_a_private_view_is_nobody_elses(look, alice, bob, carol, api, project, save):
    api(alice).put(f"/projects/{project}", {"is_public": True})
    private = save(alice, name="secret plan", query="q=1")
    for who in (bob, None, carol):
        page = look(who, f"/app/projects/{project}?view={private}")
        assert len(rows(page)) == 3
    assert save(bob, f"/app/views/{private}", name="x") == 403
    assert save(carol, f"/app/views/{private}/delete") == 403


def test_a_shared_view_is_changed_by_its_owner_and_the_projects_owner_only(alice, bob, api, app, project, save):
    api(alice).put(f"/projects/{project}", {"is_public": True})
    shared = save(alice, name="for all", is_shared="1")
    assert save(bob, f"/app/views/{shared}", name="x") == 403
    assert save(bob, f"/app/views/{shared}/delete") == 403
    assert save(bob, name="forced on all", is_shared="1") == 403
    bobs = save(bob, name="bob's")
    assert save(bob, f"/app/views/{bobs}", is_shared="1") == 403
    assert save(bob, f"/app/views/{bobs}", name="still bob's") == bobs
    assert save(alice, f"/app/views/{bobs}", name="x") == 403
    api(alice).put(f"/projects/{project}", {"is_public": False})
    assert save(bob, f"/app/views/{bobs}", name="x") == 403
    assert save(alice, f"/app/views/{shared}/delete") is None
    assert save(alice, f"/app/views/{shared}/delete") == 404


@pytest.mark.parametrize(
    "form",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "a", "query": "x=" + "y" * 8001},
        {"name": "a", "layout": "[]"},
        {"name": "a", "layout": "{"},
        {"name": "a", "layout": '{"a": NaN}'},
        {"name": "a", "layout": json.dumps({"a": "x" * 65536})},
        {"name": "a", "layout": "[" * 100_000},
        {"name": "a", "layout": '{"a":' * 9 + "1" + "}" * 9},
    ],
)
def test_a_view_that_is_too_large_or_has_another_shape_is_refused(alice, save, form):
    assert save(alice, **form) == 400


def test_a_layout_is_kept_as_it_was_sent(app, alice, save):
    layout = {"pinned": ["val/loss"], "size": {"train/loss": [2, 300]}, "hidden": []}
    view = save(alice, name="a", layout=json.dumps(layout))
    with app.app_context():
        assert db.session.get_one(View, view).layout == layout


def test_a_form_without_scripts_leads_to_the_view(look, alice, project):
    answer = look(alice, f"/app/projects/{project}/views", method="POST", data={"name": "a", "query": "q=1"})
    assert (answer.status_code, answer.location) == (303, f"/app/projects/{project}?view=1")
    answer = look(alice, "/app/views/1/delete", method="POST")
    assert (answer.status_code, answer.location) == (303, f"/app/projects/{project}")


def test_the_views_of_a_deleted_project_go_with_it(app, api, alice, project, save):
    save(alice, name="a")
    api(alice).delete(f"/projects/{project}")
    assert save(alice, "/app/views/1", name="b") == 404
