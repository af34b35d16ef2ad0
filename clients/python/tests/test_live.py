"""The client and the real server together."""

import json
import math
import subprocess
import sys
import urllib.request

import pytest

from ai_manager import AIManager, AuthenticationError

servers = pytest.importorskip("tests.servers", reason="only in the server's own repository")

pytestmark = pytest.mark.slow

ACCOUNT = {"username": "user", "password": "pass"}


@pytest.fixture(scope="module")
def live():
    """A server as people run it, with one account."""
    server = servers.Gunicorn()
    register(server)
    yield server
    server.close()


def register(server):
    account = {"email": "user@example.com", **ACCOUNT}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/auth/register", json.dumps(account).encode(), headers)
    urllib.request.urlopen(request, timeout=120).close()


@pytest.fixture
def project(live, request):
    return AIManager(request.node.name[:100], live.url, **ACCOUNT)


def read(manager, path):
    """What the server answers the manager's user, as JSON of any kind."""
    manager.check()
    headers = {"Authorization": f"Bearer {manager._transport._token}"}
    request = urllib.request.Request(manager._transport.url + path, headers=headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def series(manager, run, name):
    history = read(manager, f"/metrics/{run.id}/history/{name}")
    return list(zip(history["steps"], history["values"]))


def test_the_example_of_the_api_document_runs_verbatim(live):
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
""".replace(":8000", f":{live.port}")
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    reader = AIManager("my_project", live.url, **ACCOUNT)
    (run,) = read(reader, f"/runs/?project_id={reader.project_id}")
    assert (run["name"], run["status"]) == ("training_run", "completed")
    summary = read(reader, f"/metrics/{run['id']}/summary")
    assert {row["name"]: row["total_points"] for row in summary} == {"loss": 100, "accuracy": 100}


def test_a_project_of_the_same_name_is_reused(live, project):
    again = AIManager(project.project_name, live.url, **ACCOUNT)
    assert again.project_id == project.project_id is not None


def test_points_come_out_as_they_went_in(project):
    values = [0.1, -0.0, 5e-324, 1.7976931348623157e308, 1 / 3, 2.0**53, -1e-300]
    with project.run(name="r", config={"lr": 0.1, "nan": math.nan}, tags=["a"]) as run:
        for step, value in enumerate(values):
            run.log({"m": value}, step=step)
        for value in (math.nan, math.inf, -math.inf):
            run.log({"odd": value})
    assert list(map(repr, series(project, run, "m"))) == list(map(repr, enumerate(values)))
    assert [value for _, value in series(project, run, "odd")] == ["NaN", "Infinity", "-Infinity"]
    stored = read(project, f"/runs/{run.id}")
    assert (stored["config"], stored["tags"]) == ({"lr": 0.1, "nan": "NaN"}, ["a"])
    assert (stored["status"], run.dropped) == ("completed", 0)


def test_times_are_stored_to_the_microsecond(project):
    with project.run() as run:
        run.log({"m": 1.0}, timestamp=1700000000.123456)
    assert read(project, f"/metrics/{run.id}")[0]["timestamp"] == "2023-11-14T22:13:20.123456"


def test_steps_may_repeat_and_go_back(project):
    steps = [5, 5, 3, -7, 2**63 - 1, -(2**63), 0]
    with project.run() as run:
        for step in steps:
            run.log({"m": 1.0}, step=step)
    assert [step for step, _ in series(project, run, "m")] == steps


def test_every_name_that_the_client_sends_the_server_takes(project, caplog):
    candidates = [*map(chr, range(0x400)), *map(chr, range(0x2000, 0x2100)), "\u3000", "\ue000", "\U0001f642"]
    with project.run() as run:
        run.log({f"m{letter}": 1.0 for letter in candidates})
    kept = {row["name"] for row in read(project, f"/metrics/{run.id}/summary")}
    assert run.dropped == 0
    assert kept >= {f"m{letter}" for letter in candidates if letter.isprintable()}


def test_any_run_name_and_tags_are_made_to_fit(project, caplog):
    with project.run(name=" a\nb" + "c" * 300, tags=["x" * 150, "", "\0", *map(str, range(200))]) as run:
        pass
    stored = read(project, f"/runs/{run.id}")
    assert (stored["name"], len(stored["name"])) == ("a b" + "c" * 197, 200)
    assert stored["tags"] == ["x" * 100, *map(str, range(99))]
    assert caplog.text == ""


def test_a_crash_of_the_server_loses_and_doubles_nothing(tmp_path):
    server = servers.Gunicorn()
    try:
        register(server)
        manager = AIManager("p", server.url, **ACCOUNT)
        with manager.run() as run:
            for step in range(4000):
                run.log({"m": float(step)}, step=step)
                if step in (500, 1500, 2500):
                    assert manager._sender.open_deliveries
                    server.kill()
                if step in (1000, 2000, 3000):
                    server.start()
        assert series(manager, run, "m") == [(step, float(step)) for step in range(4000)]
        assert read(manager, f"/runs/{run.id}")["status"] == "completed"
    finally:
        server.close()


def test_a_deleted_run_is_left_alone(project, caplog, eventually):
    with project.run() as run:
        run.log({"m": 1.0})
        eventually(lambda: run._delivery.unsent == 0)
        headers = {"Authorization": f"Bearer {project._transport._token}"}
        url = f"{project._transport.url}/runs/{run.id}"
        urllib.request.urlopen(urllib.request.Request(url, headers=headers, method="DELETE")).close()
        run.log({"m": 2.0})
    assert "the run is gone" in caplog.text
    assert run.dropped == 1


def test_a_setting_that_is_too_large_costs_nothing_else(project, caplog):
    with project.run(name="r", config={"big": ["x" * 9000] * 200, "lr": 0.1, "nul": "a\0b"}, tags=["a"]) as run:
        run.log({"m": 1.0})
    assert series(project, run, "m") == [(0, 1.0)]
    stored = read(project, f"/runs/{run.id}")
    assert (stored["name"], stored["config"], stored["tags"]) == ("r", {"lr": 0.1}, ["a"])
    assert "config big is left out" in caplog.text
    assert "config nul is left out" in caplog.text


def test_a_lost_password_is_named(live):
    with pytest.raises(AuthenticationError, match="user name and password"):
        AIManager("p", live.url, username="user", password="wrong").check()


def test_a_run_goes_on_by_its_key_and_counts_on(project, live):
    with project.run(name="first", config={"lr": 0.1}, key="job-1", capture="none") as run:
        for _ in range(5):
            run.log({"m": 1.0})
    again = AIManager(project.project_name, live.url, **ACCOUNT)
    with again.run(config={"more": 1}, key="job-1", resume="allow", capture="none") as resumed:
        assert resumed.id == run.id
        resumed.log({"m": 2.0})
    assert series(project, run, "m") == [*((step, 1.0) for step in range(5)), (5, 2.0)]
    stored = read(project, f"/runs/{run.id}")
    assert (stored["status"], stored["config"]) == ("completed", {"lr": 0.1, "more": 1})


def test_a_key_that_is_taken_or_missing_costs_only_the_key(project, caplog):
    with project.run(key="taken", capture="none") as run:
        run.log({"m": 1.0})
    with project.run(name="another", key="taken", capture="none") as other:
        other.log({"m": 2.0})
    with project.run(name="third", key="missing", resume="must", capture="none") as third:
        third.log({"m": 3.0})
    assert len({run.id, other.id, third.id}) == 3
    assert read(project, f"/runs/{other.id}")["name"] == "another"
    assert series(project, third, "m") == [(0, 3.0)]
    assert caplog.text.count("refused this run's key") == 2


def test_what_is_said_about_a_run_arrives(project):
    def fail(run):
        with run:
            run.update_config({"b": 2})
            run.tag("new")
            raise ZeroDivisionError("of course")

    run = project.run(config={"a": 1}, tags=["old"], capture="none")
    with pytest.raises(ZeroDivisionError):
        fail(run)
    stored = read(project, f"/runs/{run.id}")
    assert (stored["config"], stored["tags"], stored["status"]) == ({"a": 1, "b": 2}, ["old", "new"], "failed")
    ended = read(project, f"/runs/{run.id}/environment")["exit"]
    assert ended["code"] == 1
    assert "of course" in ended["error"]
