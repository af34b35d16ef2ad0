"""For which host names we answer at all."""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from flask import Request

from ..config import Settings
from ..errors import SENTENCES, AIManagerError
from ..extensions import parts


class WrongHost(AIManagerError):
    status = 421

    def __init__(self) -> None:
        super().__init__(f"{SENTENCES[421]}: set AI_MANAGER_ALLOWED_HOSTS to the names that it has")


def check_host(request: Request, context: Any) -> None:
    """Refuse other names than ours: a page of another site may have pointed its own name at this address."""
    if not host_is_ours(request.headers.get("Host", ""), parts().settings):
        raise WrongHost()


@lru_cache(maxsize=1024)  # Bounded: the header is anybody's.
def host_is_ours(header: str, settings: Settings) -> bool:
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?", header)
    if not match:
        return False
    host = match[1].lower().rstrip(".")
    names = {"localhost", "127.0.0.1", "[::1]", settings.host.lower(), *map(str.lower, settings.allowed_hosts)}
    if settings.public_url:
        names.add((urlsplit(settings.public_url).hostname or "").lower())
    if host in names:
        return True
    # Whoever opens the server to a network may call it by address or by the machine's own name: neither can be rebound.
    return not settings.listens_locally and (_is_address(host) or host == socket.gethostname().lower())


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
