"""A project's settings: only its owner's, and nothing is deleted by accident."""

import re

import pytest

from .conftest import as_htmx


@pytest.fixture
def place(alice, make_project, make_run, make_points):
    project = make_project(alice, "digits", description="numbers")
    make_points(alice, make_run(alice, project), loss=[3, 2, 1])
    return project


def path_of(project, more=""):
    return f"/app/projects/{project}{more}"


def test_name_description_and_visibility_are_changed(look, alice, api, place):
    page = look(alice, path_of(place, "/settings")).text
    assert 'value="digits"' in page
    fields = {"name": "numbers", "description": "", "is_public": "1"}
    assert look(alice, path_of(place), method="POST", data=fields).status_code == 303
    changed = api(alice).get(f"/projects/{place}").json
    assert (changed["name"], changed["description"], changed["is_public"]) == ("numbers", "", True)


def test_a_name_that_cannot_be_is_refused_beside_its_field(look, alice, place):
    answer = look(alice, path_of(place), method="POST", data={"name": " ", "description": "kept"})
    assert answer.status_code == 400
    assert 'id="name-error"' in answer.text
    assert ">kept</textarea>" in answer.text


def test_only_the_owner_sees_the_settings_of_a_public_project(look, alice, bob, make_project):
    project = make_project(alice, is_public=True)
    assert look(bob, path_of(project, "/settings")).status_code == 403
    assert look(None, path_of(project, "/settings")).location.startswith("/login")
    assert "/settings" not in re.search(r'<div class="actions">.*?</div>', look(bob, path_of(project)).text, re.S)[0]


def test_an_archived_project_is_folded_away_and_takes_points_until_it_is_restored(look, alice, place, make_run):
    other = look(alice, "/app/projects/new", method="POST", data={"name": "kept"}).location
    assert look(alice, path_of(place, "/archive"), method="POST", data={"archived": "1"}).status_code == 303
    home = look(alice, "/").text
    assert re.findall(r'<a class="name"[^>]*>([^<]*)', home) == ["kept"]
    folded = re.search(r"<details[^>]*archived.*?</details>", home, re.S)[0]
    assert "digits" in folded
    assert other.rpartition("/")[2] not in re.findall(r"projects/(\d+)", folded)
    make_run(alice, place)
    assert look(alice, path_of(place)).status_code == 200
    look(alice, path_of(place, "/archive"), method="POST", data={"archived": "0"})
    assert "digits" in re.findall(r'<a class="name"[^>]*>([^<]*)', look(alice, "/").text)


def test_before_a_project_is_deleted_it_says_what_goes_with_it(look, alice, place):
    page = look(alice, path_of(place, "/settings")).text
    assert re.search(r'id="size" hx-get="[^"]+" hx-trigger="load"', page)
    size = look(alice, path_of(place, "/settings"), headers=as_htmx("p#size")).text
    assert "<html" not in size
    assert "1 run" in size
    assert "3 points" in size
    assert re.search(r"frees about <b>[1-9][\d.]* (bytes|KB)</b>", size)


def test_a_project_is_deleted_only_by_its_exact_name(look, alice, place):
    answer = look(alice, path_of(place, "/delete"), method="POST", data={"sure": "Digits"})
    assert answer.status_code == 400
    assert 'id="sure-error"' in answer.text
    assert look(alice, path_of(place)).status_code == 200
    assert look(alice, path_of(place, "/delete"), method="POST", data={"sure": "digits"}).status_code == 303
    assert look(alice, path_of(place)).status_code == 404
