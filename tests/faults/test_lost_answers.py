"""One answer in five never arrives: the sender cannot know, sends again, and nothing is there twice."""

import pytest
from ai_manager import AIManager

from tests.faults.proxy import LossyProxy
from tests.faults.scripts import PASSWORD, Account, check, ids, start_scripts
from tests.waiting import pace, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def proxy(durable_server):
    proxy = LossyProxy(durable_server().port)
    yield proxy
    proxy.close()


@pytest.fixture
def alice(proxy):
    """Alice, whose own questions go to the server straight."""
    return Account(f"http://127.0.0.1:{proxy.server}")


def test_what_is_sent_again_after_a_lost_answer_is_stored_once(alice, proxy):
    run = alice.run()
    straight, alice.url = alice.url, proxy.url
    scripts = start_scripts(alice, run)
    wait_until(lambda: proxy.cut > 20, 60)
    for script in scripts:
        script.finish()
    alice.url = straight
    check(alice, run, scripts)


def test_our_client_loses_and_doubles_nothing(alice, proxy):
    manager = AIManager("lossy", api_url=proxy.url, username=alice.name, password=PASSWORD)
    steps = [float(step) for step in range(300)]
    for number in range(8):
        with manager.run(f"run {number}", capture="none") as run:
            for step in range(300):
                run.log({"loss": float(step), "accuracy": -float(step)}, step=step)
                pace(0.001)
        run_id = run.id
        assert alice.values(run_id, "loss") == steps
        assert alice.values(run_id, "accuracy") == [-step for step in steps]
        assert ids(alice, run_id) == list(range(1, 601))
        assert alice.must("GET", f"/runs/{run_id}")["status"] == "completed"
    assert proxy.cut > 3
    names = [run["name"] for run in alice.must("GET", f"/runs/?project_id={manager.project_id}")]
    assert sorted(names) == [f"run {number}" for number in range(8)]
