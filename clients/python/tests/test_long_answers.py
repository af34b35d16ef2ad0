"""Long answers are whole or an error: never a part that looks like all of it."""

import json
import socket
import struct
import threading

import pytest

from ai_manager import UnreachableError, _settings
from ai_manager._reading import Reader, Runs
from ai_manager._transport import Transport

OPENINGS = {
    "length": "Content-Length: {length}\r\n",
    "chunks": "Transfer-Encoding: chunked\r\n",
    "end": "",
}


@pytest.fixture
def answering():
    """A reader, to whom any request is answered with some bytes and the end of the connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def start(framing, body, cut):
        part = body[:cut]
        if framing == "chunks":
            part = f"{len(body):x}\r\n".encode() + part + (b"\r\n0\r\n\r\n" if cut is None else b"")
        head = f"HTTP/1.1 200 OK\r\n{OPENINGS[framing].format(length=len(body))}Connection: close\r\n\r\n"

        def serve():
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                client.sendall(head.encode() + part)

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return Reader(Transport(_settings.resolve(url, api_key="aimgr_key")))

    yield start
    listener.close()


def frame():
    columns = {"steps": ["i8", 0, 3], "values": ["f8", 24, 3], "timestamps": ["i8", 48, 3]}
    head = json.dumps({"series": {"loss": columns}}).encode()
    head += b" " * (-len(head) % 8)
    data = struct.pack("<3q3d3q", 1, 2, 3, 0.5, 0.25, 0.125, 10, 20, 30)
    return struct.pack("<8sII", b"AIMCOLS\x01", len(head), 0) + head + data


@pytest.mark.parametrize("framing", OPENINGS)
def test_a_history_that_arrives_whole_is_read(answering, framing):
    history = answering(framing, frame(), None).history(1, "loss")
    assert list(history) == [(1, 0.5), (2, 0.25), (3, 0.125)]


@pytest.mark.parametrize("framing", OPENINGS)
@pytest.mark.parametrize("cut", [0, 10, 40, -72, -24, -1])
def test_a_history_that_breaks_off_is_an_error(answering, framing, cut):
    reader = answering(framing, frame(), cut)
    with pytest.raises(UnreachableError):
        reader.history(1, "loss")


@pytest.mark.parametrize("framing", OPENINGS)
def test_a_list_of_runs_that_breaks_off_is_an_error(answering, framing):
    reader = answering(framing, b'[{"id": 1}, {"id": 2}]', 12)
    with pytest.raises(UnreachableError):
        list(Runs(reader, 1, None, None, None))


@pytest.mark.parametrize("body", [b"<html>", b'{"id": 1}', b'[{"id": 1}]', b"[1]", b"3"])
def test_what_is_no_ai_managers_answer_is_an_error(answering, body):
    reader = answering("length", body, None)
    with pytest.raises(UnreachableError):
        list(Runs(reader, 1, None, None, None))
