"""By which address somebody who is not signed in is counted."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from flask import request

IPV6_NETWORK = 64  # Bits: what one household or one server is given, so that its addresses count as one.


def client_address() -> str:
    """The address that limits and failed logins of this request are counted by."""
    return counted_address(request.remote_addr or "")


@lru_cache(maxsize=4096)  # Bounded: there are more addresses than memory.
def counted_address(text: str) -> str:
    """An IPv4 address as it is, also when it is written as IPv6; an IPv6 address as its network."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text[:64]  # A unix socket's peer has none.
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, IPV6_NETWORK), strict=False))
