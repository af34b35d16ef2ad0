"""The small verbs: what a script says of its run arrives, and nothing wrong in it raises."""

import json
import urllib.request

import pytest

from ai_manager import AIManager


class Unspeakable:
    def __str__(self):
        raise RuntimeError("no text")


def test_wrong_words_are_left_out_and_do_not_raise(manager, server):
    with manager.run() as run:
        run.define("")
        run.define("val/acc", goal="up")
        run.alert(Unspeakable())
        run.note(Unspeakable())
        run.tag(Unspeakable())
        run.untag(Unspeakable())
        run.alert("Loss is NaN", "at\0 once", level="loud")
    (alert,) = [body for _, _, body in server.state.posts]
    assert (alert["title"], alert["text"], alert["level"]) == ("Loss is NaN", "at once", "info")


def test_what_is_not_given_to_define_stays_as_it_is(manager, server):
    with manager.run() as run:
        run.define("val/acc", goal="max", x="epoch")
        run.define("val/acc", x=None)
    assert [body for _, _, body in server.state.posts] == [
        {"val/acc": {"goal": "max", "x": "epoch"}},
        {"val/acc": {"x": None}},
    ]


def test_a_note_replaces_notes_and_untag_takes_a_tag_away(manager, server):
    with manager.run(tags=["a", "b"]) as run:
        run.note("first")
        run.note("second")
        run.untag("a")
    (kept,) = server.state.runs.values()
    assert kept["notes"] == "second"
    assert kept["tags"] == ["b"]


def test_a_burst_of_alerts_holds_up_no_points(manager, server, caplog):
    with manager.run() as run:
        for number in range(100):
            run.alert(f"alert {number}")
        run.log({"loss": 1.0})
    assert len(server.state.posts) == 20
    assert "more than 20 alerts in a minute" in caplog.text


@pytest.mark.slow
def test_a_real_server_takes_every_verb():
    servers = pytest.importorskip("tests.servers", reason="only in the server's own repository")
    server = servers.Gunicorn()
    try:
        account = {"email": "user@example.com", "username": "user", "password": "long password"}
        headers = {"Content-Type": "application/json"}
        call = urllib.request.Request(f"{server.url}/auth/register", json.dumps(account).encode(), headers)
        urllib.request.urlopen(call, timeout=120).close()
        manager = AIManager("digits", server.url, "user", "long password")
        with manager.run(tags=["a", "b"]) as run:
            run.log({"val/acc": 0.5})
            run.summary["test/acc"] = 0.93
            run.summary.update(verdict="keep", object=[1, 2])
            del run.summary["object"]
            run.untag("a")
            run.note("# Good")
            run.define("val/acc", goal="max", x="epoch")
            run.alert("Loss is NaN", "at step 3", level="error")
        record = manager.get_run(run.id)
        assert (record.tags, dict(run.summary)) == (["b"], {"test/acc": 0.93, "verdict": "keep"})
        raw = manager._transport.call("GET", f"/runs/{run.id}")
        assert (raw["notes"], raw["summary"]) == ("# Good", {"test/acc": 0.93, "verdict": "keep"})
        assert manager._transport.call("GET", f"/runs/{run.id}/definitions")["val/acc"] == {"goal": "max", "x": "epoch"}
        with manager._transport.open(f"/runs/{run.id}/alerts") as answer:
            (alert,) = answer.json(list)
        assert (alert["title"], alert["level"]) == ("Loss is NaN", "error")
    finally:
        server.close()
