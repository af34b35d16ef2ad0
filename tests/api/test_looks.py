"""A run is archived, and gets a colour, by the API."""

import pytest


@pytest.fixture
def run(alice, make_project, make_run):
    return make_run(alice, make_project(alice))


def test_a_run_is_archived_and_brought_back(api, alice, run):
    address = f"/runs/{run}"
    project = api(alice).get(address).json["project_id"]
    listed = f"/runs/?project_id={project}&filter=id = {run}"
    assert api(alice).get(address).json["archived"] is False
    assert api(alice).put(address, json={"archived": True}).json["archived"] is True
    assert api(alice).get(listed).json == []
    assert [one["id"] for one in api(alice).get(f"{listed} and archived").json] == [run]
    assert api(alice).put(address, json={"archived": False}).json["archived"] is False
    assert [one["id"] for one in api(alice).get(listed).json] == [run]


def test_a_run_gets_a_colour_and_its_own_again(api, alice, run):
    address = f"/runs/{run}"
    assert api(alice).get(address).json["colour"] is None
    assert api(alice).put(address, json={"colour": 19}).json["colour"] == 19
    assert api(alice).put(address, json={"notes": "x"}).json["colour"] == 19
    assert api(alice).put(address, json={"colour": None}).json["colour"] is None


@pytest.mark.parametrize(
    "change", [{"colour": 20}, {"colour": -1}, {"colour": "red"}, {"archived": "later"}, {"archived": None}]
)
def test_what_is_no_colour_and_no_answer_is_refused(api, alice, run, change):
    refused = api(alice).put(f"/runs/{run}", json=change)
    assert refused.status_code == 400
    assert next(iter(change)) in refused.json["errors"][0]["loc"]


def test_only_who_may_write_archives(api, alice, bob, make_project, make_run):
    run = make_run(alice, make_project(alice, is_public=True))
    assert api(bob).put(f"/runs/{run}", json={"archived": True}).status_code == 403
    assert api(bob).get(f"/runs/{run}").json["archived"] is False
