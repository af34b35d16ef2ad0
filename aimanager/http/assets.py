"""Static files: under an address that changes with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask, abort
from whitenoise import WhiteNoise

from .auth import requires
from .headers import ALWAYS
from .rate_limits import budget

KINDS = {".css", ".js", ".svg", ".png", ".ico", ".woff2", ".webmanifest"}


class StaticFiles:
    """A folder that is served at `/static/<digest>/`; `url_for("static", filename=...)` gives the addresses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prefix = f"/static/{digest(folder)}"

    def add_route(self, app: Flask) -> None:
        app.add_url_rule(f"{self._prefix}/<path:filename>", endpoint="static", view_func=missing)

    def wrap(self, wsgi_app: Any) -> Any:
        """Middleware that answers for the files that exist."""
        files = WhiteNoise(wsgi_app, max_age=31_536_000, add_headers_function=_headers)
        files.add_files(str(self._folder), prefix=self._prefix)
        return files


def digest(folder: Path) -> str:
    """A short name for the content of a folder."""
    content = hashlib.blake2b(digest_size=6)
    for path in sorted(folder.rglob("*")):
        if path.suffix in KINDS:
            content.update(str(path.relative_to(folder)).encode())
            content.update(path.read_bytes())
    return content.hexdigest()


def _headers(headers: dict[str, str], path: str, url: str) -> None:
    for name, value in ALWAYS.items():
        headers[name] = value
    headers["Cache-Control"] = "max-age=31536000, public, immutable"


@requires("anyone")
@budget("none")
def missing(filename: str) -> NoReturn:
    """Files that exist are answered before a request reaches Flask."""
    abort(404)
