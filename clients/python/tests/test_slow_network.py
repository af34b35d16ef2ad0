"""A network that is slow or breaks: nothing is lost, and logging knows nothing of it."""

import pytest
from fake_server import KEY

from ai_manager import AIManager, _transport
from ai_manager._sending import backoff

network = pytest.importorskip("tests.network", reason="only in the server's own repository")

pytestmark = pytest.mark.slow


@pytest.fixture
def link(server, quick, monkeypatch):
    """A line of 200 kB/s to the fake server, over which a byte takes 50 ms."""
    monkeypatch.setattr(backoff, "FIRST_BACKOFF", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_BACKOFF", 0.1)
    one = network.Link(server.port, rate=200_000, delay=0.05)
    yield one
    one.close()


def log(run, steps, start=0):
    for step in range(start, steps):
        run.log({"m": step / 7, "n": -step}, step=step)


def expected(steps):
    return [(step, step / 7) for step in range(steps)]


def test_a_batch_may_take_longer_than_the_time_outs(server, link, monkeypatch):
    monkeypatch.setattr(_transport, "TIMEOUT", (1.0, 0.5))
    monkeypatch.setattr(_transport, "WORTH_PACKING", 1 << 30)
    server.state.flush_after_ms = 50
    link.refuse()
    run = AIManager("p", link.url, api_key=KEY).run()
    log(run, 9000)  # 288 kB, in one batch.
    link.open()
    assert run.finish(timeout=60) is True
    assert max(len(entry[3]) for entry in server.state.seen("bulk")) > 250_000
    assert server.state.series(1, "m") == expected(9000)


def test_connections_that_break_again_and_again_cost_nothing(server, link, eventually):
    run = AIManager("p", link.url, api_key=KEY).run()
    for part in range(10):
        log(run, 500 * (part + 1), start=500 * part)
        carried = link.carried
        eventually(lambda carried=carried: link.carried > carried)
        link.cut()
    assert run.finish(timeout=60) is True
    assert server.state.series(1, "m") == expected(5000)
    assert run.dropped == 0


@pytest.mark.parametrize("trouble", ["hold", "fail", "refuse", "vanish"])
def test_what_is_logged_while_the_network_is_gone_arrives_in_order_and_once(
    server, link, monkeypatch, eventually, trouble
):
    monkeypatch.setattr(_transport, "TIMEOUT", (0.5, 0.5))
    manager = AIManager("p", link.url, api_key=KEY)
    run = manager.run()
    log(run, 100)
    eventually(lambda: len(server.state.points.get(1, [])) == 200)
    getattr(link, trouble)()
    log(run, 30_000, start=100)
    eventually(lambda: manager._sender._backoff.failures > 1)
    assert run._spool.dropped == 0
    link.open()
    assert run.finish(timeout=120) is True
    assert server.state.series(1, "m") == expected(30_000)
    assert (list(server.state.runs), server.state.runs[1]["status"]) == ([1], "completed")
