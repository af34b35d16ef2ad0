"""The page's forms for notes and for stopping a run."""


def test_the_form_of_the_page_and_its_scripts_write_notes(look, api, alice, make_run):
    run = make_run(alice)
    answer = look(alice, f"/app/runs/{run}/notes", method="POST", data={"text": "by hand"})
    assert answer.status_code == 303
    fields = {"text": "by script", "metric": "loss", "step": "-3"}
    accept = {"Accept": "application/json"}
    made = look(alice, f"/app/runs/{run}/notes", method="POST", data=fields, headers=accept)
    assert (made.status_code, made.json["text"], made.json["step"]) == (201, "by script", -3)
    look(alice, f"/app/notes/{made.json['id']}", method="POST", data={"text": "changed"}, headers=accept)
    assert [note["text"] for note in api(alice).get(f"/runs/{run}/notes").json] == ["by hand", "changed"]
    gone = look(alice, f"/app/notes/{made.json['id']}/delete", method="POST", headers=accept)
    assert gone.status_code == 204


def test_the_button_asks_the_run_to_stop_and_the_page_says_since_when(look, api, alice, make_run):
    run = make_run(alice)
    assert f'action="/app/runs/{run}/stop"' in look(alice, f"/app/runs/{run}").text
    assert look(alice, f"/app/runs/{run}/stop", method="POST").status_code == 303
    assert api(alice).get(f"/runs/{run}").json["stop_requested_at"]
    page = look(alice, f"/app/runs/{run}").text
    assert "Stop requested" in page
    assert f'action="/app/runs/{run}/stop"' not in page
    api(alice).put(f"/runs/{run}", json={"status": "killed"})
    assert "Stop requested" not in look(alice, f"/app/runs/{run}").text


def test_a_run_with_a_number_of_steps_shows_how_far_it_is(look, api, alice, make_run, make_points):
    run = make_run(alice)
    api(alice).put(f"/runs/{run}", json={"total_steps": 10})
    make_points(alice, run, loss=[1, 2, 3])
    page = look(alice, f"/app/runs/{run}").text
    assert '<progress max="10" value="3"' in page
    assert "30 %" in page


def test_runs_of_one_name_are_told_apart(look, alice, make_project, make_run):
    project = make_project(alice)
    first, alone = make_run(alice, project, name="resnet"), make_run(alice, project, name="vgg")
    make_run(alice, project, name="resnet")
    assert f"resnet #{first}</span>" in look(alice, f"/app/runs/{first}").text
    assert f"#{alone}" not in look(alice, f"/app/runs/{alone}").text


def test_a_run_in_the_trash_says_so_and_is_restored_from_its_page(look, alice, make_run):
    run = make_run(alice)
    look(alice, f"/app/runs/{run}/delete", method="POST")
    page = look(alice, f"/app/runs/{run}").text
    assert "in the trash" in page
    fields = {"action": "restore", "ids": str(run), "next": f"/app/runs/{run}"}
    look(alice, "/app/runs/bulk", method="POST", data=fields)
    assert "in the trash" not in look(alice, f"/app/runs/{run}").text
