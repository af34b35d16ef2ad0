"""Answers that are made piece by piece while they are sent."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from typing import Any

from flask import Response, g

from ..services.damage import describe_damage
from ..store import DamagedPoints

log = logging.getLogger(__name__)


def streamed(parts: Iterator[bytes], kind: str, whole: bool) -> Response:
    """Parts as an answer: at once, or one after the other; an error in the first one still gets an answer of its own."""
    body: Any = b"".join(parts) if whole else _streamed(next(parts, b""), parts, g.get("request_id", "-"))
    answer = Response(body, mimetype=kind)
    answer.vary.add("Accept")
    return answer


def _streamed(first: bytes, parts: Iterator[bytes], request_id: str) -> Iterator[bytes]:
    """Parts until one cannot be read. The connection is reset then, as an end would look like a whole answer."""
    try:
        yield first
        yield from parts
    except OSError:
        raise
    except Exception as error:
        reason = describe_damage(error) if isinstance(error, DamagedPoints) else str(error).partition("\n")[0]
        log.error("an answer was cut off in request %s: %s", request_id, reason)
        # gunicorn closes the connection for this one without a traceback.
        raise ConnectionResetError(errno.ECONNRESET, "the answer was cut off") from None
