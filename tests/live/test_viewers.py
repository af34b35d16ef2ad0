"""What viewers of a real server hear, while runs are written, deleted, made private, and servers stopped."""

import math
import signal
import socket
import threading
import time

import pytest

from tests.live.people import Person, Socket, refusal
from tests.servers import Gunicorn

NO_LIMITS = {"rate_limits": "", "page_limits": "", "ingest_limits": "", "ingest_points": ""}


@pytest.fixture(scope="module")
def server():
    server = Gunicorn(**NO_LIMITS)
    yield server
    server.close()


@pytest.fixture(scope="module")
def alice(server):
    return Person(server, "alice")


@pytest.fixture(scope="module")
def bob(server):
    return Person(server, "bob")


class Writer(threading.Thread):
    """Logs batches of a few points until it is told to stop."""

    def __init__(self, person, run, pause=0.005, size=3):
        super().__init__(daemon=True)
        self.person, self.run_id, self.pause, self.size = person, run, pause, size
        self.stopping, self.slowest, self.count = threading.Event(), 0.0, 0
        self.start()

    def run(self):
        while not self.stopping.is_set():
            values = [float(self.count + number) for number in range(self.size)]
            began = time.monotonic()
            self.person.post(f"/metrics/{self.run_id}/bulk", {"series": {"loss": {"values": values}}})
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.count += self.size
            self.stopping.wait(self.pause)

    def stop(self):
        self.stopping.set()
        self.join()
        return self.count


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


def test_values_that_are_not_numbers_are_words(alice):
    run = alice.run()
    viewer = alice.watch(run)
    for value in ("NaN", "Infinity", "-Infinity"):
        alice.log(run, value)
    viewer.read(until=lambda viewer: viewer.last_id == 3)
    values = [value for message in viewer.of_kind("metrics") for value in message["series"]["loss"]["values"]]
    assert values == ["NaN", "Infinity", "-Infinity"]


def test_a_point_is_there_within_a_quarter_of_a_second(alice):
    run = alice.run()
    viewer = alice.watch(run)
    delays = []
    for count in range(1, 21):
        began = time.monotonic()
        alice.log(run, float(count))
        viewer.read(until=lambda viewer, count=count: viewer.last_id == count)
        delays.append(time.monotonic() - began)
        time.sleep(0.06)
    assert sorted(delays)[10] < 0.25


def test_a_change_of_status_is_told(alice):
    run = alice.run()
    viewer = alice.watch(run)
    alice.ask("PUT", f"/runs/{run}", {"status": "completed", "tags": ["<b>done</b>"]})
    viewer.read(until=lambda viewer: viewer.of_kind("run"))
    told = viewer.of_kind("run")[0]["run"]
    assert (told["id"], told["status"], told["tags"]) == (run, "completed", ["<b>done</b>"])
    assert told == alice.ask("GET", f"/runs/{run}")[1]


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


def test_viewers_that_never_read_slow_neither_the_writer_nor_the_others(alice):
    run = alice.run()
    stuck = [alice.watch(run) for _ in range(10)]
    healthy = alice.watch(run)
    writer = Writer(alice, run, pause=0.02, size=2000)
    slowest = 0.0
    for _ in range(20):
        last = healthy.last_id
        began = time.monotonic()
        healthy.read(until=lambda viewer, last=last: viewer.last_id > last)
        slowest = max(slowest, time.monotonic() - began)
    writer.stop()
    assert slowest < 1
    assert writer.slowest < 1
    assert alice.ask("GET", f"/runs/{run}")[0] == 200
    assert len(stuck) == 10


def test_flush_is_wanted_soon_only_while_somebody_looks(alice):
    run = alice.run()
    body = {"series": {"loss": {"values": [1.0]}}}
    quiet = alice.post(f"/metrics/{run}/bulk", body)["flush_after_ms"]
    viewer = alice.watch(run)
    time.sleep(0.2)
    watched = alice.post(f"/metrics/{run}/bulk", body)["flush_after_ms"]
    assert watched < quiet
    viewer.close()
    time.sleep(0.5)
    assert alice.post(f"/metrics/{run}/bulk", body)["flush_after_ms"] == quiet


@pytest.mark.slow
def test_twelve_megabytes_to_a_late_reader_arrive_whole_between_pings(gunicorn_server):
    server = gunicorn_server(**NO_LIMITS)
    alice = Person(server, "alice")
    run = alice.run()
    values = [math.sqrt(number) for number in range(10_000)]
    for _ in range(25):
        alice.post(f"/metrics/{run}/bulk", {"series": {"loss": {"values": values}}})
    viewer = alice.watch(run, since=0)
    time.sleep(2)
    viewer.read(until=lambda viewer: viewer.last_id == 250_000)
    assert viewer.ids() == list(range(1, 250_001))
    heard = [value for message in viewer.of_kind("metrics") for value in message["series"]["loss"]["values"]]
    assert heard == values * 25


class TestPlaces:
    def test_a_user_over_the_cap_is_asked_to_wait_and_a_closed_socket_frees_its_place(self, gunicorn_server):
        server = gunicorn_server(threads=40, sockets=8, sockets_per_user=3, **NO_LIMITS)
        alice = Person(server, "alice")
        run = alice.run(alice.project(public=True))
        viewers = [alice.watch(run) for _ in range(3)]
        status, body = refusal(lambda: alice.watch(run))
        assert status == 429
        assert "3" in body["detail"]
        viewers[0].close()
        self.wait_for(lambda: alice.watch(run))

    def test_a_full_house_answers_503_and_still_serves_the_api(self, gunicorn_server):
        server = gunicorn_server(threads=40, sockets=5, **NO_LIMITS)
        alice = Person(server, "alice")
        run = alice.run()
        viewers = [alice.watch(run) for _ in range(5)]
        status, body = refusal(lambda: alice.watch(run))
        assert status == 503
        assert body["detail"]
        assert alice.ask("GET", f"/runs/{run}")[0] == 200
        viewers[0].socket.sock.close()  # Vanished, without a word.
        self.wait_for(lambda: alice.watch(run))

    @staticmethod
    def wait_for(open_socket):
        deadline = time.monotonic() + 5
        while (status := refusal(open_socket)[0]) != 101:
            assert time.monotonic() < deadline, status
            time.sleep(0.05)


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
    def test_viewers_hear_goodbye_and_the_server_is_gone_soon(self, gunicorn_server, number):
        server = gunicorn_server(**NO_LIMITS)
        alice = Person(server, "alice")
        run = alice.run()
        viewers = [alice.watch(run) for _ in range(20)]
        began = time.monotonic()
        server.process.send_signal(number)
        for viewer in viewers:
            viewer.read(until=lambda viewer: viewer.code)
            assert viewer.code == 1012
        server.process.wait(10)
        # gunicorn itself keeps idle connections for two seconds, for a request that is on its way.
        assert time.monotonic() - began < 4

    def test_a_restart_loses_no_point_of_a_viewer_that_comes_back(self, gunicorn_server):
        server = gunicorn_server(**NO_LIMITS)
        alice = Person(server, "alice")
        run = alice.run()
        viewer = alice.watch(run)
        alice.log(run, 1.0)
        viewer.read(until=lambda viewer: viewer.ids())
        server.kill()
        server.start()
        for value in (2.0, 3.0):
            alice.log(run, value)
        again = alice.watch(run, since=viewer.last_id)
        again.read(until=lambda viewer: viewer.last_id == 3)
        assert viewer.ids() + again.ids() == [1, 2, 3]

    def test_one_line_says_where_the_server_is(self, gunicorn_server):
        server = gunicorn_server(**NO_LIMITS)
        server.stop()
        assert server.log == f"AI Manager is ready at {server.url}\n"


class TestSeveralProcesses:
    @pytest.fixture(params=["datagram", pytest.param("redis", marks=pytest.mark.redis)])
    def servers(self, request, gunicorn_server, tmp_path):
        """Two workers, and where there is Redis a second node on the same database."""
        if request.param == "datagram":
            yield [gunicorn_server(workers=2, threads=40, **NO_LIMITS)]
            return
        url = request.getfixturevalue("redis").url
        shared = {"redis_url": url, "data_dir": tmp_path, "threads": 40, "workers": 2, **NO_LIMITS}
        yield [gunicorn_server(**shared), gunicorn_server(**shared)]

    def test_viewers_of_every_process_hear_every_point(self, servers):
        alice = Person(servers[0], "alice")
        run = alice.run()
        viewers = []
        for server in servers * 6:
            viewers.append(Socket(server, f"/ws/{run}", since=0, header=[f"Authorization: Bearer {alice.token}"]))
        count = Writer(alice, run, pause=0.01)
        time.sleep(1)
        total = count.stop()
        for viewer in viewers:
            viewer.read(until=lambda viewer: viewer.last_id == total)
            assert viewer.ids() == list(range(1, total + 1))

    def test_a_deletion_closes_the_sockets_of_every_process(self, servers):
        alice = Person(servers[0], "alice")
        run = alice.run()
        header = [f"Authorization: Bearer {alice.token}"]
        viewers = [Socket(server, f"/ws/{run}", header=header) for server in servers * 6]
        began = time.monotonic()
        alice.ask("DELETE", f"/runs/{run}")
        for viewer in viewers:
            viewer.read(until=lambda viewer: viewer.code)
            assert viewer.code == 4404
        assert time.monotonic() - began < 7


def test_a_browser_that_hangs_up_in_the_middle_of_the_handshake_takes_no_place(server, alice):
    run = alice.run(alice.project(public=True))
    for _ in range(60):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(
                f"GET /ws/{run} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
    TestPlaces.wait_for(lambda: Socket(server, f"/ws/{run}"))


def test_viewers_that_do_not_hear_the_goodbye_hold_nobody_up(server, alice):
    """The server closes connections on the thread that accepts new ones, so it must not wait for anybody there."""
    run = alice.run()
    deaf = [alice.watch(run) for _ in range(10)]
    alice.ask("DELETE", f"/runs/{run}")
    deadline = time.monotonic() + 3
    slowest = 0.0
    while time.monotonic() < deadline:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port)) as newcomer:
            newcomer.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert newcomer.recv(100).startswith(b"HTTP/1.1 200")
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.01)
    assert slowest < 1
    assert len(deaf) == 10
