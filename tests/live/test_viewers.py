"""What viewers of a real server hear, while runs are written, deleted, made private, and servers stopped."""

import fcntl
import math
import socket
import sys
import termios

import pytest

from tests.live.people import NO_LIMITS, Person, Socket, Writer, wait_for_a_place
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def test_no_gap_and_no_repeat_across_reconnects_while_points_come_in(alice):
    run = alice.run()
    writer = Writer(alice, run)
    ids, since = [], 0
    for _ in range(12):
        viewer = alice.watch(run, since=since)
        seen = len(ids)
        viewer.read(until=lambda viewer: len(viewer.ids()) > 30)
        ids += viewer.ids()
        assert len(ids) > seen
        since = viewer.last_id
        viewer.socket.shutdown()  # Cut, not closed.
    count = writer.stop()
    viewer = alice.watch(run, since=since)
    viewer.read(until=lambda viewer: max(since, viewer.last_id) == count)
    assert ids + viewer.ids() == list(range(1, count + 1))


def test_a_viewer_that_asks_for_everything_gets_everything(alice):
    run = alice.run()
    values = [float(number) for number in range(10_000)]
    for _ in range(7):
        alice.post(f"/metrics/{run}/bulk", {"series": {"loss": {"values": values}}})
    viewer = alice.watch(run, since=0)
    viewer.read(until=lambda viewer: viewer.last_id == 70_000)
    assert viewer.ids() == list(range(1, 70_001))


def test_a_viewer_without_since_gets_only_what_is_new(alice):
    run = alice.run()
    alice.log(run, 1.0)
    viewer = alice.watch(run)
    alice.log(run, 2.0)
    viewer.read(until=lambda viewer: viewer.ids())
    assert viewer.ids() == [2]


def test_a_viewer_that_asks_whether_the_server_is_there_gets_an_answer(alice):
    viewer = alice.watch(alice.run())
    viewer.socket.send("ping")
    viewer.read(until=lambda viewer: viewer.of_kind("pong"))


def test_values_that_are_not_numbers_are_words(alice):
    run = alice.run()
    viewer = alice.watch(run)
    for value in ("NaN", "Infinity", "-Infinity"):
        alice.log(run, value)
    viewer.read(until=lambda viewer: viewer.last_id == 3)
    values = [value for message in viewer.of_kind("metrics") for value in message["series"]["loss"]["values"]]
    assert values == ["NaN", "Infinity", "-Infinity"]


def test_a_point_that_comes_alone_is_sent_alone(alice):
    run = alice.run()
    viewer = alice.watch(run)
    for count in range(1, 6):
        alice.log(run, float(count))
        viewer.read(until=lambda viewer, count=count: viewer.last_id == count)
    assert [message["last_id"] for message in viewer.of_kind("metrics")] == [1, 2, 3, 4, 5]


def test_a_change_of_status_is_sent_to_viewers(alice):
    run = alice.run()
    viewer = alice.watch(run)
    alice.ask("PUT", f"/runs/{run}", {"status": "completed", "tags": ["<b>done</b>"]})
    viewer.read(until=lambda viewer: viewer.of_kind("run"))
    facts = viewer.of_kind("run")[0]["run"]
    assert (facts["id"], facts["status"], facts["tags"]) == (run, "completed", ["<b>done</b>"])
    assert facts == alice.ask("GET", f"/runs/{run}")[1]


def test_a_deleted_run_closes_its_sockets(alice):
    run = alice.run()
    viewer = alice.watch(run)
    assert alice.ask("DELETE", f"/runs/{run}")[0] == 204
    viewer.read(until=lambda viewer: viewer.code)
    assert viewer.messages == [{"type": "deleted"}]
    assert viewer.code == 4404


def test_a_deleted_project_closes_the_sockets_of_its_runs(alice):
    project = alice.project()
    viewer = alice.watch(alice.run(project))
    listing = Socket(alice.server, f"/ws/projects/{project}", header=[f"Authorization: Bearer {alice.token}"])
    assert alice.ask("DELETE", f"/projects/{project}")[0] == 204
    viewer.read(until=lambda viewer: viewer.code)
    listing.read(until=lambda viewer: viewer.code)
    assert (viewer.code, listing.code) == (4404, 4404)


def test_making_a_project_private_sends_strangers_away_but_not_the_owner(alice, bob):
    project = alice.project(public=True)
    run = alice.run(project)
    strangers, owner = [bob.watch(run), Socket(bob.server, f"/ws/{run}")], alice.watch(run)
    alice.ask("PUT", f"/projects/{project}", {"is_public": False})
    for stranger in strangers:
        stranger.read(until=lambda viewer: viewer.code)
        assert stranger.code == 4403
    alice.log(run, 1.0)
    owner.read(until=lambda viewer: viewer.ids())
    assert owner.ids() == [1]


def test_logging_out_closes_the_sockets_of_that_token(server):
    carol = Person(server, "carol")
    viewer = carol.watch(carol.run())
    carol.ask("POST", "/auth/logout")
    viewer.read(until=lambda viewer: viewer.code)
    assert viewer.code == 4401


def test_revoking_a_key_closes_its_sockets(server, alice):
    run = alice.run()
    key = alice.post("/auth/keys", {"name": "script", "scope": "read"})
    viewer = Socket(server, f"/ws/{run}", header=[f"Authorization: Bearer {key['api_key']}"])
    alice.ask("DELETE", f"/auth/keys/{key['id']}")
    viewer.read(until=lambda viewer: viewer.code)
    assert viewer.code == 4401


def test_viewers_that_never_read_stop_neither_the_writer_nor_the_others(alice):
    run = alice.run()
    stuck = [alice.watch(run) for _ in range(10)]
    healthy = alice.watch(run)
    writer = Writer(alice, run, pause=0.02, size=2000)
    for _ in range(20):
        last = healthy.last_id
        healthy.read(until=lambda viewer, last=last: viewer.last_id > last)
        assert healthy.last_id > last
    writer.stop()
    assert alice.ask("GET", f"/runs/{run}")[0] == 200
    assert len(stuck) == 10


def test_the_flush_pause_is_short_only_while_somebody_looks(alice):
    run = alice.run()
    body = {"series": {"loss": {"values": [1.0]}}}
    quiet = alice.post(f"/metrics/{run}/bulk", body)["flush_after_ms"]
    viewer = alice.watch(run)
    wait_until(lambda: alice.post(f"/metrics/{run}/bulk", body)["flush_after_ms"] < quiet)
    viewer.close()
    wait_until(lambda: alice.post(f"/metrics/{run}/bulk", body)["flush_after_ms"] == quiet)


def unread_bytes(viewer) -> int:
    """How much the server has sent to a viewer that was not read yet."""
    return int.from_bytes(fcntl.ioctl(viewer.socket.sock, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.slow
def test_twelve_megabytes_to_a_late_reader_arrive_whole_between_pings(gunicorn_server):
    server = gunicorn_server(**NO_LIMITS)
    alice = Person(server, "alice")
    run = alice.run()
    values = [math.sqrt(number) for number in range(10_000)]
    for _ in range(25):
        alice.post(f"/metrics/{run}/bulk", {"series": {"loss": {"values": values}}})
    viewer = alice.watch(run, since=0)
    wait_until(lambda: unread_bytes(viewer) > 100_000)
    viewer.read(until=lambda viewer: viewer.last_id == 250_000)
    assert viewer.ids() == list(range(1, 250_001))
    heard = [value for message in viewer.of_kind("metrics") for value in message["series"]["loss"]["values"]]
    assert heard == values * 25


def test_a_browser_that_hangs_up_in_the_middle_of_the_handshake_takes_no_place(server, alice):
    run = alice.run(alice.project(public=True))
    for _ in range(60):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(
                f"GET /ws/{run} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
    wait_for_a_place(lambda: Socket(server, f"/ws/{run}"))


def test_viewers_that_do_not_hear_the_goodbye_hold_nobody_up(server, alice):
    """The server closes connections on the thread that accepts new ones, so it must not wait for anybody there."""
    run = alice.run()
    deaf = [alice.watch(run) for _ in range(10)]
    alice.ask("DELETE", f"/runs/{run}")
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", server.port), timeout=120) as newcomer:
            newcomer.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert newcomer.recv(100).startswith(b"HTTP/1.1 200")
    assert len(deaf) == 10
