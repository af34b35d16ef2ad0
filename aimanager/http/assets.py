"""Static files: under an address that changes with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NoReturn

from flask import Flask, abort
from whitenoise import WhiteNoise

from .auth import requires
from .headers import ALWAYS
from .limits import budget

KINDS = {".css", ".js", ".svg", ".png", ".ico", ".woff2", ".webmanifest"}


def digest(folder: Path) -> str:
    """A short name for the content of a folder."""
    found = hashlib.blake2b(digest_size=6)
    for path in sorted(folder.rglob("*")):
        if path.suffix in KINDS:
            found.update(str(path.relative_to(folder)).encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def init_assets(app: Flask, folder: Path) -> None:
    """Serve `folder` at `/static/<digest>/`; `url_for("static", filename=...)` gives the addresses."""
    prefix = f"/static/{digest(folder)}"
    app.add_url_rule(f"{prefix}/<path:filename>", endpoint="static", view_func=missing)
    served = WhiteNoise(app.wsgi_app, max_age=31_536_000, add_headers_function=_headers)
    served.add_files(str(folder), prefix=prefix)
    app.wsgi_app = served  # type: ignore[method-assign]


def _headers(headers: dict[str, str], path: str, url: str) -> None:
    for name, value in ALWAYS.items():
        headers[name] = value
    headers["Cache-Control"] = "max-age=31536000, public, immutable"


@requires("anyone")
@budget("none")
def missing(filename: str) -> NoReturn:
    """Files that exist were answered before Flask was asked."""
    abort(404)
