"""One socket that watches many runs: who hears what of them, through the hub alone and through a real server."""

import pytest

from aimanager.live import hub as hub_module
from aimanager.live import relay
from aimanager.live.questions import runs_to_watch
from tests.live.people import NO_LIMITS, Person, Socket, Writer
from tests.live.world import World
from tests.servers import Gunicorn
from tests.waiting import wait_until


@pytest.fixture
def world():
    world = World()
    for run in range(2, 30):
        world.facts[run] = {"id": run, "name": f"run {run}", "status": "running"}
    yield world
    for guest in world.guests:
        guest.close()
    world.hub.close()


def ids_of(viewer, run):
    """The ids that came of one run, in their order."""
    return [
        point_id
        for message in viewer.of_kind("metrics")
        if message["run_id"] == run
        for point_id in sorted(each for series in message["series"].values() for each in series["ids"])
    ]


def read_runs(viewer, last_ids):
    """Read until the last point of each run has come."""
    viewer.read(
        until=lambda *_: all(ids_of(viewer, run)[-1:] == ([last] if last else []) for run, last in last_ids.items())
    )


class TestHub:
    def test_a_project_page_hears_of_the_runs_that_it_watches_from_the_ids_that_it_has(self, world):
        world.log(*range(10), run=2)
        guest = world.guest("project:3")
        world.hub.watch(guest.viewer, {2: 7, 3: 0})
        world.log(1.0, run=3)
        world.log(1.0, run=4)
        read_runs(guest, {2: 10, 3: 1})
        assert (ids_of(guest, 2), ids_of(guest, 3), ids_of(guest, 4)) == ([8, 9, 10], [1], [])

    def test_another_choice_replaces_the_one_before_without_gap_or_repeat(self, world):
        guest = world.guest("project:3")
        world.hub.watch(guest.viewer, {2: 0, 3: 0})
        world.log(1.0, run=2)
        world.log(1.0, run=3)
        read_runs(guest, {2: 1, 3: 1})
        world.hub.watch(guest.viewer, {3: 1, 4: 0})
        for run in (2, 3, 4):
            world.log(2.0, run=run)
        read_runs(guest, {3: 2, 4: 1})
        assert (ids_of(guest, 2), ids_of(guest, 3), ids_of(guest, 4)) == ([1], [1, 2], [1])
        assert not world.hub.watched(2)

    def test_what_was_sent_while_nobody_looked_is_sent_again(self, world):
        guest = world.guest("project:3")
        world.hub.watch(guest.viewer, {2: 0})
        world.log(1.0, 2.0, 3.0, run=2)
        read_runs(guest, {2: 3})
        world.hub.watch(guest.viewer, {2: 1})
        guest.read(until=lambda: len(ids_of(guest, 2)) == 5)
        assert ids_of(guest, 2) == [1, 2, 3, 2, 3]

    def test_the_run_of_the_page_itself_is_sent_once(self, world):
        guest = world.guest("run:1")
        world.hub.watch(guest.viewer, {1: 0, 2: 0})
        world.log(1.0, run=1)
        world.log(1.0, run=2)
        read_runs(guest, {1: 1, 2: 1})
        assert guest.read() == guest.messages
        assert (ids_of(guest, 1), ids_of(guest, 2)) == ([1], [1])

    def test_a_run_that_is_too_far_ahead_is_resynced_alone(self, world):
        guest = world.guest("project:3")
        world.log(*range(relay.TOO_FAR + 10), run=2)
        world.hub.watch(guest.viewer, {2: 1, 3: 0})
        world.log(1.0, run=3)
        guest.read(until=lambda: guest.of_kind("resync") and ids_of(guest, 3))
        assert guest.of_kind("resync") == [{"type": "resync", "run_id": 2, "last_id": relay.TOO_FAR + 10}]
        world.log(1.0, run=2)
        read_runs(guest, {2: relay.TOO_FAR + 11})

    def test_a_run_that_may_not_be_read_any_more_is_refused_and_the_others_go_on(self, world, monkeypatch):
        monkeypatch.setattr(hub_module, "RECHECK_EVERY", 0.1)
        monkeypatch.setattr(world.hub, "_recheck", lambda viewer: 4403 if viewer.room == "run:2" else None)
        guest = world.guest("project:3")
        world.hub.watch(guest.viewer, {2: 0, 3: 0})
        guest.read(until=lambda: guest.of_kind("refused"))
        world.log(1.0, run=2)
        world.log(1.0, run=3)
        read_runs(guest, {3: 1})
        assert guest.of_kind("refused") == [{"type": "refused", "run_id": 2}]
        assert (ids_of(guest, 2), guest.code) == ([], None)

    def test_a_deleted_run_is_refused_and_the_socket_stays_open(self, world):
        guest = world.guest("project:3")
        world.hub.watch(guest.viewer, {2: 0, 3: 0})
        del world.facts[2]
        world.bus.publish("run-facts:2")
        guest.read(until=lambda: guest.of_kind("refused"))
        world.log(1.0, run=3)
        read_runs(guest, {3: 1})
        assert guest.code is None

    def test_the_facts_of_a_watched_run_arrive_when_they_change(self, world):
        guest = world.guest("project:3")
        world.hub.watch(guest.viewer, {2: 0})
        world.facts[2] = {"id": 2, "name": "renamed", "status": "completed"}
        world.bus.publish("run-facts:2")
        guest.read(until=lambda: guest.of_kind("run"))
        assert guest.of_kind("run") == [{"type": "run", "run": world.facts[2]}]

    def test_who_leaves_watches_nothing_any_more(self, world):
        guest = world.guest("project:3")
        world.hub.watch(guest.viewer, {2: 0, 3: 0})
        assert world.hub.watched(2)
        world.hub.leave(guest.viewer)
        assert not world.hub.watched(2)
        world.hub.watch(guest.viewer, {2: 0})
        assert not world.hub.watched(2)

    @pytest.mark.slow
    def test_a_page_of_many_runs_that_does_not_read_slows_nobody_and_misses_nothing(self, world):
        runs = range(2, 12)
        stuck, healthy = world.guest("project:3"), world.guest("project:3")
        for guest in (stuck, healthy):
            world.hub.watch(guest.viewer, dict.fromkeys(runs, 0))
        for _ in range(20):
            for run in runs:
                world.log(*range(1000), run=run)
            healthy.read(0.01)
        wait_until(lambda: stuck.viewer.socket.busy)
        read_runs(healthy, dict.fromkeys(runs, 20_000))
        read_runs(stuck, dict.fromkeys(runs, 20_000))
        for run in runs:
            assert ids_of(healthy, run) == ids_of(stuck, run) == list(range(1, 20_001))


@pytest.mark.parametrize(
    ("message", "runs"),
    [
        ('{"type": "watch", "runs": {"7": 120, "9": 0}}', {7: 120, 9: 0}),
        ('{"type": "watch", "runs": {}}', {}),
        (
            '{"type": "watch", "runs": {"x": 1, "-1": 1, "7": -1, "8": true, "9": "1", "10": 1.5, "0": 1, "11": 2}}',
            {11: 2},
        ),
        ('{"type": "watch", "runs": {"9999999999999999999": 1, "12": 9223372036854775808}}', {}),
        ('{"type": "watch", "runs": [7]}', None),
        ('{"type": "watch"}', None),
        ('{"runs": {"7": 1}}', None),
        ("ping", None),
        ("[]", None),
        (b"\xff\x00", None),
    ],
)
def test_a_question_is_read_with_care(message, runs):
    assert runs_to_watch(message) == runs


@pytest.fixture(scope="module", params=["memory", "datagram", pytest.param("redis", marks=pytest.mark.redis)])
def server(request):
    options = {"workers": 2, "threads": 40} if request.param != "memory" else {}
    if request.param == "redis":
        options["redis_url"] = request.getfixturevalue("redis").url
    server = Gunicorn(**options, **NO_LIMITS)
    yield server
    server.close()


@pytest.mark.slow
class TestServer:
    def open(self, person, path="/ws/home"):
        return Socket(person.server, path, header=[f"Authorization: Bearer {person.token}"])

    def test_the_points_of_all_runs_come_through_one_socket_without_gap_or_repeat_across_reconnects(self, alice):
        project = alice.project()
        runs = [alice.run(project) for _ in range(5)]
        writers = [Writer(alice, run, pause=0.02) for run in runs]
        heard = {run: [] for run in runs}
        for visit in range(4):
            viewer = self.open(alice, f"/ws/projects/{project}" if visit % 2 else "/ws/home")
            viewer.watch({run: heard[run][-1] if heard[run] else 0 for run in runs})
            viewer.read(until=lambda viewer: all(len(ids_of(viewer, run)) > 15 for run in runs))
            viewer.socket.shutdown()
            for run in runs:
                heard[run] += ids_of(viewer, run)
        counts = [writer.stop() for writer in writers]
        viewer = self.open(alice)
        viewer.watch({run: heard[run][-1] for run in runs})
        viewer.read(
            until=lambda viewer: all(
                (heard[run] + ids_of(viewer, run))[-1] == count for run, count in zip(runs, counts, strict=True)
            )
        )
        for run, count in zip(runs, counts, strict=True):
            assert heard[run] + ids_of(viewer, run) == list(range(1, count + 1))

    def test_a_run_that_may_not_be_read_is_refused_and_the_others_are_watched(self, alice, bob):
        private, public, own = alice.run(), alice.run(alice.project(public=True)), bob.run()
        viewer = self.open(bob)
        viewer.watch({private: 0, public: 0, own: 0, 999_999: 0})
        viewer.read(until=lambda viewer: len(viewer.of_kind("refused")) == 2)
        assert {message["run_id"] for message in viewer.of_kind("refused")} == {private, 999_999}
        for person, run in ((alice, private), (alice, public), (bob, own)):
            person.log(run, 1.0)
        viewer.read(until=lambda viewer: ids_of(viewer, public) and ids_of(viewer, own))
        assert (ids_of(viewer, private), viewer.code) == ([], None)

    def test_a_project_that_becomes_private_ends_the_watching_of_its_runs(self, alice, bob):
        project = alice.project(public=True)
        run, own = alice.run(project), bob.run()
        viewer = self.open(bob)
        viewer.watch({run: 0, own: 0})
        alice.log(run, 1.0)
        viewer.read(until=lambda viewer: ids_of(viewer, run))
        alice.ask("PUT", f"/projects/{project}", {"is_public": False})
        viewer.read(until=lambda viewer: viewer.of_kind("refused"))
        alice.log(run, 2.0)
        bob.log(own, 1.0)
        viewer.read(until=lambda viewer: ids_of(viewer, own))
        assert ids_of(viewer, run) == [1]

    def test_a_ticket_opens_one_run_and_no_other(self, alice):
        run, other = alice.run(), alice.run()
        ticket = alice.post("/auth/ws-ticket", {"run_id": run})["ticket"]
        viewer = Socket(alice.server, f"/ws/{run}", ticket=ticket)
        viewer.watch({other: 0})
        viewer.read(until=lambda viewer: viewer.of_kind("refused"))
        assert viewer.of_kind("refused") == [{"type": "refused", "run_id": other}]

    def test_a_socket_watches_a_hundred_runs_and_refuses_more(self, alice):
        project = alice.project()
        runs = [alice.run(project) for _ in range(102)]
        viewer = self.open(alice)
        viewer.watch(dict.fromkeys(runs, 0))
        viewer.read(until=lambda viewer: len(viewer.of_kind("refused")) == 2)
        assert {message["run_id"] for message in viewer.of_kind("refused")} == set(runs[100:])
        for run in (runs[0], runs[99], runs[101]):
            alice.log(run, 1.0)
        viewer.read(until=lambda viewer: ids_of(viewer, runs[0]) and ids_of(viewer, runs[99]))
        assert ids_of(viewer, runs[101]) == []

    def test_of_many_choices_at_once_the_last_one_counts(self, alice):
        project = alice.project()
        runs = [alice.run(project) for _ in range(3)]
        viewer = self.open(alice)
        for _ in range(300):
            for run in runs:
                viewer.watch({run: 0})
        alice.log(runs[2], 1.0)
        viewer.read(until=lambda viewer: ids_of(viewer, runs[2]))
        alice.log(runs[0], 1.0)
        alice.log(runs[2], 2.0)
        viewer.read(until=lambda viewer: ids_of(viewer, runs[2])[-1] == 2)
        assert ids_of(viewer, runs[0]) == []

    def test_a_run_that_ends_further_back_than_the_viewer_has_is_resynced(self, alice):
        run = alice.run()
        alice.log(run, 1.0)
        viewer = self.open(alice)
        viewer.watch({run: 500})
        viewer.read(until=lambda viewer: viewer.of_kind("resync"))
        assert viewer.of_kind("resync") == [{"type": "resync", "run_id": run, "last_id": 1}]
        alice.log(run, 2.0)
        viewer.read(until=lambda viewer: ids_of(viewer, run))
        assert ids_of(viewer, run) == [2]

    def test_a_watched_run_is_asked_for_its_batches_soon(self, alice):
        run = alice.run()
        body = {"series": {"loss": {"values": [1.0]}}}
        quiet = alice.post(f"/metrics/{run}/bulk", body)["flush_after_ms"]
        viewer = self.open(alice)
        viewer.watch({run: 0})
        wait_until(lambda: alice.post(f"/metrics/{run}/bulk", body)["flush_after_ms"] < quiet)

    def test_logging_out_closes_a_socket_that_watches_runs(self, server):
        carol = Person(server, "carol")
        viewer = self.open(carol)
        viewer.watch({carol.run(): 0})
        carol.ask("POST", "/auth/logout")
        viewer.read(until=lambda viewer: viewer.code)
        assert viewer.code == 4401
