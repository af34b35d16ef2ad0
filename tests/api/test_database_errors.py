"""What a database says, told apart: a mistake of ours is a 500; one that is away is a 503 (see tests/faults)."""

import sqlalchemy as sa

from aimanager.extensions import writing


def test_a_statement_that_makes_no_sense_is_our_fault_and_not_a_pause(app, api, alice):
    with app.app_context(), writing() as session:
        session.execute(sa.text("ALTER TABLE projects RENAME COLUMN description TO something"))
    answer = api(alice).get("/projects/")
    assert (answer.status_code, answer.get_json()) == (500, {"detail": "Internal server error"})
    assert "Retry-After" not in answer.headers


def test_healthz_answers_while_the_database_is_away(app, api, alice, monkeypatch):
    def away(*_, **__):
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("away"))

    with app.app_context():
        monkeypatch.setattr(app.extensions["aimanager"].database.lookups, "recall", away)
    assert api(alice).get("/healthz").status_code == 200
    assert api(alice).get("/auth/me").status_code == 503
