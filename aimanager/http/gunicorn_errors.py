"""What gunicorn refuses before there is a request for the application: in the same shape as all other errors."""

from __future__ import annotations

import json
import socket
from http import HTTPStatus

from ..errors import SENTENCES

PATIENCE = 2.0  # Seconds for a client that does not read its refusal.


def write_error(sock: socket.socket, status: int, reason: str, message: str) -> None:
    """Takes the place of `gunicorn.util.write_error`, which writes a page. `message` may quote the request: it is left out."""
    sentence = SENTENCES.get(status) or HTTPStatus(status).phrase
    if status == 400:
        sentence += ": the request could not be understood"
    body = json.dumps({"detail": sentence}).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n"
    )
    sock.settimeout(PATIENCE)
    sock.sendall(head.encode() + body)
