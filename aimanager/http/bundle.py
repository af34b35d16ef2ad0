"""The pages' own scripts and styles as a few small files, which scripts/bundle.py makes of static/js and static/css.

A bundle is used while it is of the sources that are there. After an edit they are served one by one, as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = "bundle"  # Below static/.
ABOUT = "bundle.json"
ENTRY = "js/app.js"


@dataclass(frozen=True)
class Bundle:
    """Files of static/bundle: the one of all pages' styles, those of single pages by their sheet's name, and for each script
    its own file and those that it needs."""

    sources: str
    styles: str
    own_styles: dict[str, str]
    scripts: dict[str, list[str]] = field(default_factory=dict)


def read_bundle(root: Path) -> Bundle | None:
    """The bundle of the sources below `root`; None if there is none, or if it is of others."""
    try:
        bundle = Bundle(**json.loads((root / "static" / FOLDER / ABOUT).read_bytes()))
        return bundle if bundle.sources == digest_of_sources(root) else None
    except (OSError, ValueError, TypeError):
        return None


def sheets(root: Path) -> list[str]:
    """The names of all pages' stylesheets, in order: those that templates/base.html asks for."""
    asked = re.search(r"stylesheets\(([^)]*)\)", (root / "templates/base.html").read_text())
    if asked is None:
        raise ValueError("templates/base.html names its stylesheets in another way than aimanager/http/bundle.py knows")
    return re.findall(r'"([\w-]+)"', asked[1])


def sheet_path(name: str) -> str:
    """Where a stylesheet is, below static/: Plotly's is not ours."""
    return "vendor/plotly.css" if name == "plotly" else f"css/{name}.css"


def own_sheets(root: Path) -> list[str]:
    """The names of the stylesheets that only some pages have."""
    return sorted({path.stem for path in (root / "static/css").glob("*.css")} - set(sheets(root)))


def digest_of_sources(root: Path) -> str:
    """A short name for the content of all scripts and of the sheets."""
    static = root / "static"
    content = hashlib.blake2b(digest_size=6)
    names = sheets(root) + own_sheets(root)
    for path in [*sorted((static / "js").rglob("*.js")), *(static / sheet_path(name) for name in names)]:
        content.update(str(path.relative_to(static)).encode())
        content.update(path.read_bytes())
    return content.hexdigest()
