import html
import re

import pytest

from .conftest import as_htmx


@pytest.fixture
def project(alice, make_project, make_run, make_points):
    project = make_project(alice)
    for n in range(3):
        run = make_run(alice, project, config={"lr": n, "optimizer": {"lr_decay": 1, "name": "adam"}} | {f"k{n}": "x"})
        make_points(alice, run, **{"val/loss": [1], "lr": [n], "gpu/0/temp": [3]})
    return project


@pytest.fixture
def find(api, alice, project):
    def keys(text, who=alice, status=200):
        answer = api(who).get(f"/app/projects/{project}/columns?find={text}", headers={"Accept": "application/json"})
        assert answer.status_code == status
        return answer.json["columns"] if status == 200 else None

    return keys


def test_columns_are_found_by_any_part_of_their_names(find):
    assert [(one["key"], one["runs"]) for one in find("LR")] == [
        ("metrics.lr", 3), ("config.lr", 3), ("config.optimizer.lr_decay", 3),
    ]  # fmt: skip
    assert [one["key"] for one in find("config k1")] == ["config.k1"]
    assert [one["runs"] for one in find("k1")] == [1]
    assert find("nothing of this") == []


def test_without_a_word_all_are_listed_facts_first_and_what_describes_the_machine_last(find):
    keys = [one["key"] for one in find("")]
    assert keys[:8] == [
        "status",
        "tags",
        "created",
        "duration",
        "notes",
        "metrics.val/loss",
        "metrics.gpu/0/temp",
        "metrics.lr",
    ]
    assert len(keys) == len(set(keys)) == 14


def test_a_link_of_the_list_adds_the_column_to_those_that_are_shown(look, alice, project):
    query = "find=decay&show=config.lr&sort=-config.lr"
    answer = look(alice, f"/app/projects/{project}/columns?{query}", headers=as_htmx("ul#columns"))
    url = html.unescape(re.search(r'href="([^"]+)" data-key="config.optimizer.lr_decay"', answer.text)[1])
    assert url == f"/app/projects/{project}?show=config.lr&show=config.optimizer.lr_decay&sort=-config.lr"
    assert "<html" not in answer.text
    automatic = look(alice, f"/app/projects/{project}/columns?find=decay").text
    assert "show=metrics.val" in automatic


def test_a_long_list_says_how_many_more_there_are(look, alice, make_project, make_run):
    project = make_project(alice)
    make_run(alice, project, config={f"key {n}": n for n in range(120)})
    page = look(alice, f"/app/projects/{project}/columns?find=key").text
    assert page.count("<li><a") == 50
    assert "70 more" in page


def test_strangers_learn_no_names(find, bob):
    assert find("lr", bob, 403) is None
    assert find("lr", None, 303) is None


def test_every_key_of_the_order_is_marked_at_its_column(look, alice, project):
    page = look(alice, f"/app/projects/{project}?sort=-config.lr,name").text
    assert re.findall(r'data-column="([^"]+)"[^>]* data-sorted="([^"]+)"', page) == [
        ("name", "ascending"), ("config.lr", "descending"),
    ]  # fmt: skip
    assert re.findall(r'<small class="place">(\d)</small>', page) == ["2", "1"]
    assert page.count("aria-sort=") == 1
