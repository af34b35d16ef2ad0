import html
import json
import re

import pytest
from flask import g

from aimanager.services import bulk
from aimanager.services.run_list import table
from aimanager.services.run_list.filters import Filter
from aimanager.services.run_list.order import Order
from aimanager.web import drawn


@pytest.fixture
def runs(alice, make_project, make_run):
    project = make_project(alice)
    return [make_run(alice, project, name=f"run {n}") for n in range(15)]


@pytest.fixture
def lines(app, alice):
    def drawn_of(query):
        with app.test_request_context(f"/app/projects/1?{query}"):
            g.principal = alice.principal
            rows = table.table(alice.principal, 1, Order(), Filter()).rows
            return drawn.lines(1, rows)

    return drawn_of


def test_the_ten_newest_runs_are_drawn_unless_the_address_says_otherwise(lines, runs):
    assert [line["id"] for line in lines("")] == runs[:4:-1]
    assert [line["id"] for line in lines("drawn=3")] == runs[:-4:-1]
    assert [line["id"] for line in lines("drawn=3&hide=14")] == [15, 13]
    assert [line["id"] for line in lines("runs=3,1-2")] == [3, 1, 2]
    assert [line["id"] for line in lines("runs=3,1-2&hide=1")] == [3, 2]
    assert len(lines("drawn=100000")) == 15
    assert len(lines("runs=x&hide=y&drawn=z")) == 10


def test_a_line_has_the_colour_that_was_chosen_for_it_or_the_one_of_its_id(app, alice, lines, runs):
    with app.test_request_context():
        bulk.act(alice.principal, "colour", [15], "3")
    assert [line["colour"] for line in lines("drawn=2")] == [3, 14]
    assert lines("drawn=2")[1] == {
        "id": 14, "name": "run 13", "colour": 14, "state": "running", "url": "/app/runs/14",
    }  # fmt: skip


def test_runs_of_another_project_or_in_the_trash_are_not_drawn(app, alice, lines, runs, make_run):
    elsewhere = make_run(alice)
    with app.test_request_context():
        bulk.act(alice.principal, "trash", [2])
    assert [line["id"] for line in lines(f"runs=1,2,{elsewhere},999")] == [1]


def test_what_the_address_says_of_groups_holds_at_the_first_paint(look, alice, make_project, make_run):
    project = make_project(alice)
    run_ids = [make_run(alice, project, config={"lr": lr}) for lr in (1, 2, 3)]

    def shown(query: str) -> tuple[list[int], list[int]]:
        """The groups whose eye is open, and the lines that the charts draw."""
        page = look(alice, f"/app/projects/{project}?group=config.lr{query}").text
        eyes = re.findall(r'<tr class="group-row"[^>]*data-id="(-\d+)".*?data-eye aria-pressed="(\w+)"', page, re.S)
        lines = json.loads(html.unescape(re.search(r'data-runs="([^"]*)"', page)[1]))
        return [int(group) for group, is_open in eyes if is_open == "true"], [line["id"] for line in lines]

    eyes, groups = shown("")
    assert eyes == groups
    assert len(groups) == 3
    assert shown(f"&hide={groups[1]},{run_ids[0]}") == ([groups[0], groups[2]],) * 2
    assert shown("&drawn=1") == ([groups[0]],) * 2
    assert shown(f"&runs={groups[2]}") == ([groups[2]],) * 2
    assert shown(f"&runs={groups[2]},{run_ids[0]}") == ([groups[2]], [groups[2], run_ids[0]])
