"""The runs beside a run are those beside it in the whole list, whatever its order and filter."""

import itertools
import random
import threading
from datetime import datetime

import pytest
import sqlalchemy as sa

from aimanager.extensions import db
from aimanager.models import Run
from aimanager.services.run_list import filters, order
from aimanager.services.run_list.filters import Filter
from aimanager.services.run_list.neighbours import neighbours
from aimanager.services.run_list.order import RunList
from aimanager.services.run_list.search import Search
from aimanager.wire.times import to_microseconds

LATER = datetime(2100, 1, 1)
"""When the lists are looked at, so that no run that still runs overtakes one that has ended meanwhile."""
TEXTS = ["", "tags has a and not status = failed", "metrics.loss < 2", "name = nobody"]
ORDERS = [
    ["-created"],
    ["created"],
    ["name"],
    ["-tags"],
    ["tags", "created"],
    ["-status", "name"],
    ["duration"],
    ["-duration"],
    ["metrics.loss"],
    ["-metrics.loss"],
    ["metrics.loss.min", "-config.lr"],
    ["config.lr"],
    ["-config.lr", "metrics.loss"],
    ["config.optimizer", "tags", "-metrics.loss", "name"],
    ["config.nowhere"],
]


@pytest.fixture
def project(app, alice, make_project, make_run, make_points, api):
    """Runs with many equal values, and some with none."""
    rng, project = random.Random(7), make_project(alice)
    for n in range(40):
        config = {"lr": rng.choice([0.1, 0.01, "auto", True])} if n % 4 else {}
        config["optimizer"] = rng.choice(["adam", "sgd"])
        run = make_run(alice, project, name=f"run {n % 5}", config=config, tags=rng.sample(["a", "b"], n % 3))
        if n % 3:
            make_points(alice, run, loss=[rng.choice([1, 2, "Infinity"]), rng.choice([1, 2, "NaN"])])
        if n % 7 == 0:
            api(alice).put(f"/runs/{run}", {"status": rng.choice(["completed", "failed"])})
    return project


def listed(project, by, where):
    """The ids of the whole list."""
    return Search(RunList(project, by, where), to_microseconds(LATER)).runs(None, 1000)


def test_the_runs_beside_a_run_are_those_of_the_list(app, project, monkeypatch):
    monkeypatch.setattr("aimanager.services.run_list.neighbours.now", lambda: LATER)
    with app.app_context():
        for keys, text in itertools.product(ORDERS, TEXTS):
            by, where = order.read_keys(keys), filters.read(text) if text else Filter()
            ids = [None, *listed(project, by, where), None]
            for before, run_id, after in zip(ids, ids[1:], ids[2:], strict=False):
                found = neighbours(db.session.get(Run, run_id), by, where)
                assert [run and run.id for run in found] == [before, after], (keys, text, ids)


def test_a_run_that_does_not_pass_has_the_neighbours_of_its_place(app, alice, make_project, make_run):
    project = make_project(alice)
    ids = [make_run(alice, project, tags=["a"] if n != 1 else []) for n in range(3)]
    with app.app_context():
        found = neighbours(db.session.get(Run, ids[1]), order.Order(), filters.read("tags has a"))
        assert [run.id for run in found] == [ids[2], ids[0]]


def test_neighbours_take_few_statements_in_a_long_list(app, project):
    with app.app_context():
        by = order.read_keys(["-config.lr", "metrics.loss", "name"])
        run = db.session.get(Run, listed(project, by, Filter())[20])
        statements, here = [], threading.get_ident()

        def note(*given):
            if threading.get_ident() == here:  # Others look after the store.
                statements.append(given[2])

        sa.event.listen(db.engine, "before_cursor_execute", note)
        neighbours(run, by, Filter())
        assert len(statements) < 60
