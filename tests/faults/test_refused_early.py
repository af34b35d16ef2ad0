"""What is refused before it was read, or before there was a request: an answer in the contract's shape all the same."""

import http.client
import json

import pytest

from tests.servers import Gunicorn

pytestmark = pytest.mark.slow

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server():
    server = Gunicorn(rate_limits="")
    yield server
    server.close()


def answer_to(server, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("megabytes", [17, 40])
@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [("/auth/login", "application/json", 413), ("/auth/login", "application/x-www-form-urlencoded", 413),
     ("/auth/login", "application/xml", 415), ("/metrics/1/bulk", "application/json", 401), ("/nothing", "application/json", 404)],
)  # fmt: skip
def test_a_client_that_sends_first_and_reads_then_gets_its_refusal(server, megabytes, path, kind, status):
    body = b"x" * (megabytes * MEGABYTE)
    answer = answer_to(server, "POST", path, body, {"Content-Type": kind})
    assert answer[:2] == (status, "application/json")
    assert isinstance(json.loads(answer[2])["detail"], str)


def test_a_refused_body_in_pieces_is_read_to_its_end_too(server):
    pieces = (b"x" * MEGABYTE for _ in range(20))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("POST", "/nothing", pieces, {"Content-Type": "application/json"}, encode_chunked=True)
    assert connection.getresponse().status == 404
    connection.close()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/projects/?name=" + "x" * 9000, {}, 414), ("/projects/", {"X-Long": "x" * 9000}, 431),
     ("/projects/", {f"X-{number}": "x" for number in range(200)}, 431), ("/projects/", {"Bad Name": "x"}, 400)],
)  # fmt: skip
def test_what_gunicorn_refuses_has_the_shape_of_all_errors(server, path, headers, status):
    answer = answer_to(server, "GET", path, headers=headers)
    assert answer[:2] == (status, "application/json")
    assert list(json.loads(answer[2])) == ["detail"]
