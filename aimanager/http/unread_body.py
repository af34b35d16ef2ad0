"""The rest of a body that was refused.

Python's clients send a whole body before they read the answer. A server that answers and closes while they still send makes
that a broken pipe, and the answer is lost; so a bounded amount of what nobody wants is read first.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

MOST_BYTES = 64 * 1024 * 1024
MOST_SECONDS = 30.0
_PIECE = 64 * 1024


def discard_body(environ: dict[str, Any]) -> None:
    """Read the body to its end, or until it was too much or took too long; whoever sends more sees a closed connection."""
    source, connection = environ["wsgi.input"], environ.get("gunicorn.socket")
    # Other servers would wait for bytes behind the body, and a WebSocket's connection is not ours to read.
    if not environ.get("wsgi.input_terminated") or not isinstance(connection, socket.socket):
        return
    deadline, left = time.monotonic() + MOST_SECONDS, MOST_BYTES
    with contextlib.suppress(OSError):  # Nothing came for too long, or the client has gone.
        try:
            while left > 0 and (wait := deadline - time.monotonic()) > 0:
                connection.settimeout(wait)
                piece = source.read(_PIECE)
                if not piece:
                    return
                left -= len(piece)
        finally:
            connection.settimeout(None)
