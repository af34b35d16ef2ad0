"""One change to many runs is made to all of them or to none, and can be taken back."""

import random
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from aimanager.errors import Forbidden, Invalid, NotFound
from aimanager.extensions import db, metric_store, parts, writing
from aimanager.models import Run
from aimanager.models.base import now
from aimanager.services import bulk, trash


@pytest.fixture
def runs(app, alice, make_project, make_run):
    project = make_project(alice)
    return [make_run(alice, project, name=f"run {n}", tags=["old"] if n == 1 else []) for n in range(3)]


@pytest.fixture
def act(app):
    def do(who, action, run_ids, value=""):
        with app.test_request_context():
            return bulk.act(who.principal, action, run_ids, value)

    return do


@pytest.fixture
def stored(app):
    def facts(run_ids, *names):
        with app.app_context():
            rows = {run.id: run for run in db.session.scalars(sa.select(Run).where(Run.id.in_(run_ids)))}
            return [tuple(getattr(rows[run_id], name) for name in names) for run_id in run_ids]

    return facts


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("archive", ""),
        ("trash", ""),
        ("tag", "best"),
        ("tag", "old"),
        ("tag", "old, best"),
        ("untag", "old, none"),
        ("colour", "7"),
        ("colour", "1,,19"),
    ],
)
def test_undo_puts_back_what_was_there(act, alice, runs, stored, action, value):
    facts = ("name", "tags", "words", "tags_key", "archived_at", "trashed_at", "colour")
    act(alice, "colour", runs[:1], "3")
    before = stored(runs, *facts)
    done = act(alice, action, runs, value)
    assert stored(runs, *facts) != before
    act(alice, done.undo.action, done.undo.run_ids, done.undo.value)
    assert stored(runs, *facts) == before


def test_runs_are_found_by_the_tags_that_they_have_now(api, act, alice, runs):
    def found(query):
        return sorted(
            run["id"] for run in api(alice).get("/runs/", query_string={"project_id": 1, "filter": query}).json
        )

    act(alice, "tag", runs, "best")
    assert found('tags has "best"') == runs
    act(alice, "untag", runs[:2], "best")
    act(alice, "untag", [runs[1]], "old")
    assert found('tags has "best"') == runs[2:]
    assert found('tags has "old"') == []


def test_undo_of_a_new_name_is_the_old_name(act, alice, runs, stored):
    done = act(alice, "rename", runs[:1], "better")
    assert stored(runs[:1], "name", "words") == [("better", "better")]
    act(alice, done.undo.action, done.undo.run_ids, done.undo.value)
    assert stored(runs[:1], "name", "words") == [("run 0", "run 0")]


def test_undo_leaves_alone_what_was_so_before(act, alice, runs, stored):
    act(alice, "archive", runs[:1])
    done = act(alice, "archive", runs)
    assert done.undo.run_ids == runs[1:]
    assert act(alice, "archive", runs).undo is None


@pytest.mark.parametrize(
    ("action", "value", "fault"),
    [
        ("explode", "", "action must be one of"),
        ("tag", " , ", "must not be all blank"),
        ("tag", "x" * 101, "tag must have"),
        ("rename", "both", "one run at a time"),
        ("colour", "20", "a colour is a number from 0 to 19"),
        ("colour", "1,2", "one for each run"),
        ("colour", "red", "a colour is a number"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(act, alice, runs, action, value, fault):
    with pytest.raises(Invalid, match=fault):
        act(alice, action, runs, value)


def test_another_users_run_among_them_stops_all_of_it_and_is_named(act, alice, bob, runs, make_run, stored):
    bobs = make_run(bob, public=True)
    for action in ("archive", "unarchive", "trash", "restore", "tag", "untag", "colour"):
        with pytest.raises(Forbidden, match=f"run {bobs}\\."):
            act(alice, action, [*runs, bobs], "1")
    assert stored([*runs, bobs], "archived_at", "trashed_at", "colour") == [(None, None, None)] * 4
    with pytest.raises(NotFound, match="runs 998, 999"):
        act(alice, "archive", [*runs, 998, 999])


def test_the_time_of_the_last_change_goes_with_it(act, alice, runs, stored):
    before = stored(runs, "updated_at")
    act(alice, "archive", runs[:2])
    after = stored(runs, "updated_at")
    assert after[0] > before[0]
    assert after[2] == before[2]


def test_a_thousand_runs_cost_as_many_statements_as_two(app, act, alice, make_project, stored):
    project = make_project(alice)
    with app.app_context(), writing() as session:
        rows = [{"id": n, "project_id": project, "name": f"run {n}", "status": "running", "config": {},
                 "tags": [f"t{random.Random(n).random()}"], "notes": "", "started_at": now()}
                for n in range(100, 1100)]  # fmt: skip
        session.execute(sa.insert(Run), rows)
        engine = db.engine
    ids = [row["id"] for row in rows]
    counts, here = [0, 0], threading.get_ident()
    for place, some in enumerate((ids[:2], ids)):

        def count(*_, place=place):
            counts[place] += threading.get_ident() == here  # Others look after the store.

        event.listen(engine, "before_cursor_execute", count)
        act(alice, "tag", some, f"tag {len(some)}")
        event.remove(engine, "before_cursor_execute", count)
    assert counts[0] == counts[1] > 0
    assert len(set(map(len, (tags for (tags,) in stored(ids[2:], "tags"))))) == 1


def test_the_projects_room_is_told_once(app, act, alice, runs, monkeypatch):
    told = []
    with app.app_context():
        monkeypatch.setattr(parts().live_bus, "publish", told.append)
    act(alice, "trash", runs)
    assert sorted(told) == sorted(["project:1", *(f"run-facts:{run}" for run in runs)])


def test_a_run_in_the_trash_still_takes_points(api, act, alice, runs):
    act(alice, "trash", runs[:1])
    assert api(alice).post(f"/metrics/{runs[0]}", {"name": "loss", "value": 1}).status_code == 201
    assert api(alice).post(f"/runs/{runs[0]}/heartbeat").status_code == 200
    assert len(api(alice).get(f"/metrics/{runs[0]}").json) == 1


def test_the_trash_is_emptied_after_its_days_and_not_before(app, api, act, alice, runs, make_points, monkeypatch):
    for run in runs:
        make_points(alice, run, loss=[1])
    act(alice, "trash", runs[:2])
    with app.app_context():
        trash.empty()
        assert api(alice).get(f"/runs/{runs[0]}").status_code == 200
        run = db.session.get_one(Run, runs[0])
        assert trash.gone_at(run) == run.trashed_at + timedelta(days=7)
        with writing() as session:
            overdue = sa.update(Run).where(Run.id == runs[0]).values(trashed_at=now() - timedelta(days=8))
            session.execute(overdue)
        db.session.remove()
        trash.empty()
        assert metric_store.heads(runs).keys() == set(runs[1:])
    assert [api(alice).get(f"/runs/{run}").status_code for run in runs] == [404, 200, 200]
