"""What was logged is read back from the real server."""

import math
import sys

import pytest

from ai_manager import AIManager, ConfigurationError, ServerError

pytestmark = pytest.mark.slow


@pytest.fixture
def manager(real_server, request):
    return AIManager(request.node.name[:100], real_server.url, username="reader", password="a long password")


def logged(manager, name, losses, **about):
    with manager.run(name=name, **about) as run:
        for step, loss in enumerate(losses):
            run.log({"loss": loss}, step=step)
    return run


def test_runs_come_filtered_and_sorted_with_config_tags_and_summaries(manager):
    logged(manager, "good", [3.0, 1.0, 2.0], config={"lr": 0.1, "model": {"depth": 3}}, tags=["baseline"])
    logged(manager, "better", [0.5], config={"lr": 0.2})
    logged(manager, "bad", [math.inf], config={"lr": 0.3})
    assert [run.name for run in manager.runs()] == ["bad", "better", "good"]
    better, good = manager.runs(filter="loss < 10", sort="metrics.loss.min")
    assert (better.name, good.name) == ("better", "good")
    assert (good.status, good.tags, good.config) == ("completed", ["baseline"], {"lr": 0.1, "model": {"depth": 3}})
    loss = good.metrics["loss"]
    assert (loss.last, loss.min, loss.max, loss.mean, loss.points) == (2.0, 1.0, 3.0, 2.0, 3)
    assert good.summary == {"loss": 2.0}
    assert good.created_at.tzinfo is not None
    assert next(iter(manager.runs(filter="bad"))).summary["loss"] == math.inf


def test_a_list_goes_on_over_pages_and_stops_at_its_limit(manager, monkeypatch):
    for number in range(5):
        logged(manager, f"run {number}", [1.0])
    monkeypatch.setattr("ai_manager._reading.PAGE", 2)
    names = [f"run {number}" for number in (4, 3, 2, 1, 0)]
    assert [run.name for run in manager.runs()] == names
    assert [run.name for run in manager.runs(limit=3)] == names[:3]


def test_a_faulty_filter_is_the_servers_own_sentence(manager):
    logged(manager, "one", [1.0])
    with pytest.raises(ServerError, match="letter"):
        list(manager.runs(filter="loss < "))


def test_a_history_has_every_point_to_the_bit(manager):
    losses = [0.1, math.nan, -math.inf, 1e-300, *(step / 7 for step in range(20_000))]
    run = logged(manager, "long", losses)
    history = run.history("loss")
    assert (len(history), history.total_points) == (len(losses), len(losses))
    steps, values = zip(*history)
    assert steps == tuple(range(len(losses)))
    assert [value.hex() for value in values] == [value.hex() for value in losses]
    assert manager.get_run(run.id).history("loss").values == history.values or math.isnan(values[1])


def test_a_history_is_read_over_another_metric_and_over_time(manager):
    with manager.run() as run:
        for step in range(4):
            run.log({"loss": 10.0 - step}, step=step, timestamp=1_700_000_000 + step)
            if step != 2:
                run.log({"epoch": step / 2}, step=step, timestamp=1_700_000_000 + step)
    over = run.history("loss", x="epoch")
    assert over.x_axis == "epoch"
    assert [round(x, 1) if x == x else None for x in over.x] == [0.0, 0.5, None, 1.5]
    assert list(over.values) == [10.0, 9.0, 8.0, 7.0]
    assert list(run.history("loss", x="relative").x) == [0.0, 1.0, 2.0, 3.0]
    assert list(run.history("loss", x="time").x)[0] == 1_700_000_000.0


def test_samples_are_asked_for_and_hide_no_spike(manager):
    losses = [1.0] * 5_000
    losses[2_345] = 99.0
    sampled = logged(manager, "spike", losses).history("loss", samples=50)
    assert len(sampled) <= 50
    assert sampled.total_points == 5_000
    assert max(sampled.columns["max"]) == 99.0
    with pytest.raises(ConfigurationError, match="samples"):
        manager.get_run(1).history("loss", samples=0)


def test_what_there_is_not_is_said_by_name(manager):
    run = logged(manager, "one", [1.0])
    for samples in (None, 10):
        with pytest.raises(ServerError) as caught:
            run.history("accuracy", samples=samples)
        assert caught.value.status == 404
    with pytest.raises(ServerError) as caught:
        manager.get_run(2**40)
    assert caught.value.status == 404
    with pytest.raises(ConfigurationError, match="not on a server"):
        AIManager("offline", manager._transport.url, mode="offline").run(capture="none").history("loss")


def test_runs_and_histories_become_arrow_tables(manager):
    pytest.importorskip("pyarrow")
    run = logged(manager, "a", [1.0, 2.0], config={"lr": 0.1, "seed": 1, "sizes": [1, 2]})
    logged(manager, "b", [3.0], config={"lr": "auto", "seed": 0.5})
    table = manager.runs(sort="name").to_arrow()
    assert table.column("metrics.loss").to_pylist() == [2.0, 3.0]
    assert table.column("config.lr").to_pylist() == ["0.1", "auto"]
    assert table.column("config.seed").to_pylist() == [1.0, 0.5]
    assert table.column("config.sizes").to_pylist() == ["[1, 2]", None]
    history = run.history("loss").to_arrow()
    assert history.column_names == ["step", "value", "timestamp"]
    assert history.column("value").to_pylist() == [1.0, 2.0]
    assert str(history.schema.field("timestamp").type) == "timestamp[us, tz=UTC]"


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_runs_and_histories_become_frames(manager, package):
    pytest.importorskip(package)
    run = logged(manager, "a", [1.0, 2.0], config={"lr": 0.1}, tags=["x"])
    runs = getattr(manager.runs(), f"to_{package}")()
    history = getattr(run.history("loss"), f"to_{package}")()
    assert list(runs["metrics.loss"]) == [2.0]
    assert list(history["value"]) == [1.0, 2.0]
    assert list(history["timestamp"])[0].tzinfo is not None


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_a_package_that_is_missing_is_named(manager, monkeypatch, package):
    logged(manager, "one", [1.0])
    monkeypatch.setitem(sys.modules, package, None)
    method = {"pyarrow": "to_arrow"}.get(package, f"to_{package}")
    with pytest.raises(ConfigurationError, match=f"pip install {package}"):
        getattr(manager.runs(), method)()
