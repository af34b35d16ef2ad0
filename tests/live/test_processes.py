"""Places, goodbyes and several processes: what a server as a whole does for its viewers."""

import signal

import pytest

from tests.live.people import NO_LIMITS, Person, Socket, Writer, http, refusal, wait_for_a_place
from tests.waiting import wait_until

QUIET_AFTER = 250
pytestmark = pytest.mark.slow


class TestPlaces:
    def test_a_user_over_the_cap_gets_a_429_and_a_closed_socket_frees_its_place(self, gunicorn_server):
        server = gunicorn_server(threads=40, sockets=8, sockets_per_user=3, **NO_LIMITS)
        alice = Person(server, "alice")
        run = alice.run(alice.project(public=True))
        viewers = [alice.watch(run) for _ in range(3)]
        status, body = refusal(lambda: alice.watch(run))
        assert status == 429
        assert "3" in body["detail"]
        viewers[0].close()
        wait_for_a_place(lambda: alice.watch(run))

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
        wait_for_a_place(lambda: alice.watch(run))

    def test_a_ticket_that_got_no_place_is_still_valid(self, gunicorn_server):
        server = gunicorn_server(threads=40, sockets=1, **NO_LIMITS)
        alice = Person(server, "alice")
        run = alice.run()
        viewer = alice.watch(run)
        ticket = alice.post("/auth/ws-ticket", {"run_id": run})["ticket"]
        assert refusal(lambda: Socket(server, f"/ws/{run}", ticket=ticket))[0] == 503
        viewer.close()
        wait_for_a_place(lambda: Socket(server, f"/ws/{run}", ticket=ticket))


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
    def test_viewers_hear_goodbye_and_the_server_is_gone_soon(self, gunicorn_server, number):
        server = gunicorn_server(**NO_LIMITS)
        alice = Person(server, "alice")
        run = alice.run()
        viewers = [alice.watch(run) for _ in range(20)]
        server.process.send_signal(number)
        for viewer in viewers:
            viewer.read(until=lambda viewer: viewer.code)
            assert viewer.code == 1012
        server.process.wait(10)

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
        wait_until(lambda: count.count >= 60)
        total = count.stop()
        for viewer in viewers:
            viewer.read(until=lambda viewer: viewer.last_id == total)
            assert viewer.ids() == list(range(1, total + 1))

    def test_a_deletion_closes_the_sockets_of_every_process(self, servers):
        alice = Person(servers[0], "alice")
        run = alice.run()
        header = [f"Authorization: Bearer {alice.token}"]
        viewers = [Socket(server, f"/ws/{run}", header=header) for server in servers * 6]
        alice.ask("DELETE", f"/runs/{run}")
        for viewer in viewers:
            viewer.read(until=lambda viewer: viewer.code)
            assert viewer.code == 4404

    def test_every_process_asks_for_batches_soon_while_one_has_a_viewer(self, servers):
        alice = Person(servers[0], "alice")
        run = alice.run()

        def wanted_after(milliseconds):
            """Until the process that answers says so: new connections reach now this process, now that."""

            def is_wanted_by(server):
                headers = {"Authorization": f"Bearer {alice.token}", "Connection": "close"}
                body = {"series": {"loss": {"values": [1]}}}
                answer = http.request("POST", f"{server.url}/metrics/{run}/bulk", json=body, headers=headers)
                return answer.json()["flush_after_ms"] == milliseconds

            wait_until(lambda: all(is_wanted_by(server) for _ in range(12) for server in servers), 40)

        wanted_after(QUIET_AFTER)
        viewer = alice.watch(run)
        wanted_after(200)
        viewer.close()
        wanted_after(QUIET_AFTER)
