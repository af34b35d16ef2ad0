"""Whatever the server and the network do: no point lost, none doubled, and training goes on."""

import json
import logging
import time

import fake_server
import pytest
from fake_server import KEY, PASSWORD, USER, FakeServer, Mode, read_frame, read_points
from tests.waiting import pace

from ai_manager import (
    AIManager,
    AuthenticationError,
    ConfigurationError,
    ServerError,
    UnreachableError,
    _transport,
)
from ai_manager._columns import Row, as_frame, as_json, columns_of
from ai_manager._sending import backoff, points
from ai_manager._sending import sender as sending
from ai_manager._settings import Settings
from ai_manager._spool import writer

pytestmark = pytest.mark.slow

EXPECTED = [(step, float(step)) for step in range(200)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch, quick):
    monkeypatch.setattr(backoff, "FIRST_BACKOFF", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_BACKOFF", 0.1)
    monkeypatch.setattr(backoff, "HURRIED_BACKOFF", 0.05)
    monkeypatch.setattr(_transport, "TIMEOUT", (1.0, 0.3))


def train(run, meanwhile=lambda step: None):
    """Log the expected points over about 0.4 s, so that they fill many batches."""
    for step, value in EXPECTED:
        run.log({"m": value}, step=step)
        meanwhile(step)
        pace(0.002)


def bodies(server):
    return [read_points(entry) for entry in server.state.seen("bulk")]


TROUBLES = {
    "500": ("status", {"status": 500}),
    "502": ("status", {"status": 502}),
    "503": ("status", {"status": 503, "retry_after": "0"}),
    "408": ("status", {"status": 408}),
    "429": ("status", {"status": 429, "retry_after": "0.1"}),
    "garbage": ("garbage", {}),
    "endless": ("endless", {}),
    "reset": ("reset", {}),
    "lost answer": ("lost answer", {}),
    "hang": ("hang", {"seconds": 1}),
    "redirect": ("redirect", {"to": "http://127.0.0.1:1/"}),
}


@pytest.mark.parametrize("path", ["/projects/", "/runs/", "/bulk"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_point_is_lost_or_doubled(server, trouble, path):
    kind, details = TROUBLES[trouble]
    server.state.mode = Mode(kind, path, times=2, **details)
    with AIManager("p", server.url, api_key=KEY).run() as run:
        train(run)
    assert server.state.mode.times == 0
    assert server.state.series(1, "m") == EXPECTED
    assert list(server.state.runs) == [1]
    assert server.state.runs[1]["status"] == "completed"
    assert run.dropped == 0


def test_a_server_that_is_down_at_the_start_only_delays(server, manager):
    server.stop()
    with manager.run() as run:
        assert run.id is None
        train(run)
        server.start()
    assert server.state.series(1, "m") == EXPECTED


def test_a_server_that_is_away_in_the_middle_only_delays(server, manager):
    def meanwhile(step):
        if step == 50:
            server.stop()
        if step == 150:
            server.start()

    with manager.run() as run:
        train(run, meanwhile)
    assert server.state.series(1, "m") == EXPECTED


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0, -3600.0])
def test_a_clock_that_jumps_delays_and_loses_nothing(server, manager, monkeypatch, jump):
    real = time.time
    with manager.run() as run:
        train(run, lambda step: step == 100 and monkeypatch.setattr(time, "time", lambda: real() + jump))
        assert run.flush()
        monkeypatch.setattr(time, "time", real)
    assert server.state.series(1, "m") == EXPECTED
    times = [when for *_, when in server.state.points[1]]
    assert abs(times[150] - times[50] - jump) < 3600


def test_a_repeat_has_the_same_number_and_the_same_bytes(server, manager):
    server.state.mode = Mode("lost answer", "/bulk", times=3)
    with manager.run() as run:
        run.log({"m": 1.0})
    sent = [entry[3] for entry in server.state.seen("bulk")]
    assert len(sent) == 4
    assert len(set(sent)) == 1


def test_a_server_that_takes_no_frames_gets_json_from_then_on(server, manager, caplog, eventually):
    server.state.takes_frames = False
    with manager.run() as run:
        run.log({"a/b": 0.1, "nan": float("nan")}, step=7)
        eventually(lambda: server.state.series(1, "a/b") == [(7, 0.1)])
        run.log({"a/b": -0.0}, step=-(2**63))
    with manager.run() as again:
        again.log({"m": 1.0})
    kinds = [entry[4]["Content-Type"].rpartition("/")[2] for entry in server.state.seen("bulk")]
    assert kinds == ["vnd.ai-manager.points", "json", "json", "json"]
    assert [body["seq"] for body in bodies(server)] == [1, 1, 2, 1]
    assert server.state.series(1, "a/b") == [(7, 0.1), (-(2**63), -0.0)]
    assert server.state.series(2, "m") == [(0, 1.0)]
    assert run.dropped == again.dropped == 0
    assert caplog.text == ""


def test_both_forms_say_the_same_bit_for_bit():
    values = [0.1, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), -float("inf"), 1 / 3]
    rows = [Row(step, 1_700_000_000 + step / 7, ("m", "n"), (value, -value)) for step, value in enumerate(values)]
    rows += [Row(2**63 - 1, 0.0, ("m",), (2.0,)), Row(-5, 1e9, ("z \u00e9\U0001f600",), (float("nan"),))]
    columns = columns_of(rows)
    assert str(json.loads(as_json("c", 3, columns))) == str(read_frame(as_frame("c", 3, columns)))


def test_rows_of_the_same_metrics_become_the_same_columns_by_the_short_way():
    rows = [Row(step, float(step), ("m", "n"), (step / 3, -step)) for step in range(5)]
    names = ["m", "n"]
    others = [Row(row.step, row.time, tuple(names), row.values) for row in rows]
    assert others[0].names is not others[1].names
    assert columns_of(rows) == columns_of(others)


def test_retry_after_is_obeyed_also_in_a_hurry(server, manager):
    server.state.mode = Mode("status", "/bulk", times=1, status=429, retry_after="0.6")
    with manager.run() as run:
        run.log({"m": 1.0})
    first, second = (entry[0] for entry in server.state.seen("bulk"))
    assert second - first >= 0.6


@pytest.mark.parametrize("status", [400, 413])
def test_a_batch_that_the_server_refuses_is_put_aside_and_the_next_one_sent(
    server, manager, caplog, eventually, spools, status
):
    server.state.mode = Mode("status", "/bulk", times=1, status=status, detail="no such luck")
    with manager.run() as run:
        run.log({"m": 1.0, "n": 1.0})
        eventually(lambda: run.dropped == 2)
        run.log({"m": 2.0})
    assert server.state.series(1, "m") == [(1, 2.0)]
    assert [body["seq"] for body in bodies(server)] == [1, 1]
    assert caplog.text.count("no such luck") == 1
    assert [path.read_text() for path in spools.glob("*/rejected/*.txt")] == ["no such luck"]
    (kept,) = spools.glob("*/rejected/*.body")
    assert set(read_frame(kept.read_bytes())["series"]) == {"m", "n"}


def test_a_server_that_lost_count_is_followed_without_doubling(server, manager, eventually):
    with manager.run() as run:
        run.log({"m": 1.0})
        eventually(lambda: server.state.series(1, "m"))
        server.state.writers.clear()  # As a server that was restored from a copy.
        run.log({"m": 2.0})
        eventually(lambda: len(server.state.series(1, "m")) == 2)
        run.log({"m": 3.0})
    assert server.state.series(1, "m") == [(0, 1.0), (1, 2.0), (2, 3.0)]
    assert len(server.state.writers) == 2


def test_a_deleted_run_is_left_alone_and_said_once(server, manager, caplog, eventually):
    with manager.run() as run:
        run.log({"m": 1.0})
        eventually(lambda: server.state.series(1, "m"))
        server.state.runs.clear()
        run.log({"m": 2.0})
        eventually(lambda: run.dropped == 1)
        run.log({"m": 3.0})
        requests = len(server.state.requests)
    assert run.dropped == 2
    assert len(server.state.requests) == requests
    assert caplog.text.count("the run is gone") == 1


def test_the_reason_is_logged_before_the_run_counts_as_done(server, manager, caplog, eventually):
    ended = []
    with manager.run() as run:
        run.log({"m": 1.0})
        eventually(lambda: server.state.series(1, "m"))
        server.state.runs.clear()
        handler = logging.Handler()
        handler.emit = lambda record: ended.append(run._delivery.done.is_set())
        logging.getLogger("ai_manager").addHandler(handler)
        run.log({"m": 2.0})
    logging.getLogger("ai_manager").removeHandler(handler)
    assert ended == [False]


def test_points_count_as_unsent_while_they_are_encoded(server, manager, monkeypatch, eventually):
    unsent = []

    def columns_of(rows, turn=points.columns_of):
        unsent.append(run._delivery.unsent)
        return turn(rows)

    monkeypatch.setattr(points, "columns_of", columns_of)
    with manager.run() as run:
        run.log({"m": 1.0, "n": 2.0})
    assert unsent == [2]


def test_a_404_of_a_proxy_does_not_end_the_run(server, manager):
    server.state.mode = Mode("garbage", "/bulk", times=1, status=404)
    with manager.run() as run:
        run.log({"m": 1.0})
    assert server.state.series(1, "m") == [(0, 1.0)]


def test_a_config_that_the_server_refuses_does_not_cost_the_run(server, manager, caplog):
    server.state.mode = Mode("status", "/runs/?", times=1, status=400, detail="config is too large")
    with manager.run(name="r", config={"big": "x"}) as run:
        run.log({"m": 1.0})
    assert server.state.series(1, "m") == [(0, 1.0)]
    assert "config is too large" in caplog.text


def test_a_wrong_key_is_said_once_and_everything_is_kept(server, quick, caplog, spools):
    manager = AIManager("p", server.url, api_key="aimgr_wrong")
    run = manager.run()
    train(run)
    assert run.finish() is False
    assert 1 < len(server.state.requests) <= 3  # At the start, and once more at the end.
    assert caplog.text.count("does not accept the API key") == 1
    assert "They are kept in" in caplog.text
    with pytest.raises(AuthenticationError):
        manager.check()
    manager.sign_in(api_key=KEY)
    assert run.finish() is True
    assert server.state.series(1, "m") == EXPECTED
    assert list(spools.iterdir()) == []


def test_sending_continues_after_a_check_that_succeeds(server, quick, eventually):
    server.state.mode = Mode("status", times=1, status=401)
    manager = AIManager("p", server.url, api_key=KEY)
    run = manager.run()
    eventually(lambda: manager._sender.refused)
    train(run)
    assert manager.check()["username"] == USER
    assert run.finish() is True
    assert server.state.series(1, "m") == EXPECTED


@pytest.mark.parametrize("path", ["/projects/", "/runs/?", "/bulk", "/runs/1"])
@pytest.mark.parametrize("status", [401, 403, 407])
def test_a_refusal_by_something_in_between_is_a_fault_of_the_network(server, manager, status, path):
    server.state.mode = Mode("garbage", path, times=2, status=status)
    with manager.run() as run:
        train(run)
        assert run.flush() is True
    assert server.state.series(1, "m") == EXPECTED
    assert server.state.runs[1]["status"] == "completed"


def test_a_407_with_json_is_a_proxy_too(server, manager):
    server.state.mode = Mode("status", "/bulk", times=2, status=407, detail="who are you?")
    with manager.run() as run:
        train(run)
    assert server.state.series(1, "m") == EXPECTED


def test_a_run_that_may_not_be_written_is_kept_and_tried_again_at_the_end(server, manager, caplog):
    run = manager.run()
    assert run.id == 1
    server.state.mode = Mode("status", "/bulk", status=403, detail="Not enough permissions")
    train(run)
    assert run.flush() is False
    assert run.finish() is False
    assert caplog.text.count("the run may not be written") == 1
    assert run.dropped == 0
    server.state.mode = Mode()
    assert run.finish() is True
    assert server.state.series(1, "m") == EXPECTED


@pytest.mark.parametrize("form", ["frames", "json"])
@pytest.mark.parametrize("longest", [2000, 6000])
def test_a_body_that_is_too_large_for_a_proxy_is_halved_until_it_passes(server, manager, monkeypatch, longest, form):
    monkeypatch.setattr(_transport, "WORTH_PACKING", 1 << 30)
    server.state.takes_frames = form == "frames"
    server.stop()
    run = manager.run()
    for step in range(600):
        run.log({"m": step / 7, "n": -step}, step=step)
    server.state.longest_body = longest
    server.start()
    assert run.finish() is True
    assert server.state.series(1, "m") == [(step, step / 7) for step in range(600)]
    assert server.state.series(1, "n") == [(step, -step) for step in range(600)]
    assert run.dropped == 0


def test_a_400_of_a_proxy_parks_nothing(server, manager, spools):
    server.state.mode = Mode("garbage", "/bulk", times=3, status=400)
    with manager.run() as run:
        train(run)
    assert server.state.series(1, "m") == EXPECTED
    assert run.dropped == 0
    assert list(spools.iterdir()) == []


def test_a_password_that_is_changed_meanwhile_is_given_to_the_manager(server, quick, eventually):
    manager = AIManager("p", server.url, username=USER, password=PASSWORD)
    run = manager.run()
    run.log({"m": 0.0}, step=0)
    assert run.flush()
    fake_server.PASSWORD = "another"
    try:
        server.state.tokens.clear()
        for step, value in EXPECTED[1:]:
            run.log({"m": value}, step=step)
        eventually(lambda: manager._sender.refused)
        manager.sign_in(USER, "another")
        assert run.finish() is True
    finally:
        fake_server.PASSWORD = PASSWORD
    assert server.state.series(1, "m") == EXPECTED


def test_a_key_that_is_replaced_in_the_environment_is_found_there(server, quick, monkeypatch):
    monkeypatch.setattr(backoff, "SLOW_RETRY", 0.05)
    monkeypatch.setattr(backoff, "SLOWEST_RETRY", 0.1)
    monkeypatch.setenv("AI_MANAGER_API_KEY", "aimgr_old")
    run = AIManager("p", server.url).run()
    train(run)
    assert run.finish() is False
    monkeypatch.setenv("AI_MANAGER_API_KEY", KEY)
    assert run.flush() is False or run.finish() is True
    assert run.finish() is True
    assert server.state.series(1, "m") == EXPECTED


def test_an_expired_token_is_renewed(server, quick, eventually):
    manager = AIManager("p", server.url, username=USER, password=PASSWORD)
    with manager.run() as run:
        train(run, lambda step: server.state.tokens.clear() if step in (60, 120) else None)
    assert server.state.series(1, "m") == EXPECTED
    assert server.state.logins == 3


def test_check_says_what_is_wrong(server, monkeypatch):
    assert AIManager("p", server.url, api_key=KEY).check() == {"id": 1, "username": USER}
    with pytest.raises(AuthenticationError, match="user name and password"):
        AIManager("p", server.url, username=USER, password="wrong").check()
    server.state.mode = Mode("status", "/auth/me", status=500)
    with pytest.raises(ServerError, match="500"):
        AIManager("p", server.url, api_key=KEY).check()
    with pytest.raises(UnreachableError, match="not reachable"):
        AIManager("p", "http://127.0.0.1:1", api_key=KEY).check()


def test_credentials_never_follow_a_redirect(server, manager, eventually):
    other = FakeServer()
    try:
        server.state.mode = Mode("redirect", to=other.url, times=2)
        with manager.run() as run:
            run.log({"m": 1.0})
        assert other.state.requests == []
    finally:
        other.stop()


def test_a_long_outage_is_logged_once(server, manager, caplog, eventually):
    caplog.set_level(logging.WARNING)
    server.stop()
    run = manager.run()
    run.log({"m": 1.0})
    eventually(lambda: manager._sender._backoff.failures > 6)
    messages = [record.getMessage() for record in caplog.records if server.url in record.getMessage()]
    assert len(messages) == 1
    assert "trying again" in messages[0]
    server.start()
    assert run.finish() is True


def test_pauses_grow_from_half_a_second_to_less_than_a_minute(server, manager, monkeypatch):
    monkeypatch.setattr(backoff, "FIRST_BACKOFF", 0.5)
    monkeypatch.setattr(backoff, "LONGEST_BACKOFF", 45.0)
    sender = sending.Sender(manager._transport, "p", manager._notices)
    delays = [sender._failed(UnreachableError("away")) for _ in range(20)]
    assert 0.5 <= delays[0] <= 1.0
    assert max(delays) <= 45.0
    assert min(delays[8:]) >= 22.5
    assert len(set(delays)) == 20


def test_patience_is_spent_once_an_outage(server, manager, monkeypatch):
    monkeypatch.setattr(sending, "PATIENCE", 0.5)
    monkeypatch.setattr(sending, "SECOND_PATIENCE", 0.1)
    runs = [manager.run() for _ in range(5)]
    server.stop()
    for run in runs:
        run.log({"m": 1.0})
        assert run.finish() is False
        monkeypatch.setattr(sending, "PATIENCE", 1e6)  # Whoever spends it again hangs.
    server.start()
    for run in runs:
        assert run.finish(timeout=120) is True


def test_unsent_batches_are_not_larger_than_the_server_takes(server, manager, monkeypatch):
    monkeypatch.setattr(writer, "WINDOW_POINTS", 100)
    server.stop()
    run = manager.run()
    for step in range(1000):
        run.log({"m": 1.0, "n": 2.0}, step=step)
    server.start()
    assert run.finish() is True
    assert max(len(body["series"]["m"]["values"]) for body in bodies(server)) == 50
    assert len(server.state.points[1]) == 2000


@pytest.mark.parametrize(
    "arguments",
    [
        {"mode": "online"},
        {"mode": "sometimes"},
        {"username": "user"},
        {"password": "pass"},
        {"api_key": KEY, "username": "user", "password": "pass"},
        {"api_key": "has a space"},
        {"api_key": "line\nbreak"},
        {"api_key": KEY, "api_url": "localhost:8000"},
        {"api_key": KEY, "api_url": "ftp://host"},
        {"api_key": KEY, "api_url": "http://"},
        {"api_key": KEY, "api_url": "http://user:pass@host"},
        {"api_key": KEY, "api_url": "http://host:99999"},
        {"api_key": KEY, "api_url": "http://host/?a=b"},
        {"api_key": KEY, "project_name": " "},
    ],
)
def test_a_mistake_of_the_script_raises_at_once(arguments):
    with pytest.raises(ConfigurationError):
        AIManager(**{"project_name": "p", **arguments})


def test_settings_come_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("AI_MANAGER_URL", server.url + "/")
    monkeypatch.setenv("AI_MANAGER_API_KEY", KEY)
    assert AIManager("p").check()["username"] == USER


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("http://127.0.0.1:8000", False),
        ("http://localhost:8000", False),
        ("http://[::1]:8000", False),
        ("https://example.org", False),
        ("http://example.org", True),
        ("http://192.0.2.1:8000", True),
    ],
)
def test_credentials_over_plain_http_to_another_machine_are_warned_about(url, bare):
    assert Settings(url, api_key=KEY).bare is bare


def test_facts_are_sent_once_each_in_their_order(server, manager):
    server.state.mode = Mode("lost answer", "/alerts", times=2)
    with manager.run(config={"a": 1}, tags=["x", "y"]) as run:
        run.update_config(a=2, b=3)
        run.say("untag", ["y"])
        run.tag("z", "z")
        run.say("alert", {"title": "Loss is NaN", "level": "error"})
        run.say("define", {"loss": {"goal": "min"}})
        run.say("summary", {"best": 0.5})
        run.say("unheard of", {"x": 1})
    ended = server.state.runs[1]
    assert (ended["config"], ended["tags"], ended["summary"]) == ({"a": 2, "b": 3}, ["x", "z"], {"best": 0.5})
    assert [(kind, body) for kind, _, body in server.state.posts] == [
        ("alerts", {"title": "Loss is NaN", "level": "error"}),
        ("definitions", {"loss": {"goal": "min"}}),
    ]
