"""One search over all projects and runs that somebody may see."""

import pytest


@pytest.fixture
def find(look):
    """The names that a search finds: of projects, and of runs."""

    def ask(who, text):
        answer = look(who, "/app/search", query_string={"q": text})
        assert answer.status_code == 200
        return tuple([one["name"] for one in answer.json[kind]] for kind in ("projects", "runs"))

    return ask


def test_projects_are_found_by_name_and_description_and_runs_by_name_and_tag(find, alice, make_project, make_run):
    digits = make_project(alice, "Digits", description="handwritten numbers")
    make_run(alice, digits, name="ResNet small", tags=["baseline"])
    make_run(alice, digits, name="plain")
    assert find(alice, "HANDwritten") == (["Digits"], [])
    assert find(alice, "resnet") == ([], ["ResNet small"])
    assert find(alice, "small base") == ([], ["ResNet small"])
    assert find(alice, "small plain") == ([], [])
    assert find(alice, "pl") == ([], ["plain"])  # Too short for an index of three letters.
    assert find(alice, "%") == ([], [])


def test_a_number_finds_the_run_of_that_id(find, alice, make_run):
    run = make_run(alice, name="first")
    assert find(alice, str(run)) == find(alice, f"#{run}") == ([], ["first"])
    assert find(alice, "9" * 30) == ([], [])


def test_only_what_somebody_may_see_is_found(find, alice, bob, carol, make_project, make_run):
    make_run(alice, make_project(alice, "secret plan"), name="secret run")
    make_run(alice, make_project(alice, "secret no more", is_public=True), name="secret shown")
    for who in (None, bob):
        assert find(who, "secret") == (["secret no more"], ["secret shown"])
    for who in (alice, carol):
        assert find(who, "secret") == (["secret no more", "secret plan"], ["secret shown", "secret run"])


def test_runs_in_the_trash_and_deleted_projects_are_not_found(find, look, alice, make_project, make_run):
    project = make_project(alice, "old digits")
    trashed, kept = make_run(alice, project, name="old one"), make_run(alice, project, name="old two")
    assert look(alice, "/app/runs/bulk", method="POST", data={"action": "trash", "ids": trashed}).status_code < 400
    assert find(alice, "old") == (["old digits"], ["old two"])
    assert find(alice, str(trashed)) == ([], [])
    look(alice, f"/app/projects/{project}/delete", method="POST", data={"sure": "old digits"})
    assert find(alice, "old") == ([], [])
    assert find(alice, str(kept)) == ([], [])


def test_newer_runs_of_others_hide_nothing(find, monkeypatch, alice, bob, make_project, make_run):
    monkeypatch.setattr("aimanager.services.search.MOST_CANDIDATES", 3)
    make_run(alice, make_project(alice), name="baseline mine")
    theirs = make_project(bob)
    for number in range(5):
        make_run(bob, theirs, name=f"baseline {number}")
    assert find(alice, "baseline") == ([], ["baseline mine"])
    assert find(alice, "ba") == ([], ["baseline mine"])


def test_without_a_word_the_newest_of_ones_own_are_shown(find, alice, bob, make_project, make_run):
    make_project(bob, "elsewhere", is_public=True)
    project = make_project(alice, "mine")
    for number in range(10):
        make_run(alice, project, name=f"run {number}")
    assert find(alice, "") == (["mine"], [f"run {number}" for number in range(9, 4, -1)])
    assert find(None, "") == ([], [])
