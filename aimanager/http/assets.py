"""Static files: under an address that changes with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask, abort
from werkzeug.routing import PathConverter, ValidationError
from whitenoise import WhiteNoise

from .auth import requires
from .bundle import FOLDER, read_bundle, sheet_path
from .headers import ALWAYS
from .rate_limits import budget

KINDS = {".css", ".js", ".svg", ".png", ".ico", ".woff2", ".webmanifest"}


class Vendored(PathConverter):
    """The path of a file that is not ours."""

    def to_url(self, value: str) -> str:
        if not value.startswith("vendor/"):
            raise ValidationError
        return super().to_url(value)


class StaticFiles:
    """The folder `static` at `/static/<digest>/`; `url_for("static", filename=...)` gives the addresses.

    What is not ours has a digest of its own, so that browsers keep it when our scripts change.
    """

    def __init__(self, root: Path, bundled: bool = True) -> None:
        self._folder = root / "static"
        self._vendor_prefix = f"/static/{digest(self._folder / 'vendor')}"
        self._prefix = f"/static/{digest(self._folder)}"
        self._bundle = read_bundle(root) if bundled else None

    def add_route(self, app: Flask) -> None:
        app.url_map.converters["vendored"] = Vendored
        app.add_url_rule(f"{self._vendor_prefix}/<vendored:filename>", endpoint="static", view_func=missing)
        app.add_url_rule(f"{self._prefix}/<path:filename>", endpoint="static", view_func=missing)
        app.jinja_env.globals.update(
            stylesheets=self.stylesheets, own_stylesheet=self.own_stylesheet, script=self.script, imports=self.imports
        )

    def wrap(self, wsgi_app: Any) -> Any:
        """Middleware that answers for the files that exist."""
        files = WhiteNoise(wsgi_app, max_age=31_536_000, add_headers_function=_headers)
        files.add_files(str(self._folder), prefix=self._prefix)
        files.add_files(str(self._folder / "vendor"), prefix=f"{self._vendor_prefix}/vendor")
        return files

    def stylesheets(self, *names: str) -> list[str]:
        """The addresses of these sheets of static/css, which are one file in a bundle."""
        if self._bundle:
            return [f"{self._prefix}/{FOLDER}/{self._bundle.styles}"]
        return [f"{self._prefix}/{sheet_path(name)}" for name in names]

    def own_stylesheet(self, name: str) -> str:
        """The address of a sheet of static/css that only some pages have."""
        if self._bundle:
            return f"{self._prefix}/{FOLDER}/{self._bundle.own_styles[name]}"
        return f"{self._prefix}/css/{name}.css"

    def script(self, name: str) -> str:
        """The address of a script that a page starts with: `js/app.js`."""
        return f"{self._prefix}/{FOLDER}/{self._bundle.scripts[name][0]}" if self._bundle else f"{self._prefix}/{name}"

    def imports(self, name: str) -> list[str]:
        """The addresses of what a script imports, to be loaded beside it. Single modules find each other."""
        files = self._bundle.scripts[name][1:] if self._bundle else []
        return [f"{self._prefix}/{FOLDER}/{file}" for file in files]


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
