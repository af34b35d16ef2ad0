"""What is remembered of who may do what is never older than the last change, in whichever process that was made."""

import threading

import pytest

from aimanager.errors import Unauthorized
from aimanager.extensions import database
from aimanager.services import accounts, api_keys, runs, sessions


@pytest.fixture
def other(app, make_app):
    """A second application on the same database, as another process has it."""
    return make_app()


def test_a_logout_holds_at_once_in_every_process(app, other, alice):
    with other.test_request_context():
        for _ in range(3):
            assert sessions.resolve(alice.token, "token").user_id == alice.id
    with app.test_request_context():
        sessions.end(alice.principal)
    with other.test_request_context(), pytest.raises(Unauthorized):
        sessions.resolve(alice.token, "token")


def test_an_account_that_is_switched_off_is_out_at_once(app, other, alice, key_of):
    key = key_of(alice)
    with other.test_request_context():
        assert api_keys.resolve(key).user_id == alice.id
    with app.test_request_context():
        accounts.set_active(alice.id, False)
    with other.test_request_context(), pytest.raises(Unauthorized):
        api_keys.resolve(key)


def test_a_project_that_becomes_private_is_so_at_once(api, app, other, alice, bob, make_run):
    run_id = make_run(alice, public=True)
    with other.test_request_context():
        project_id = runs.project_of(run_id, bob.principal)
    api(alice).put(f"/projects/{project_id}", {"is_public": False})
    assert other.test_client().get(f"/metrics/{run_id}/summary", headers=bearer(bob)).status_code == 403


def bearer(person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}"}


def test_an_answer_that_was_asked_for_before_a_change_is_not_kept_after_it(app, alice, monkeypatch):
    with app.test_request_context():
        if database.generation:
            database.generation.count_up()  # Whatever was remembered before is not what this is about.
        lookups = database.lookups
        ask, queried, changed = lookups.first, threading.Event(), threading.Event()

        def slow(statement, **values):
            row = ask(statement, **values)
            queried.set()
            assert changed.wait(10)
            return row

        monkeypatch.setattr(lookups, "first", slow)

        def look():
            with app.test_request_context():
                sessions.resolve(alice.token, "token")

        looking = threading.Thread(target=look)
        looking.start()
        assert queried.wait(10)
        monkeypatch.setattr(lookups, "first", ask)
        sessions.end(alice.principal)
        changed.set()
        looking.join(10)
        with pytest.raises(Unauthorized):
            sessions.resolve(alice.token, "token")
