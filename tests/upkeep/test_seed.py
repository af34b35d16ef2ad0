"""The seeded project is one that could have been trained: its curves, its groups of seeds, its oddities."""

import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from aimanager import Settings, create_app
from aimanager.cli import main
from aimanager.db import schema
from aimanager.db.engine import Database
from aimanager.extensions import database, db, metric_store
from aimanager.models import Project, Run
from aimanager.models.base import now
from aimanager.models.run_config import flat
from aimanager.seed import Size, new_project, seed
from aimanager.seed.training import MAIN_METRICS
from aimanager.services import accounts
from aimanager.store import Rank
from aimanager.store.upkeep import doctor

RUNS, METRICS, POINTS = 60, 60, 100


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """The ids of the runs of a seeded project, inside its application."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("seed"), durability="fast")
    own = Database.open(settings)
    schema.upgrade(own)
    own.engine.dispose()
    app = create_app(settings, background=False)
    with app.app_context():
        owner = accounts.create("ada@example.com", "ada", "a long password", False)
        project = new_project(owner.id, "seeded")
        assert list(seed(project.id, Size(RUNS, METRICS, POINTS))) == [RUNS]
        yield list(db.session.scalars(sa.select(Run.id).order_by(Run.id)))


def values_of(run, name):
    return metric_store.series(run, name).values


def test_every_run_logs_fifty_metrics_and_the_newest_all(seeded):
    counts = [len(summaries) for summaries in metric_store.summaries(seeded).values()]
    assert counts == [50] * (RUNS - 1) + [METRICS]
    assert {each.count for each in metric_store.summaries(seeded)[seeded[-1]]} == {POINTS}


def test_three_seeds_in_a_row_share_all_other_settings(seeded):
    configs = [dict(flat(config)) for config in db.session.scalars(sa.select(Run.config).order_by(Run.id))]
    assert [config.pop("seed") for config in configs] == [0, 1, 2] * (RUNS // 3)
    assert all(config == configs[number // 3 * 3] for number, config in enumerate(configs))
    assert len({str(config) for config in configs}) > 5


def test_some_runs_spike_some_diverge_to_nan_and_most_learn(seeded):
    losses = [values_of(run, "train/loss") for run in seeded]
    diverged = [np.isnan(loss).any() for loss in losses]
    learned = [loss for loss, bad in zip(losses, diverged, strict=True) if not bad]
    assert 0 < sum(diverged) < RUNS / 2
    assert all(np.median(loss[-10:]) < np.median(loss[:10]) for loss in learned)
    assert any((loss[1:] > 3 * loss[:-1]).any() for loss in learned)


def test_the_runs_have_ended_and_are_in_the_ranking(seeded):
    with database.reading() as connection:
        order = metric_store.order(connection, 1, Rank("val/loss", "min"))
        assert {place.run for place in order.walk(None, RUNS)} == set(seeded)
    assert all(run.lasted and run.ended_at < now() for run in db.session.scalars(sa.select(Run)))


def test_the_stored_points_are_without_a_fault(seeded):
    assert [fault for run in seeded[-3:] for fault in doctor.examine(database, run)] == []
    assert set(MAIN_METRICS) < {each.name for each in metric_store.summaries(seeded[:1])[seeded[0]]}


def test_the_command_says_where_the_project_is_and_how_to_log_in(tmp_path, monkeypatch):
    monkeypatch.setenv("AI_MANAGER_DATA_DIR", str(tmp_path))
    CliRunner().invoke(main, ["migrate"])
    done = CliRunner().invoke(main, ["seed", "--runs", "3", "--points", "5"])
    assert done.exit_code == 0, done.output
    assert "/app/projects/1" in done.stdout
    assert "with password" in done.stdout
    with create_app(background=False).app_context():
        assert db.session.scalars(sa.select(Project.name)).all() == ["Image classification"]
