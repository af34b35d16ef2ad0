"""The Python client, handed out by the server that it is made for: one `pip install`, no package index needed."""

from __future__ import annotations

from pathlib import Path

from flask import Response, current_app, send_from_directory, url_for

from ..errors import NotFound
from ..http.auth import requires
from ..http.rate_limits import budget
from .blueprint import web
from .snippet import address


def wheel() -> str | None:
    """The file name of the wheel that `make install` has built; None in a checkout that was set up by hand."""
    wheels = sorted((path.name for path in _folder().glob("ai_manager_client-*.whl")), reverse=True)
    return wheels[0] if wheels else None


def install() -> str:
    """What to type to have the client."""
    name = wheel()
    return f"pip install {address()}{url_for('web.client', name=name)}" if name else "pip install ./clients/python"


@web.get("/client/<name>")
@requires("anyone")
@budget("page")
def client(name: str) -> Response:
    """The wheel of the Python client; pip reads its version from the name."""
    if name != wheel():
        raise NotFound()
    return send_from_directory(_folder(), name, mimetype="application/zip", as_attachment=True)


def _folder() -> Path:
    return Path(current_app.root_path) / "static" / "vendor"
