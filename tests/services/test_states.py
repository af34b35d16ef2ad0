"""A run is stale when it gives no sign of life, and its duration is of one clock."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from aimanager.extensions import database, db
from aimanager.models import Run
from aimanager.models.base import now
from aimanager.services import run_state, runs
from aimanager.services.run_list.states import heard_at
from aimanager.store.tables import metric_stream

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def alices_run(app, alice, make_project, make_run):
    return make_run(alice, make_project(alice))


@pytest.fixture
def at(app, alices_run):
    """Set when the run gave its signs of life, and answer its state from Python and from SQL."""

    def state(
        alive: timedelta, point: timedelta | None = None, heartbeat: bool = False, status: str = "running"
    ) -> str:
        with app.app_context():
            moment = now()
            changes = {"started_at": moment - 9 * HOUR, "alive_at": moment - alive, "has_heartbeat": heartbeat}
            with database.writing() as connection:
                table = Run.__table__
                connection.execute(sa.update(table).where(table.c.id == alices_run).values(status=status, **changes))
                if point is not None:
                    heard = metric_stream.c.heard_at
                    connection.execute(sa.update(metric_stream).values({heard: run_state.microseconds(moment - point)}))
            run = db.session.get_one(Run, alices_run)
            state = run_state.state_of(run, heard_at([run.id]).get(run.id))
            stale = db.session.scalars(sa.select(Run.id).where(run_state.is_stale())).all()
            assert (state == "stale") == (alices_run in stale)
            return state

    return state


@pytest.fixture
def logged(api, alice, alices_run):
    assert api(alice).post(f"/metrics/{alices_run}", {"name": "loss", "value": 1}).status_code == 201


def test_a_run_without_heartbeats_is_stale_after_half_an_hour_of_silence(at):
    assert at(29 * MINUTE) == "running"
    assert at(34 * MINUTE) == "stale"


def test_how_long_a_stale_run_is_silent_is_said_in_words(at):
    assert at(34 * MINUTE).in_words == "stale: no data for 34 min"
    assert at(5 * HOUR).in_words == "stale: no data for 5 h"
    assert at(55 * timedelta(seconds=1), heartbeat=True).in_words == "stale: no data for 55 s"
    assert at(29 * MINUTE).in_words == "running"


def test_a_run_with_heartbeats_is_stale_after_three_missed_ones(at):
    assert at(timedelta(seconds=44), heartbeat=True) == "running"
    assert at(timedelta(seconds=51), heartbeat=True) == "stale"


def test_a_point_is_a_sign_of_life_as_good_as_a_heartbeat(at, logged):
    assert at(5 * HOUR, point=MINUTE) == "running"
    assert at(5 * HOUR, point=31 * MINUTE) == "stale"
    assert at(MINUTE, point=timedelta(seconds=5), heartbeat=True) == "running"
    assert at(MINUTE, point=MINUTE, heartbeat=True) == "stale"


@pytest.mark.parametrize("status", ["completed", "failed", "killed"])
def test_a_run_that_ended_is_never_stale(at, status):
    assert at(5 * HOUR, status=status) == status


def test_renaming_a_dead_run_does_not_bring_it_to_life(app, at, api, alice, alices_run):
    at(5 * HOUR)
    api(alice).put(f"/runs/{alices_run}", {"name": "other"})
    with app.app_context():
        run = db.session.get_one(Run, alices_run)
        assert run_state.state_of(run, None) == "stale"


def test_a_run_that_is_resumed_is_running(app, at, api, alice, alices_run):
    at(5 * HOUR, status="failed", heartbeat=True)
    api(alice).put(f"/runs/{alices_run}", {"status": "running"})
    with app.app_context():
        run = db.session.get_one(Run, alices_run)
        assert run_state.state_of(run, None) == "running"


@pytest.mark.parametrize("skew", [-HOUR, HOUR, timedelta()], ids=["behind", "ahead", "right"])
def test_a_duration_is_by_the_servers_clock_whatever_a_client_says_of_its_end(app, api, alice, alices_run, skew):
    ended_at = (now() + skew).isoformat()
    answer = api(alice).put(f"/runs/{alices_run}", {"status": "completed", "ended_at": ended_at}).json
    assert answer["ended_at"].rstrip("Z")[:23] == ended_at[:23]  # It is kept as it was given.
    with app.app_context():
        run = db.session.get_one(Run, alices_run)
        assert run.duration == run.end_received_at - run.started_at
        assert timedelta() <= run.duration < 10 * MINUTE


def test_a_corrected_end_does_not_change_how_long_it_ran(app, api, alice, alices_run):
    api(alice).put(f"/runs/{alices_run}", {"status": "completed"})
    with app.app_context():
        before = db.session.get_one(Run, alices_run).duration
    api(alice).put(f"/runs/{alices_run}", {"ended_at": "2020-01-01T00:00:00"})
    with app.app_context():
        assert db.session.get_one(Run, alices_run).duration == before


def test_a_clock_set_back_makes_no_negative_duration(app, alice, alices_run, monkeypatch):
    with app.app_context():
        monkeypatch.setattr(runs, "now", lambda: now() - HOUR)
        run = runs.update(alice.principal, alices_run, status="completed")
        assert run.duration == timedelta()


def write_heartbeats(app):
    app.extensions["aimanager"].heartbeats.write()


def test_a_heartbeat_keeps_a_run_alive_and_changes_nothing_else_of_it(app, at, api, alice, alices_run):
    assert at(5 * HOUR) == "stale"
    before = api(alice).get(f"/runs/{alices_run}").json
    answer = api(alice).post(f"/runs/{alices_run}/heartbeat")
    assert (answer.status_code, answer.json) == (
        200, {"flush_after_ms": 250, "heartbeat_after_ms": 15_000, "stop_requested": False}
    )  # fmt: skip
    write_heartbeats(app)
    with app.app_context():
        run = db.session.get_one(Run, alices_run)
        assert run.has_heartbeat
        assert run_state.state_of(run, None) == "running"
    after = api(alice).get(f"/runs/{alices_run}").json
    assert (after["updated_at"], after["status"]) == (before["updated_at"], before["status"])
    assert api(alice).get(f"/metrics/{alices_run}").json == []


def test_many_heartbeats_are_one_write(app, api, alice, make_run, monkeypatch):
    run_ids = [make_run(alice) for _ in range(3)]
    heartbeats = app.extensions["aimanager"].heartbeats
    heartbeats.close()
    for run in run_ids * 4:
        api(alice).post(f"/runs/{run}/heartbeat")
    opened = []
    writing = heartbeats._database.writing
    monkeypatch.setattr(heartbeats._database, "writing", lambda patience: opened.append(1) or writing(patience))
    heartbeats.write()
    assert opened == [1]
    with app.app_context():
        assert all(db.session.get_one(Run, run).has_heartbeat for run in run_ids)


def test_a_heartbeat_that_comes_late_does_not_bring_a_run_back_that_ended(app, api, alice, alices_run):
    api(alice).put(f"/runs/{alices_run}", {"status": "failed"})
    assert api(alice).post(f"/runs/{alices_run}/heartbeat").status_code == 200
    write_heartbeats(app)
    with app.app_context():
        assert not db.session.get_one(Run, alices_run).has_heartbeat


def test_only_who_may_write_to_a_run_says_that_it_is_alive(api, alice, bob, key_of, make_run):
    run = make_run(alice, public=True)
    assert api(bob).post(f"/runs/{run}/heartbeat").status_code == 403
    assert api(key_of(alice, "read")).post(f"/runs/{run}/heartbeat").status_code == 403
    assert api().post(f"/runs/{run}/heartbeat").status_code == 401
    assert api(alice).post("/runs/999/heartbeat").status_code == 404


def test_heartbeats_draw_on_the_budget_of_ingest(make_app, alice, alices_run, api):
    client = make_app(rate_limits="1/minute", ingest_limits="3/minute").test_client()
    headers = {"Authorization": f"Bearer {alice.token}"}
    answers = [client.post(f"/runs/{alices_run}/heartbeat", headers=headers).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]


def test_the_page_of_a_stale_run_says_for_how_long_there_is_no_data(at, alice, alices_run, browser_of):
    at(34 * MINUTE)
    assert "Stale: no data for 34 min" in browser_of(alice).get(f"/app/runs/{alices_run}").text
    assert "no data for 34 min" in browser_of(alice).get("/").text


def test_a_table_of_runs_finds_stale_ones_and_says_for_how_long(at, alice, alices_run, browser_of, app):
    at(34 * MINUTE)
    with app.app_context():
        project = db.session.get_one(Run, alices_run).project_id
    page = browser_of(alice).get(f"/app/projects/{project}").text
    assert "stale: no data for 34 min" in page
