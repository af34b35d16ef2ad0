"""What the attackers share."""

import hashlib
import json

import pytest

SECRET = "only-for-alice"


@pytest.fixture
def account():
    """What somebody registers with."""
    return {"email": "mallory@example.com", "username": "mallory", "password": "a password of mallory"}


@pytest.fixture
def private_run(alice, make_project, make_run, make_points):
    """A run of Alice's, in a project that nobody else may see; everything in it is called a secret."""
    project_id = make_project(alice, f"project {SECRET}", description=SECRET)
    run_id = make_run(alice, project_id, name=f"run {SECRET}", config={"key": SECRET}, tags=[SECRET], notes=SECRET)
    make_points(alice, run_id, **{f"metric {SECRET}": [1, 2, 3]})
    return run_id


@pytest.fixture
def checksum(api, alice):
    """A digest of everything that Alice owns, as she sees it."""

    def of_everything() -> str:
        runs = api(alice).get("/runs/").json
        state = {
            "user": api(alice).get("/auth/me").json,
            "keys": [key | {"last_used_at": None} for key in api(alice).get("/auth/keys").json],
            "projects": api(alice).get("/projects/").json,
            "runs": runs,
            "points": [api(alice).get(f"/metrics/{run['id']}").json for run in runs],
        }
        assert state["projects"]
        return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()

    return of_everything
