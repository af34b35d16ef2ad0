"""The search box offers what may come next: fields, operators, and the project's own names and values."""

import pytest

from aimanager.query.cursor import cursor
from aimanager.services.run_list import completing


@pytest.fixture
def project(alice, make_project):
    return make_project(alice)


@pytest.fixture
def offered(browser_of, api, alice, project, make_run, make_points):
    run = make_run(alice, project, name="a", config={"optimizer": {"lr": 0.1}, "a b": 1}, tags=["baseline", "old one"])
    make_points(alice, run, **{"val/loss": [1]})

    def ask(text, at=None):
        query = {"q": text} | ({} if at is None else {"at": at})
        answer = browser_of(alice).get(f"/app/projects/{project}/complete", query_string=query)
        assert answer.status_code == 200
        return answer.json

    return ask


def texts(answer):
    return [one["text"] for one in answer]


def details(answer):
    return {one["text"]: one["detail"] for one in answer}


def test_fields_metrics_and_config_keys_are_offered_by_any_part_of_them(offered):
    assert texts(offered("los"))[0] == "metrics.val/loss"
    assert "metrics.val/loss.min" in texts(offered("metrics.val"))
    assert texts(offered("metrics.val/loss.me")) == ["metrics.val/loss.mean"]
    assert texts(offered("optim")) == ["config.optimizer.lr"]
    assert texts(offered('config."a')) == ['config."a b"']
    assert texts(offered("dur")) == ["duration"]
    assert details(offered("optim")) == {"config.optimizer.lr": "config of 1 run"}


def test_the_operators_of_a_field_are_offered_behind_it(offered):
    assert texts(offered("tags ")) == ["has", "=", "!=", "~", "!~", "in (", "not in (", "exists"]
    assert texts(offered("val/loss ")) == texts(offered("metrics.val/loss.min "))
    assert texts(offered("config.optimizer.lr !")) == ["!=", "!~"]
    assert texts(offered("config.optimizer.lr i"))[:2] == ["in (", "not in ("]
    assert texts(offered("notes ")) == ["~", "!~", "exists"]
    assert offered("whatever ") == []


def test_values_are_offered_where_a_value_belongs(offered):
    assert texts(offered("status = ")) == ["running", "stale", "completed", "failed", "killed"]
    assert texts(offered("status = fa")) == ["failed"]
    assert texts(offered("x tags has ")) == ['"baseline"', '"old one"']
    assert texts(offered('tags in ("baseline", o')) == ['"old one"']
    assert texts(offered("config.optimizer.lr=")) == ["0.1"]
    assert texts(offered("created > ")) == ["-1h", "-1d", "-7d", "-30d"]


def test_a_value_says_how_many_runs_it_finds(api, alice, project, offered, make_run):
    for tags in (["baseline"], ["baseline", "x"], ["baseline"]):
        run = make_run(alice, project, tags=tags, config={"optimizer": {"name": "adam" if "x" in tags else "Adam"}})
    api(alice).delete(f"/runs/{run}")
    assert details(offered("tags = ")) == {'"baseline"': "3 runs", '"old one"': "1 run", '"x"': "1 run"}
    assert details(offered("status = run")) == {"running": "3 runs"}
    assert details(offered("config.optimizer.name = ad")) == {'"Adam"': "1 run", '"adam"': "1 run"}
    api(alice).delete(f"/runs/{run}")


def test_a_value_that_no_other_is_before_of_many_is_found_by_its_beginning(
    monkeypatch, alice, project, offered, make_run
):
    monkeypatch.setattr(completing, "LOOK_AT", 3)
    for number in range(9):
        make_run(alice, project, tags=[f"tag {number}"], config={"path": f"Shard-{number}"})
    assert texts(offered("tags has tag")) == [f'"tag {number}"' for number in range(9)]
    assert texts(offered('tags has "tag 7')) == ['"tag 7"']
    assert texts(offered("config.path = shard-8")) == ['"Shard-8"']


def test_what_goes_on_behind_a_condition_is_offered(offered):
    assert texts(offered("tags exists "))[:2] == ["and", "or"]
    assert texts(offered("(val/loss > 1) o"))[:1] == ["or"]
    assert texts(offered("status = failed and no")) == ["notes", "not"]


def test_the_place_of_what_is_replaced_is_that_of_the_word_at_the_cursor(offered):
    (offer,) = offered("not dur and x", at=7)
    assert (offer["from"], offer["to"]) == (4, 7)


@pytest.mark.parametrize(
    ("before", "wanted", "name", "op", "word"),
    [
        ("", "condition", "", "", ""),
        ("not (", "condition", "", "", ""),
        ("config.lr", "condition", "", "", "config.lr"),
        ("config.lr ", "operator", "config.lr", "", ""),
        ('config."a b" >', "value", 'config."a b"', ">", ""),
        ("config.lr not in (1, ", "value", "config.lr", "in", ""),
        ("config.lr in (1 ", "nothing", "config.lr", "in", ""),
        ("config.lr in (1) ", "and", "config.lr", "", ""),
        ('name ~ "two wo', "value", "name", "~", '"two wo'),
        ("adam or bas", "condition", "adam", "", "bas"),
        ("adam bas", "operator", "adam", "", "bas"),
        ("ended exists and tags HAS ", "value", "tags", "has", ""),
    ],
)
def test_what_belongs_at_the_end_of_a_query(before, wanted, name, op, word):
    place = cursor(before)
    assert (place.wanted, place.name, place.op, place.word) == (wanted, name, op, word)
