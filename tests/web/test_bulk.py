import pytest
import sqlalchemy as sa

from aimanager.errors import Invalid
from aimanager.extensions import db, writing
from aimanager.models import Run
from aimanager.models.base import now
from aimanager.web import ids


@pytest.fixture
def runs(alice, make_project, make_run):
    project = make_project(alice)
    return [make_run(alice, project, name=f"run {n}") for n in range(3)]


@pytest.fixture
def send(browser_of):
    def post(who, csrf=True, headers=None, **form):
        return browser_of(who, csrf).post("/app/runs/bulk", data=form, headers=headers or {})

    return post


def test_the_answer_is_a_toast_with_its_undo(send, alice, api, runs):
    answer = send(alice, action="archive", ids=f"{runs[0]}-{runs[2]}")
    toast = answer.json["toast"]
    assert toast == {"text": "3 runs archived", "undo": {"action": "unarchive", "ids": "1-3", "value": ""}}
    undone = send(alice, **toast["undo"])
    assert undone.json["toast"]["text"] == "3 runs unarchived"


def test_what_was_done_to_ten_thousand_runs_can_be_taken_back(app, send, alice, make_project):
    project, numbers = make_project(alice), range(100, 20_100, 2)  # No two follow each other, so that the ids are long.
    runs = [{"id": n, "project_id": project, "name": "run", "status": "completed", "config": {}, "tags": [], "notes": "",
             "started_at": now(), "colour": n % 20} for n in numbers]  # fmt: skip
    with app.app_context(), writing() as session:
        session.execute(sa.insert(Run), runs)

    def stored() -> list[tuple[bool, int]]:
        with app.app_context():
            query = sa.select(Run.trashed_at, Run.colour).order_by(Run.id)
            return [(trashed_at is not None, colour) for trashed_at, colour in db.session.execute(query)]

    before = stored()
    for action, value in (("trash", ""), ("colour", "19")):
        undo = send(alice, action=action, ids=",".join(map(str, numbers)), value=value).json["toast"]["undo"]
        assert stored() != before
        send(alice, **undo)
        assert stored() == before


def test_a_name_of_any_letters_fits_into_the_answer(send, alice, runs):
    answer = send(alice, action="rename", ids=str(runs[0]), value="größe 漢字 🚀")
    toast = answer.json["toast"]
    assert toast["text"] == "run 0 renamed to größe 漢字 🚀"
    assert toast["undo"] == {"action": "rename", "ids": "1", "value": "run 0"}


def test_a_form_sent_without_scripts_leads_back(send, alice, runs):
    navigate = {"Sec-Fetch-Mode": "navigate"}
    answer = send(alice, headers=navigate, action="trash", ids="1", next="/app/projects/1?q=a")
    assert (answer.status_code, answer.location) == (303, "/app/projects/1?q=a")
    answer = send(alice, headers=navigate, action="restore", ids="1", next="//evil.example")
    assert (answer.status_code, answer.location) == (303, "/app/projects/1")


def test_strangers_and_forged_forms_change_nothing(send, alice, bob, api, runs):
    before = [api(alice).get(f"/runs/{run}").json for run in runs]
    assert send(bob, action="trash", ids="1,2,3").status_code == 403
    assert send(alice, csrf=False, action="trash", ids="1,2,3").status_code == 403
    assert send(alice, headers={"Origin": "https://evil.example"}, action="trash", ids="1").status_code == 403
    assert [api(alice).get(f"/runs/{run}").json for run in runs] == before


@pytest.mark.parametrize("text", ["", "1,x", "1-", "-1", "9" * 19, "1-999999999", "²", "3-x"])
def test_ids_that_are_none_are_refused(send, alice, runs, text):
    assert send(alice, action="archive", ids=text).status_code == 400


@pytest.mark.parametrize(
    ("text", "numbers", "short"),
    [("3,7-9", [3, 7, 8, 9], "3,7-9"), ("9,8,8, 1", [9, 8, 1], "9,8,1"), ("5-5,6", [5, 6], "5,6"), ("9-7", [], "")],
)
def test_ids_are_read_and_written(text, numbers, short):
    assert ids.read("ids", text, 10) == numbers
    assert ids.in_words(numbers) == short


def test_a_range_is_not_unrolled_beyond_the_most():
    with pytest.raises(Invalid, match="at most 10 ids"):
        ids.read("ids", "1-999999999999999999", 10)


def test_tags_with_commas_between_are_several_and_one_that_has_a_comma_comes_back_whole(send, alice, api, runs):
    def tags() -> list[list[str]]:
        return [api(alice).get(f"/runs/{run}").json["tags"] for run in runs[:2]]

    api(alice).put(f"/runs/{runs[0]}", {"tags": ["a", "x, y"]})
    done = send(alice, action="tag", ids="1,2", value="a, b")
    assert tags() == [["a", "x, y", "b"], ["a", "b"]]
    send(alice, **done.json["toast"]["undo"])
    assert tags() == [["a", "x, y"], []]


@pytest.mark.parametrize("value", ["[[", "[[1]]", '[["a"], 5]', "[[]]", '[[["a"]]]'])
def test_tags_that_look_like_an_undo_are_tags_or_refused(send, alice, runs, value):
    assert send(alice, action="tag", ids="1,2", value=value).status_code in (200, 400)


def test_a_refusal_is_said_without_the_words_of_the_api(send, alice, runs):
    page = send(alice, action="rename", ids="1", value=" ", headers={"Accept": "text/html"}).text
    assert '<span id="detail">Name must have 1 to 200 characters that are not all blank.</span>' in page
