"""Notes at points of a run's curves, the marks where it went on, and the request to stop."""

import pytest


@pytest.fixture
def run(alice, make_run, make_points) -> int:
    run = make_run(alice, name="diverged")
    make_points(alice, run, loss=[3, 2, 1e9])
    return run


def test_a_note_is_pinned_to_a_point_changed_and_deleted(api, alice, run):
    sent = {"text": "a **spike**", "metric": "loss", "step": 2}
    note = api(alice).post(f"/runs/{run}/notes", json=sent).json
    assert {name: note[name] for name in (*sent, "run_id", "author")} == sent | {"run_id": run, "author": "alice"}
    assert api(alice).get(f"/runs/{run}/notes").json == [note]
    changed = api(alice).put(f"/notes/{note['id']}", json={"text": "the rate was too high"}).json
    assert changed["text"] == "the rate was too high"
    assert api(alice).delete(f"/notes/{note['id']}").status_code == 204
    assert api(alice).get(f"/runs/{run}/notes").json == []
    assert api(alice).put(f"/notes/{note['id']}", json={"text": "gone"}).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"text": ""},
        {"text": "  \n "},
        {"text": "x" * 4001},
        {"text": "x", "step": 2**63},
        {"text": "x", "metric": "m" * 251},
        {"text": "x", "time": "yesterday"},
        {"text": "\x00"},
    ],
)
def test_a_note_that_makes_no_sense_is_refused(api, alice, run, wrong):
    assert api(alice).post(f"/runs/{run}/notes", json=wrong).status_code == 400
    assert api(alice).get(f"/runs/{run}/notes").json == []


def test_notes_are_read_by_all_who_may_see_the_run_and_written_by_who_may_write(
    api, alice, bob, make_project, make_run
):
    run = make_run(alice, make_project(alice, is_public=True))
    note = api(alice).post(f"/runs/{run}/notes", json={"text": "seen by all"}).json
    for reader in (api(bob), api()):
        assert [one["text"] for one in reader.get(f"/runs/{run}/notes").json] == ["seen by all"]
    assert api(bob).post(f"/runs/{run}/notes", json={"text": "mine"}).status_code == 403
    assert api(bob).put(f"/notes/{note['id']}", json={"text": "mine"}).status_code == 403
    assert api(bob).delete(f"/notes/{note['id']}").status_code == 403


def test_the_charts_get_notes_and_resumptions_with_safe_html(api, alice, run):
    api(alice).post(f"/runs/{run}/notes", json={"text": "**x** <script>alert(1)</script>", "metric": "loss", "step": 1})
    for status in ("failed", "running"):
        api(alice).put(f"/runs/{run}", json={"status": status})
    note, resumed = api(alice).get(f"/app/runs/marks?runs={run}").json
    assert (note["kind"], note["metric"], note["step"], note["author"]) == ("note", "loss", 1, "alice")
    assert note["may_edit"]
    assert "<strong>x</strong>" in note["html"]
    assert "<script" not in note["html"]
    assert (resumed["kind"], resumed["metric"], resumed["step"]) == ("resume", None, 2)
    assert resumed["time"]
    assert not resumed["may_edit"]


def test_a_run_that_goes_on_running_is_not_marked(api, alice, run):
    api(alice).put(f"/runs/{run}", json={"status": "running", "name": "still there"})
    assert api(alice).get(f"/app/runs/marks?runs={run}").json == []


def test_notes_go_with_their_run(api, alice, run, make_run):
    note = api(alice).post(f"/runs/{run}/notes", json={"text": "a note"}).json
    api(alice).delete(f"/runs/{run}")
    assert api(alice).put(f"/notes/{note['id']}", json={"text": "x"}).status_code == 404


class TestStop:
    def test_a_batch_and_a_heartbeat_say_that_the_run_is_asked_to_stop(self, api, alice, run):
        def answers():
            beat = api(alice).post(f"/runs/{run}/heartbeat").json
            batch = api(alice).post(f"/metrics/{run}/bulk", json={"series": {"loss": {"values": [1]}}}).json
            return beat["stop_requested"], batch["stop_requested"]

        assert answers() == (False, False)
        asked = api(alice).post(f"/runs/{run}/stop")
        assert asked.status_code == 200
        assert asked.json["stop_requested_at"]
        assert answers() == (True, True)
        again = api(alice).post(f"/runs/{run}/stop").json
        assert again["stop_requested_at"] == asked.json["stop_requested_at"]

    @pytest.mark.parametrize("status", ["completed", "failed", "killed"])
    def test_the_end_of_the_run_clears_the_request_and_so_does_its_going_on(self, api, alice, run, status):
        api(alice).post(f"/runs/{run}/stop")
        ended = api(alice).put(f"/runs/{run}", json={"status": status}).json
        assert ended["stop_requested_at"] is None
        assert api(alice).post(f"/runs/{run}/stop").status_code == 409
        assert api(alice).put(f"/runs/{run}", json={"status": "running"}).json["stop_requested_at"] is None

    def test_only_who_may_write_asks_a_run_to_stop(self, api, alice, bob, make_project, make_run):
        run = make_run(alice, make_project(alice, is_public=True))
        assert api(bob).post(f"/runs/{run}/stop").status_code == 403
        assert api().post(f"/runs/{run}/stop").status_code == 401


def test_a_run_says_how_many_steps_there_will_be(api, alice, make_project):
    project = make_project(alice)
    run = api(alice).post(f"/runs/?project_id={project}", json={"total_steps": 5000}).json
    assert run["total_steps"] == 5000
    assert api(alice).put(f"/runs/{run['id']}", json={"total_steps": 6000}).json["total_steps"] == 6000
    assert api(alice).put(f"/runs/{run['id']}", json={"total_steps": 0}).status_code == 400
    assert api(alice).put(f"/runs/{run['id']}", json={"total_steps": None}).json["total_steps"] is None
