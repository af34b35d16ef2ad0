"""How paths become arguments."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import BaseConverter


class Id(BaseConverter):
    """An id: plain digits that fit into 64 bits, anything else is no such page."""

    # Not by a ValidationError in to_python: then other methods of the path would make it a 405.
    regex = "[0-9]{1,18}"
    part_isolating = True

    def to_python(self, value: str) -> int:
        return int(value)


class Name(BaseConverter):
    """A metric's name, which may hold `/`."""

    regex = ".+?"
    part_isolating = False
    weight = 200


def init_routing(app: Flask) -> None:
    # With and without a trailing slash is the same resource, answered directly: a redirect drops bodies and headers.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.converters |= {"id": Id, "name": Name}
