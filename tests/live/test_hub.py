"""The hub with the memory store and real connections: who hears what, and when."""

import threading
import time

import numpy as np
import pytest

from aimanager.live import hub as hub_module
from aimanager.live import relay
from aimanager.store import Batch, Column
from tests.live.world import Guest, World
from tests.waiting import pace, wait_until


@pytest.fixture
def world():
    world = World()
    yield world
    for guest in world.guests:
        guest.close()
    world.hub.close()


def test_a_point_arrives_as_the_contract_writes_it(world):
    guest = world.guest()
    began = time.time()
    world.log(0.5)
    (message,) = guest.read_to(1)
    (timestamp,) = message["series"]["loss"].pop("timestamps")
    assert message == {
        "type": "metrics",
        "run_id": 1,
        "last_id": 1,
        "series": {"loss": {"ids": [1], "steps": [0], "values": [0.5]}},
    }
    assert isinstance(timestamp, float)
    assert abs(timestamp - began) < 5


def test_what_is_not_a_number_arrives_as_a_word(world):
    guest = world.guest()
    world.log(1.0, float("nan"), float("inf"), float("-inf"), -0.0)
    (message,) = guest.read_to(5)
    assert message["series"]["loss"]["values"] == [1.0, "NaN", "Infinity", "-Infinity", -0.0]


def test_a_newcomer_first_gets_what_came_after_its_last_id(world):
    world.log(*range(10))
    guest = world.guest(cursor=4, goal=10)
    world.log(10.0)
    guest.read_to(11)
    assert guest.ids() == [5, 6, 7, 8, 9, 10, 11]


def test_a_long_history_arrives_whole_in_several_messages(world):
    world.log(*range(70_000))
    guest = world.guest(cursor=0, goal=70_000)
    guest.read_to(70_000)
    assert guest.ids() == list(range(1, 70_001))
    assert guest.of_kind("resync") == []
    assert max(len(message["series"]["loss"]["ids"]) for message in guest.messages) <= relay.POINTS


@pytest.mark.slow
def test_long_names_make_smaller_messages_not_too_large_ones(world):
    names = [f"{'名' * 245}{number}" for number in range(900)]
    columns = tuple(Column(name, np.zeros(2)) for name in names)
    world.store.append(1, 1, Batch(columns))
    guest = world.guest(cursor=0, goal=1800)
    guest.read_to(1800)
    assert sorted(guest.ids()) == list(range(1, 1801))
    assert len(guest.messages) > 1


def test_points_that_come_fast_are_sent_in_fewer_messages(world):
    guest = world.guest()
    for number in range(400):
        world.log(float(number))
        pace(0.002)
    guest.read_to(400)
    assert guest.ids() == list(range(1, 401))
    assert len(guest.messages) <= 80


@pytest.mark.slow
def test_a_viewer_that_does_not_read_slows_nobody_and_misses_nothing(world):
    stuck, healthy = world.guest(), world.guest()
    for _ in range(40):
        world.log(*range(2000))
        healthy.read(0.02)
    wait_until(lambda: stuck.viewer.socket.busy)
    healthy.read_to(80_000)
    assert healthy.ids() == list(range(1, 80_001))
    assert not stuck.viewer.socket.closed
    stuck.read(1)
    heard = stuck.ids()
    resync = stuck.of_kind("resync")
    assert heard == sorted(set(heard))
    assert len(heard) == 80_000 or resync


def test_a_viewer_that_is_too_far_behind_gets_a_resync(world):
    guest = world.guest()
    world.log(1.0)
    guest.read_to(1)
    world.log(*range(relay.TOO_FAR + 1))
    guest.read(until=lambda: guest.of_kind("resync"))
    (resync,) = guest.of_kind("resync")
    assert resync["last_id"] == relay.TOO_FAR + 2
    world.log(2.0)
    guest.read_to(relay.TOO_FAR + 3)
    assert guest.ids()[-1] == relay.TOO_FAR + 3


def test_who_has_seen_points_that_a_rewind_took_away_gets_a_resync(world):
    guest = world.guest()
    world.log(1.0, 2.0, 3.0)
    guest.read_to(3)
    world.store.rewind(world.store.branch(1, 1))
    world.bus.publish("run:1")
    guest.read(until=lambda: guest.of_kind("resync"))
    assert guest.of_kind("resync")[0]["last_id"] == 4
    world.log(4.0)
    guest.read_to(5)
    assert guest.ids() == [1, 2, 3, 5]


@pytest.mark.slow
def test_a_lost_wake_up_only_delays(world):
    guest = world.guest()
    assert guest.read() == []
    world.log(1.0, publish=False)
    assert guest.read() == []
    guest.read_to(1)
    assert guest.ids() == [1]


def test_other_runs_are_not_heard(world):
    guest = world.guest()
    world.log(1.0, run=2)
    assert guest.read() == []


def test_a_change_of_facts_arrives_once(world):
    guest = world.guest()
    world.facts[1] = {"id": 1, "name": "renamed", "status": "completed"}
    world.bus.publish("run-facts:1")
    guest.read(until=lambda: guest.messages)
    world.bus.publish("run-facts:1")
    guest.read()
    assert guest.messages == [{"type": "run", "run": world.facts[1]}]


@pytest.mark.parametrize(
    ("topic", "room", "message"),
    [
        ("run-logs:1", "run:1", {"type": "logs", "run_id": 1, "last_line": 0}),
        ("run-alerts:1", "run:1", {"type": "alerts", "run_id": 1}),
        ("project-alerts:1", "project:1", {"type": "alerts", "project_id": 1}),
    ],
)
def test_new_lines_and_alerts_are_said_to_all_who_look(world, topic, room, message):
    first, second, other = world.guest(room), world.guest(room), world.guest("run:2")
    world.bus.publish(topic)
    for viewer in (first, second):
        viewer.read(until=lambda viewer=viewer: viewer.of_kind(message["type"]))
        assert viewer.of_kind(message["type"]) == [message]
    assert other.of_kind(message["type"]) == []


def test_a_change_of_marks_is_said_to_all_who_look_at_the_run(world):
    guest, other, page = world.guest(), world.guest("run:2"), world.guest("project:3")
    world.hub.watch(page.viewer, {1: 0})
    world.bus.publish("run-marks:1")
    for viewer in (guest, page):
        viewer.read(until=lambda viewer=viewer: viewer.of_kind("marks"))
        assert viewer.of_kind("marks") == [{"type": "marks", "run_id": 1}]
    assert other.of_kind("marks") == []


def test_a_deleted_run_is_said_and_its_socket_closed(world):
    guest = world.guest()
    del world.facts[1]
    world.bus.publish("run-facts:1")
    assert guest.read(until=lambda: guest.code) == [{"type": "deleted"}]
    assert guest.code == 4404


@pytest.mark.slow
def test_a_deletion_that_nobody_published_is_noticed_within_seconds(world):
    guest = world.guest()
    del world.facts[1]
    guest.read(until=lambda: guest.code)
    assert guest.code == 4404


@pytest.mark.slow
def test_fifty_changes_of_a_project_at_once_are_one_announcement_and_so_are_fifty_soon_after(world):
    guest = world.guest("project:3")
    world.bus.publish("project:3")
    guest.read(until=lambda: guest.messages)
    for _ in range(50):
        world.bus.publish("project:3")
    guest.read(until=lambda: len(guest.messages) > 1)
    guest.read(0.7)
    # On a machine that is busy with other things, fifty take longer than the pause between two announcements.
    assert guest.messages == [{"type": "project"}] * len(guest.messages)
    assert len(guest.messages) < 10


@pytest.mark.parametrize("code", [4401, 4403, 4404])
def test_who_has_lost_the_right_is_sent_away_at_once_and_nobody_else(world, code):
    from aimanager.principal import Principal

    alice, bob = Principal(user_id=1), Principal(user_id=2)
    guest, other = world.guest(principal=alice), world.guest(principal=bob)
    world.codes[alice] = code
    world.bus.publish("user:1")
    guest.read(until=lambda: guest.code)
    assert guest.code == code
    world.log(1.0)
    other.read_to(1)
    assert other.ids() == [1]
    assert guest.ids() == []


def test_rights_are_checked_again_without_a_message(world, monkeypatch):
    monkeypatch.setattr(hub_module, "RECHECK_EVERY", 0.5)
    guest = world.guest(principal="alice")
    world.codes["alice"] = 4403
    guest.read(until=lambda: guest.code)
    assert guest.code == 4403


def test_who_lost_the_right_during_the_handshake_is_sent_away(world):
    world.codes["alice"] = 4401
    guest = world.guest(principal="alice")
    guest.read(until=lambda: guest.code)
    assert guest.code == 4401


def test_a_store_that_is_away_for_a_while_costs_only_time(world, monkeypatch):
    guest = world.guest()
    since = world.store.since
    monkeypatch.setattr(world.store, "since", lambda *_: 1 / 0)
    world.log(1.0)
    assert guest.read() == []
    monkeypatch.setattr(world.store, "since", since)
    world.log(2.0)
    guest.read_to(2)
    assert guest.ids() == [1, 2]


def test_a_run_is_watched_while_somebody_looks(world):
    assert not world.hub.watched(1)
    guest = world.guest()
    assert world.hub.watched(1)
    assert not world.hub.watched(2)
    world.hub.leave(guest.viewer)
    assert not world.hub.watched(1)


def test_a_run_watched_in_another_process_counts_as_watched_here(world):
    world.bus.publish("watched:5")
    assert world.hub.watched(5)


def test_closing_says_goodbye_to_everybody(world):
    guests = [world.guest(), world.guest("project:3")]
    world.hub.close()
    for guest in guests:
        guest.read(until=lambda guest=guest: guest.code)
        assert guest.code == 1012


def test_who_comes_after_the_end_is_sent_away(world):
    world.hub.close()
    guest = world.guest()
    guest.read(until=lambda: guest.code)
    assert guest.code == 1012


def test_a_thousand_threads_may_come_and_go(world):
    def visit():
        guest = Guest(world.hub, "run:1", world.drain)
        world.hub.leave(guest.viewer)
        guest.close()

    threads = [threading.Thread(target=visit) for _ in range(200)]
    for thread in threads:
        thread.start()
        world.log(1.0)
    for thread in threads:
        thread.join()
    assert not world.hub.watched(1)


@pytest.mark.parametrize("topic", ["", "run", "run:", "run:x", "user:x", "user:-1", "watched:", "news:1", ":1"])
def test_a_topic_that_makes_no_sense_is_not_listened_to(world, topic):
    guest = world.guest()
    world.bus.publish(topic)
    world.log(1.0)
    guest.read_to(1)
    assert guest.ids() == [1]


def test_a_page_that_was_made_before_its_socket_joined_is_told_what_it_missed_and_only_then(world):
    before = time.time()
    world.bus.publish("project:3")
    after = time.time() + 0.001
    guests = [world.guest(room=room, since=since) for room, since in (
        ("project:3", before), ("project:3", after), ("project:4", before), ("project:4", 0.0), ("project:3", None),
    )]  # fmt: skip
    told = [bool(guest.read()) for guest in guests]
    assert told == [True, False, False, True, True]
