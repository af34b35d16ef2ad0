"""What a script logs is what the server gets."""

import math
import random
import threading
import time
import tracemalloc
from datetime import datetime, timezone
from decimal import Decimal

import numpy as np
import pytest
from fake_server import KEY, PASSWORD, USER, read_points, unpacked
from tests.waiting import pace

from ai_manager import AIManager, ConfigurationError


def test_the_example_of_the_api_document_runs_verbatim(server, monkeypatch):
    example = """
from ai_manager import AIManager

# Initialize client
manager = AIManager(
    project_name="my_project",
    api_url="http://localhost:8000",
    username="user",
    password="pass"
)

# Start training run
with manager.run(name="training_run") as run:
    for epoch in range(100):
        # Log metrics
        run.log({
            "loss": 0.5,
            "accuracy": 0.85
        }, step=epoch)
""".replace("localhost:8000", f"localhost:{server.port}")
    exec(example, {})
    assert (USER, PASSWORD) == ("user", "pass")
    assert server.state.projects == {"my_project": 1}
    assert server.state.runs[1]["name"] == "training_run"
    assert server.state.runs[1]["status"] == "completed"
    assert server.state.series(1, "loss") == [(epoch, 0.5) for epoch in range(100)]
    assert server.state.series(1, "accuracy") == [(epoch, 0.85) for epoch in range(100)]


def test_points_arrive_in_the_order_logged(server, manager):
    with manager.run() as run:
        for step in range(5000):
            run.log({"loss": step / 7} if step % 3 else {"loss": step / 7, "val": -step}, step=step)
    assert server.state.series(1, "loss") == [(step, step / 7) for step in range(5000)]
    assert server.state.series(1, "val") == [(step, -step) for step in range(0, 5000, 3)]


def test_a_config_and_tags_are_kept_and_extended(server, manager):
    with manager.run(name="r", config={"lr": 0.1, "layers": (64, 32)}, tags=["a", "b"]) as run:
        assert run.id == 1
        run.update_config({"best": np.float32(0.5)}, epochs=3)
    stored = server.state.runs[1]
    assert stored["config"] == {"lr": 0.1, "layers": [64, 32], "best": 0.5, "epochs": 3}
    assert stored["tags"] == ["a", "b"]


def test_steps_count_on_from_the_last_one(server, manager):
    with manager.run() as run:
        for step in (None, None, 10, None, 3, None):
            run.log({"m": 1.0}, step=step)
    assert [step for step, _ in server.state.series(1, "m")] == [0, 1, 10, 11, 3, 4]


def test_threads_never_get_the_same_automatic_step(server, manager):
    with manager.run() as run:
        threads = [threading.Thread(target=lambda: [run.log({"m": 1.0}) for _ in range(500)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [step for step, _ in server.state.series(1, "m")] == list(range(4000))


def test_times_are_those_of_the_call_of_log(server, manager):
    when = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
    with manager.run() as run:
        before = time.time()
        run.log({"m": 1.0})
        after = time.time()
        run.log({"m": 1.0}, timestamp=1700000000.123456)
        run.log({"m": 1.0}, timestamp=when)
    first, second, third = (point[3] for point in server.state.points[1])
    assert before <= first <= after
    assert second == 1700000000.123456
    assert third == when.timestamp()


def test_any_number_comes_out_as_it_went_in(server, manager):
    numbers = [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, 1 / 3, 2**53, True, 7]
    numbers += [Decimal("0.5"), np.float32(0.25), np.int64(3), np.bool_(True), np.array(1.5), np.array([2.5])]
    with manager.run() as run:
        for value in numbers:
            run.log({"m": value})
        run.log({"nan": math.nan})
    values = [value for _, value in server.state.series(1, "m")]
    assert list(map(repr, values)) == [repr(float(np.asarray(value).item())) for value in numbers]
    assert math.isnan(server.state.series(1, "nan")[0][1])


def test_scalars_of_other_libraries_are_taken_by_their_item(server, manager):
    class Tensor:  # As torch and jax have them; neither is needed to test what we rely on.
        def item(self):
            return 0.75

    with manager.run() as run:
        run.log({"m": Tensor()}, step=np.int32(4))
    assert server.state.series(1, "m") == [(4, 0.75)]


def test_random_floats_survive_bit_for_bit(server, manager):
    dice = random.Random(1)
    values = [dice.uniform(-1, 1) * 10 ** dice.randint(-300, 300) for _ in range(2000)]
    with manager.run() as run:
        for value in values:
            run.log({"m": value})
    assert [value for _, value in server.state.series(1, "m")] == values


@pytest.mark.parametrize("odd", ["text", "0.5", None, object(), [1, 2], 1j, np.zeros(3), b"1", 10**400])
def test_an_odd_value_is_left_out_with_one_warning_and_the_rest_kept(server, manager, caplog, odd):
    with manager.run() as run:
        for _ in range(3):
            run.log({"good": 1.0, "odd": odd})
    assert server.state.series(1, "good") == [(0, 1.0), (1, 1.0), (2, 1.0)]
    assert server.state.series(1, "odd") == []
    assert len([record for record in caplog.records if "odd" in record.getMessage()]) == 1


@pytest.mark.parametrize("name", ["", "  ", "\u2800", "x" * 251, "new\nline", "nul\0", 7, None])
def test_an_odd_name_is_left_out_with_one_warning(server, manager, caplog, name):
    with manager.run() as run:
        for _ in range(3):
            run.log({name: 1.0, "good": 2.0})
    assert [point[0] for point in server.state.points[1]] == ["good"] * 3
    assert len([record for record in caplog.records if "left out" in record.getMessage()]) == 1


@pytest.mark.parametrize("name", ["a/b", "träin/løss", "損失", "x" * 250, '"quoted"', "a b", "🙂"])
def test_any_printable_name_is_taken(server, manager, name):
    with manager.run() as run:
        run.log({name: 1.0})
    assert server.state.series(1, name) == [(0, 1.0)]


@pytest.mark.parametrize("step", ["seven", "", "nan", 2**63, math.nan, math.inf, object()])
def test_an_odd_step_is_counted_on_instead(server, manager, caplog, step):
    with manager.run() as run:
        run.log({"m": 1.0}, step=41)
        run.log({"m": 2.0}, step=step)
    assert server.state.series(1, "m") == [(41, 1.0), (42, 2.0)]
    assert "step" in caplog.text


@pytest.mark.parametrize("wrong", [None, 3, "text", [1.0]])
def test_log_does_not_raise_for_something_that_is_no_mapping(manager, caplog, wrong):
    with manager.run() as run:
        run.log(wrong)
        run.log(wrong)
    assert len([record for record in caplog.records if "mapping" in record.getMessage()]) == 1


def test_an_exception_ends_the_run_as_failed_and_travels_on(server, manager):
    def diverge(run):
        with run:
            run.log({"m": 1.0})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        diverge(manager.run())
    assert server.state.runs[1]["status"] == "failed"
    assert server.state.series(1, "m") == [(0, 1.0)]


def test_an_interrupt_ends_the_run_as_killed(server, manager):
    with pytest.raises(KeyboardInterrupt), manager.run():
        raise KeyboardInterrupt
    assert server.state.runs[1]["status"] == "killed"


def test_a_plain_run_is_finished_by_hand(server, manager):
    run = manager.run(name="plain")
    run.log({"m": 1.0})
    assert run.finish(status="failed") is True
    assert server.state.runs[1]["status"] == "failed"
    assert "ended_at" not in server.state.runs[1]  # The server says when, by the clock that said when it started.
    with pytest.raises(ConfigurationError):
        run.finish(status="exploded")


def test_what_is_logged_after_the_end_is_counted_as_dropped(server, manager, caplog):
    with manager.run() as run:
        run.log({"m": 1.0})
    run.log({"m": 2.0, "n": 3.0})
    assert run.dropped == 2
    assert server.state.series(1, "m") == [(0, 1.0)]
    assert "after its end" in caplog.text


def test_a_run_knows_its_page(server, manager):
    with manager.run(name="mine") as run:
        assert (run.id, run.url, run.name) == (1, f"{server.url}/app/runs/1", "mine")
    assert manager.url == f"{server.url}/app/projects/1"


def test_several_runs_of_one_manager_do_not_mix(server, manager):
    with manager.run() as one, manager.run() as two:
        for step in range(100):
            one.log({"m": 1.0}, step=step)
            two.log({"m": 2.0}, step=step)
    assert {value for _, value in server.state.series(one.id, "m")} == {1.0}
    assert {value for _, value in server.state.series(two.id, "m")} == {2.0}
    assert len(server.state.projects) == 1


def test_batches_come_as_soon_as_the_server_asks(server, eventually):
    server.state.flush_after_ms = 60
    run = AIManager("p", server.url, api_key=KEY).run()
    for _ in range(40):
        run.log({"m": 1.0})
        pace(0.025)
    run.finish()
    times = [entry[0] for entry in server.state.seen("bulk")]
    assert len(times) >= 6
    assert min(later - earlier for earlier, later in zip(times[:-1], times[1:-1])) >= 0.055


def test_nothing_printed_shows_a_credential(server):
    secret = "a-very-secret-thing"
    manager = AIManager("p", server.url, username="user", password=secret)
    run = manager.run()
    things = [manager, run, manager._transport, manager._transport._settings, manager._sender, run._delivery]
    assert not any(secret in repr(thing) for thing in things)


def test_a_run_says_that_it_is_alive_while_it_logs_nothing(server, manager, eventually):
    server.state.heartbeat_after_ms = 50
    run = manager.run()
    run.log({"m": 1.0})
    eventually(lambda: len(server.state.seen("heartbeat")) > 2)
    assert run.finish() is True


def test_a_run_hears_with_a_heartbeat_that_it_should_stop(server, manager, eventually):
    server.state.heartbeat_after_ms = 50
    run = manager.run()
    run.log({"m": 1.0})
    eventually(lambda: server.state.seen("heartbeat"))
    assert not run.should_stop
    server.state.stop_requested = True
    eventually(lambda: run.should_stop)
    assert run.finish("killed") is True


def test_a_server_without_heartbeats_gets_one_heartbeat_and_all_points(server, manager, eventually):
    server.state.takes_heartbeats = False
    run = manager.run()
    run.log({"m": 1.0})
    eventually(lambda: len(server.state.seen("heartbeat")) == 1)
    eventually(lambda: not run._delivery._heartbeat.is_wanted)
    run.log({"m": 2.0})
    assert run.finish() is True
    assert len(server.state.seen("heartbeat")) == 1
    assert len(server.state.series(run.id, "m")) == 2


@pytest.mark.parametrize("step", ["3", " 3 ", "3.0", "+3", 3.0, np.int32(3), np.float64(3), True + 2])
def test_a_step_that_is_written_otherwise_is_the_same_step(server, manager, step):
    with manager.run() as run:
        run.log({"m": 1.0}, step=step)
    assert server.state.series(1, "m") == [(3, 1.0)]


def test_steps_with_a_fraction_are_epochs_and_steps_count_on(server, manager, caplog):
    with manager.run() as run:
        for epoch in (0.5, 1.0, 1.5, 2, "2.5"):
            run.log({"m": 10.0}, step=epoch)
        run.log({"m": 10.0, "epoch": 7.0}, step=3.5)
    assert server.state.series(1, "m") == [(step, 10.0) for step in range(6)]
    assert server.state.series(1, "epoch") == [(0, 0.5), (1, 1.0), (2, 1.5), (3, 2.0), (4, 2.5), (5, 7.0)]
    assert caplog.text.count("has a fraction") == 1


def test_nested_metrics_become_paths(server, manager, caplog):
    with manager.run() as run:
        run.log({"train": {"loss": 1.0, "deep": {"er": np.float32(2.0)}}, "lr": 3.0, "bad": {"x": "text"}}, step=5)
        run.log({"a": {"b": 1.0}, "a/c": 2.0})
    assert {(name, step, value) for name, step, value, _ in server.state.points[1]} == {
        ("train/loss", 5, 1.0), ("train/deep/er", 5, 2.0), ("lr", 5, 3.0), ("a/b", 6, 1.0), ("a/c", 6, 2.0),
    }  # fmt: skip
    assert "bad/x" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["m{}", "x" * 240 + "{}", "\u640d\u5931" * 110 + "{}"])
def test_ten_thousand_metrics_in_one_call_are_split_and_all_kept(server, manager, name):
    with manager.run() as run:
        run.log({name.format(number): float(number) for number in range(10_001)}, step=7)
    assert run.dropped == 0
    assert len(server.state.points[1]) == 10_001
    assert {step for _, step, *_ in server.state.points[1]} == {7}
    for entry in server.state.seen("bulk"):
        assert len(read_points(entry)["series"]) <= 10_000
        assert int.from_bytes(unpacked(entry)[8:12], "little") <= 4 << 20


@pytest.mark.slow
def test_a_burst_of_two_million_values_is_kept_whole_and_the_memory_stays_small(server, manager):
    names = [f"m{number}" for number in range(200)]
    server.stop()
    run = manager.run()
    tracemalloc.start()
    try:
        for step in range(10_000):
            run.log(dict.fromkeys(names, step / 7), step=step)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 << 20
    server.start()
    assert run.finish() is True
    assert run.dropped == 0
    assert len(server.state.points[1]) == 2_000_000
    assert server.state.series(1, "m7") == [(step, step / 7) for step in range(10_000)]
