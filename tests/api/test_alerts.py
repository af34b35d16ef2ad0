"""`/runs/{id}/alerts`: what a run wants to be looked at for."""

import pytest


@pytest.fixture
def run(alice, make_run) -> int:
    return make_run(alice, name="diverging")


@pytest.fixture
def alert(api, alice, run):
    def alert(key=None, **sent):
        headers = {"Idempotency-Key": key} if key else {}
        return api(alice).post(f"/runs/{run}/alerts", json={"title": "Loss is NaN"} | sent, headers=headers)

    return alert


def test_an_alert_is_kept_and_listed(api, alice, run, alert):
    sent = {
        "title": "Loss is NaN",
        "text": "after step 120",
        "level": "error",
        "step": 120,
        "time": "2026-01-01T12:00:00",
    }
    made = alert(**sent)
    assert made.status_code == 201
    assert {name: made.json[name] for name in sent} == sent
    assert api(alice).get(f"/runs/{run}/alerts").json == [made.json]


def test_alerts_stand_in_the_order_in_which_they_were_raised_though_one_came_later(api, alice, run, alert):
    alert(title="second", time="2026-01-01T12:00:00")
    alert(title="first", time="2026-01-01T11:00:00")
    assert [one["title"] for one in api(alice).get(f"/runs/{run}/alerts").json] == ["first", "second"]


def test_an_alert_without_more_than_a_title_is_a_piece_of_information(alert):
    made = alert().json
    assert (made["level"], made["text"], made["step"]) == ("info", "", None)


def test_a_retry_with_its_key_is_answered_with_the_first_alert(api, alice, run, alert):
    assert alert("k").json == alert("k").json
    assert len(api(alice).get(f"/runs/{run}/alerts").json) == 1
    assert alert("k", title="another").status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "  "},
        {"title": "x" * 201},
        {"title": "two\nlines"},
        {"text": "x" * 4001},
        {"text": "\x00"},
        {"level": "fatal"},
        {"step": 2**63},
        {"time": "now"},
    ],
)
def test_an_alert_that_makes_no_sense_is_refused(api, alice, run, alert, wrong):
    assert alert(**wrong).status_code == 400
    assert api(alice).get(f"/runs/{run}/alerts").json == []


def test_a_run_that_alerts_at_every_step_is_told_to_wait(alert):
    answers = [alert() for _ in range(31)]
    assert [answer.status_code for answer in answers] == [201] * 30 + [429]
    assert answers[-1].headers["Retry-After"] == "60"


def test_alerts_are_read_by_all_who_may_see_the_run_and_raised_by_who_may_write(
    api, alice, bob, make_project, make_run
):
    run = make_run(alice, make_project(alice, is_public=True))
    assert api(alice).post(f"/runs/{run}/alerts", json={"title": "seen"}).status_code == 201
    for reader in (api(bob), api()):
        assert [one["title"] for one in reader.get(f"/runs/{run}/alerts").json] == ["seen"]
    assert api(bob).post(f"/runs/{run}/alerts", json={"title": "mine"}).status_code == 403


def test_alerts_go_with_their_run(api, alice, run, alert):
    alert()
    assert api(alice).delete(f"/runs/{run}").status_code == 204
    assert api(alice).get(f"/runs/{run}/alerts").status_code == 404
