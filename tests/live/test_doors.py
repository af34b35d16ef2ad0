"""Who gets through the handshake, against the real server."""

import pytest
import websocket

from tests.live.people import Socket, http, refusal

pytestmark = pytest.mark.slow  # A real server, and sockets that wait.


@pytest.fixture(scope="module")
def private_run(alice):
    return alice.run()


@pytest.fixture(scope="module")
def public_run(alice):
    return alice.run(alice.project(public=True))


def cookie_of(person):
    from tests.live.people import json

    answer = http.request(
        "POST",
        person.server.url + "/login",
        fields={"username": person.name, "password": "a long password"},
        encode_multipart=False,
        redirect=False,
        headers=_form_headers(person),
    )
    assert answer.status in (200, 303), (answer.status, json.dumps(answer.data.decode())[:300])
    return "; ".join(value.partition(";")[0] for value in answer.headers.getlist("Set-Cookie"))


def _form_headers(person):
    page = http.request("GET", person.server.url + "/login")
    cookie = "; ".join(value.partition(";")[0] for value in page.headers.getlist("Set-Cookie"))
    token = cookie.partition("csrf=")[2].partition(";")[0]
    return {"Cookie": cookie, "X-CSRF-TOKEN": token, "Origin": person.server.url}


def test_the_owner_gets_in_with_a_token_in_the_header(alice, private_run):
    viewer = alice.watch(private_run)
    alice.log(private_run, 0.5)
    viewer.read(until=lambda socket: socket.ids())
    assert viewer.of_kind("metrics")[0]["series"]["loss"]["values"] == [0.5]


def test_a_trailing_slash_makes_no_difference(server, alice, private_run):
    Socket(server, f"/ws/{private_run}/", header=[f"Authorization: Bearer {alice.token}"]).close()


def test_an_api_key_opens_a_socket(server, alice, private_run):
    key = alice.post("/auth/keys", {"name": "laptop", "scope": "read"})["api_key"]
    Socket(server, f"/ws/{private_run}", header=[f"Authorization: Bearer {key}"]).close()


def test_anybody_may_look_at_a_public_run(server, alice, public_run):
    viewer = Socket(server, f"/ws/{public_run}")
    alice.log(public_run, 1.0)
    viewer.read(until=lambda socket: socket.ids())
    assert viewer.ids()


def test_nobody_without_a_name_gets_to_a_private_run(server, private_run):
    status, body = refusal(lambda: Socket(server, f"/ws/{private_run}"))
    assert (status, body) == (401, {"detail": "Could not validate credentials"})


def test_a_stranger_cannot_look_at_a_private_run(bob, private_run):
    assert refusal(lambda: bob.watch(private_run)) == (403, {"detail": "Not enough permissions"})


@pytest.mark.parametrize("garbage", ["nonsense", "a.b.c", "aimgr_" + "0" * 48])
def test_a_bad_credential_is_refused_also_at_a_public_run(server, public_run, garbage):
    header = [f"Authorization: Bearer {garbage}"]
    assert refusal(lambda: Socket(server, f"/ws/{public_run}", header=header))[0] == 401


@pytest.mark.parametrize("number", ["999999", "9223372036854775807", "99999999999999999999999", "0"])
def test_the_socket_of_a_missing_run_is_a_404(server, alice, number):
    header = [f"Authorization: Bearer {alice.token}"]
    assert refusal(lambda: Socket(server, f"/ws/{number}", header=header))[0] == 404


def test_a_token_in_the_address_is_ignored(server, alice, private_run):
    assert refusal(lambda: Socket(server, f"/ws/{private_run}", token=alice.token))[0] == 401


def test_a_ticket_opens_one_socket_once(server, alice, private_run):
    ticket = alice.post("/auth/ws-ticket", {"run_id": private_run})["ticket"]
    Socket(server, f"/ws/{private_run}", ticket=ticket).close()
    assert refusal(lambda: Socket(server, f"/ws/{private_run}", ticket=ticket))[0] == 401


def test_a_ticket_is_good_for_its_own_run_only(server, alice, private_run):
    other = alice.run()
    ticket = alice.post("/auth/ws-ticket", {"run_id": private_run})["ticket"]
    assert refusal(lambda: Socket(server, f"/ws/{other}", ticket=ticket))[0] == 401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_another_site_is_refused_whatever_it_brings(server, alice, private_run, origin):
    header = [f"Authorization: Bearer {alice.token}"]
    opened = refusal(lambda: Socket(server, f"/ws/{private_run}", header=header, origin=origin))
    assert opened[0] == 403
    cookie = cookie_of(alice)
    assert refusal(lambda: Socket(server, f"/ws/{private_run}", cookie=cookie, origin=origin))[0] == 403


def test_our_own_page_gets_in_by_its_cookie(server, alice, private_run):
    Socket(server, f"/ws/{private_run}", cookie=cookie_of(alice), origin=server.url).close()


def test_a_cookie_without_an_origin_is_refused(server, alice, private_run):
    cookie = cookie_of(alice)
    assert refusal(lambda: Socket(server, f"/ws/{private_run}", cookie=cookie))[0] == 403


@pytest.mark.parametrize("since", ["-1", "abc", "1e3", "1.5", "", "9" * 19, "9" * 5000, "١"])
def test_a_wrong_since_is_a_400_that_names_it(server, alice, private_run, since):
    status, body = refusal(lambda: alice.watch(private_run, since=since))
    assert status == 400
    assert "since" in body["detail"]


def test_an_ordinary_request_to_a_socket_is_a_400(server, alice, private_run):
    assert alice.ask("GET", f"/ws/{private_run}")[0] == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-WebSocket-Version": "8"},
        {"Sec-WebSocket-Key": ""},
        {"Sec-WebSocket-Key": "x" * 4000},
        {"Sec-WebSocket-Protocol": ",,,"},
        {"Sec-WebSocket-Extensions": 'permessage-deflate; x="\\'},
        {"Transfer-Encoding": "chunked"},
        {"X-Odd": "\xff\xfe"},
    ],
)
def test_no_handshake_is_strange_enough_for_a_server_error(server, public_run, headers):
    fields = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **headers,
    }
    import socket

    text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"GET /ws/{public_run} HTTP/1.1\r\nHost: 127.0.0.1\r\n{text}\r\n".encode("latin-1"))
        client.settimeout(10)
        status = int(client.recv(4096).split()[1])
    assert status in (101, 400, 501), status


def test_project_news_reach_their_owner_and_nobody_else(server, alice, bob):
    project = alice.project()
    header = [f"Authorization: Bearer {bob.token}"]
    assert refusal(lambda: Socket(server, f"/ws/projects/{project}", header=header))[0] == 403
    assert refusal(lambda: Socket(server, f"/ws/projects/{project}"))[0] == 401
    viewer = Socket(server, f"/ws/projects/{project}", header=[f"Authorization: Bearer {alice.token}"])
    alice.run(project)
    viewer.read(until=lambda socket: socket.messages)
    assert viewer.messages[0] == {"type": "project"}


def test_home_hears_of_all_projects_of_its_owner_and_of_no_other(server, alice, bob):
    assert refusal(lambda: Socket(server, "/ws/home"))[0] == 401
    homes = {
        person.name: Socket(server, "/ws/home", header=[f"Authorization: Bearer {person.token}"])
        for person in (alice, bob)
    }
    for home in homes.values():  # Whoever comes is told to look.
        home.read(until=lambda socket: socket.messages)
        assert home.messages == [{"type": "project"}]
    alice.project()
    homes["alice"].read(until=lambda socket: len(socket.messages) > 1)
    assert homes["alice"].messages == [{"type": "project"}] * 2
    homes["bob"].read()
    assert len(homes["bob"].messages) == 1


class TestWhatViewersSay:
    def test_words_are_ignored(self, alice, private_run):
        viewer = alice.watch(private_run)
        for word in ("{not json", '{"subscribe": 1}', ""):
            viewer.socket.send(word)
        alice.log(private_run, 2.0)
        viewer.read(until=lambda socket: socket.ids())
        assert viewer.ids()
        assert viewer.code is None

    def test_a_huge_message_closes_the_socket(self, alice, private_run):
        viewer = alice.watch(private_run)
        viewer.socket.send("x" * 20_000)
        viewer.read(until=lambda socket: socket.code)
        assert viewer.code == 1009

    def test_noise_that_is_no_frame_closes_the_socket_and_nothing_else(self, server, alice, private_run):
        viewer = alice.watch(private_run)
        viewer.socket.sock.sendall(b"\xff" * 1000)
        viewer.read(until=lambda socket: socket.code)
        assert viewer.code in (1002, 1006)
        alice.watch(private_run).close()

    def test_compression_is_not_agreed_on(self, server, alice, private_run):
        socket = websocket.create_connection(
            f"ws://127.0.0.1:{server.port}/ws/{private_run}",
            header=[f"Authorization: Bearer {alice.token}", "Sec-WebSocket-Extensions: permessage-deflate"],
            suppress_origin=True,
        )
        socket.shutdown()
        assert "sec-websocket-extensions" not in {name.lower() for name in socket.headers}
