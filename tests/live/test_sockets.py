"""A guarded socket: whole frames in order, writers that never wait, readers that stop reading."""

import socket
import threading

import pytest

from aimanager.live import frames, sockets
from aimanager.live.sockets import BACKLOG_LIMIT, Drain, GuardedSocket, SocketGuard
from tests.waiting import wait_until


@pytest.fixture
def pair():
    """A guarded server's end and a client's end of a real TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    yield GuardedSocket(server, Drain()), client
    client.close()
    server.close()


def read_all(client, size):
    received = bytearray()
    while len(received) < size:
        piece = client.recv(65_536)
        if not piece:
            break
        received += piece
    return bytes(received)


def fill(guarded, frame):
    """Send until the kernel takes no more; returns what was taken."""
    sent = 0
    while not guarded.busy:
        assert guarded.offer(frame)
        sent += 1
    return sent


def test_what_is_sent_to_a_late_reader_arrives_whole_and_in_order(pair):
    guarded, client = pair
    payload = bytes(range(256)) * 2000
    parts = [payload[at : at + 7919] for at in range(0, len(payload), 7919)]
    for part in parts:
        assert guarded.send(part) == len(part)
    assert read_all(client, len(payload)) == payload


def test_no_send_waits_for_a_reader_that_has_stopped(pair):
    guarded, _ = pair
    fill(guarded, b"x" * 8192)
    for _ in range(50):
        guarded.send(b"x" * 8192)
    assert guarded.busy


def test_frames_of_many_threads_are_not_mixed(pair):
    guarded, client = pair
    words = [bytes([letter]) * 3000 for letter in b"abcdefgh"]

    def write(word):
        for _ in range(10):
            guarded.send(word)

    threads = [threading.Thread(target=write, args=(word,)) for word in words]
    for thread in threads:
        thread.start()
    received = read_all(client, 8 * 10 * 3000)
    for thread in threads:
        thread.join()
    pieces = [received[at : at + 3000] for at in range(0, len(received), 3000)]
    assert sorted(pieces) == sorted(words * 10)


@pytest.mark.parametrize("send", ["send", "offer"])
def test_a_reader_over_the_cap_is_dropped(pair, send):
    guarded, client = pair
    closed = []
    guarded.on_closed = lambda: closed.append(True)
    if send == "send":
        with pytest.raises(BrokenPipeError):
            guarded.send(b"x" * (BACKLOG_LIMIT + 20 * sockets.KERNEL_BUFFER))
    else:
        assert not guarded.offer(b"x" * (BACKLOG_LIMIT + 20 * sockets.KERNEL_BUFFER))
    assert guarded.closed
    assert closed == [True]
    while client.recv(65_536):
        pass


def test_an_offer_is_refused_while_something_waits_and_the_hub_hears_when_nothing_does(pair):
    guarded, client = pair
    drained = threading.Event()
    guarded.on_drained = drained.set
    frame = b"y" * 50_000
    count = fill(guarded, frame)
    assert not guarded.offer(b"z")
    assert not drained.is_set()
    assert read_all(client, count * len(frame)) == frame * count
    assert drained.wait(60)
    assert guarded.offer(b"z")
    assert read_all(client, 1) == b"z"


def test_leaving_sends_the_last_words_first(pair):
    guarded, client = pair
    guarded.leave(b"farewell")
    assert read_all(client, 100) == b"farewell"
    assert guarded.closed


def test_leaving_a_busy_reader_ends_within_the_patience(pair, monkeypatch):
    monkeypatch.setattr(sockets, "FAREWELL_PATIENCE", 0.2)
    guarded, _ = pair
    fill(guarded, b"y" * 50_000)
    guarded.leave(b"farewell")
    assert not guarded.closed
    wait_until(lambda: guarded.closed)


def test_leaving_a_slow_reader_gives_it_everything(pair):
    guarded, client = pair
    frame = b"y" * 50_000
    count = fill(guarded, frame)
    guarded.leave(b"farewell")
    assert read_all(client, count * len(frame) + 100) == frame * count + b"farewell"


def test_closing_wakes_whoever_waits_for_the_client(pair):
    guarded, _ = pair
    heard = []
    reader = threading.Thread(target=lambda: heard.append(guarded.recv(10)))
    reader.start()
    wait_until(reader.is_alive)
    guarded.close()
    reader.join(60)
    assert heard == [b""]


def test_a_client_that_is_gone_is_noticed_and_nothing_is_raised_at_the_hub(pair):
    guarded, client = pair
    client.close()
    for _ in range(100):
        guarded.offer(b"x" * 1000)
    assert guarded.closed


def test_a_socket_that_the_server_closed_does_not_stop_the_drain(pair):
    guarded, client = pair
    fill(guarded, b"y" * 50_000)
    guarded._raw.close()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        other_client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    other = GuardedSocket(server, guarded._drain)
    count = fill(other, b"z" * 50_000)
    assert read_all(other_client, count * 50_000) == b"z" * 50_000 * count
    other_client.close()
    server.close()


class TestMiddleware:
    def pass_through(self, environ):
        seen = {}
        SocketGuard(lambda environ, start: seen.update(environ) or [])(environ, None)
        return seen

    @pytest.mark.parametrize("server", ["gunicorn", "werkzeug"])
    def test_a_handshake_gets_a_guarded_socket_and_no_compression(self, server):
        with socket.socket() as raw:
            seen = self.pass_through(
                {
                    "HTTP_UPGRADE": "WebSocket",
                    "HTTP_SEC_WEBSOCKET_EXTENSIONS": "permessage-deflate",
                    f"{server}.socket": raw,
                }
            )
            assert isinstance(seen[f"{server}.socket"], GuardedSocket)
            assert seen["aimanager.socket"] is seen[f"{server}.socket"]
            assert "HTTP_SEC_WEBSOCKET_EXTENSIONS" not in seen

    def test_an_ordinary_request_is_left_alone(self):
        with socket.socket() as raw:
            environ = {"gunicorn.socket": raw}
            assert self.pass_through(dict(environ)) == environ


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_frames_of_every_length_are_read_by_a_client(size):
    from wsproto.connection import Connection, ConnectionType

    client = Connection(ConnectionType.CLIENT)
    client.receive_data(frames.frame(frames.TEXT, b"a" * size))
    assert "".join(event.data for event in client.events()) == "a" * size


def test_a_close_frame_carries_code_and_reason():
    from wsproto.connection import Connection, ConnectionType

    client = Connection(ConnectionType.CLIENT)
    client.receive_data(frames.close(4404, "deleted"))
    (event,) = client.events()
    assert (event.code, event.reason) == (4404, "deleted")
