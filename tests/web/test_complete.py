"""The search box offers the project's own names and values."""

import pytest


@pytest.fixture
def offered(browser_of, api, alice, make_project, make_run, make_points):
    project = make_project(alice)
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


def test_fields_metrics_and_config_keys_are_offered_by_any_part_of_them(offered):
    assert texts(offered("los"))[0] == "metrics.val/loss"
    assert "metrics.val/loss.min" in texts(offered("metrics.val"))
    assert texts(offered("optim")) == ["config.optimizer.lr"]
    assert texts(offered("a b"))[0] != "a b"
    assert texts(offered("dur")) == ["duration"]


def test_values_are_offered_where_a_value_belongs(offered):
    assert texts(offered("status = ")) == ["running", "stale", "completed", "failed", "killed"]
    assert texts(offered("status = fa")) == ["failed"]
    assert texts(offered("x tags has ")) == ['"baseline"', '"old one"']
    assert texts(offered('tags in ("baseline", o')) == ['"old one"']


def test_the_place_of_what_is_replaced_is_that_of_the_word_at_the_cursor(offered):
    (offer,) = offered("not dur and x", at=7)
    assert (offer["from"], offer["to"]) == (4, 7)
