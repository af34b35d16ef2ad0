"""The keys that `ai-manager login` keeps: a file in the user's configuration that nobody else can read."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import NamedTuple


class Logins(NamedTuple):
    """The server that was logged in to last, and a key for each server."""

    url: str | None
    api_keys: dict[str, str]


def place() -> Path:
    """Where they are kept."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return Path(base) / "ai-manager" / "logins.json"


def read() -> Logins:
    """What is kept; nothing where the file is missing or is none of ours, because a training must not fail by it."""
    try:
        kept = json.loads(place().read_text("utf-8"))
        keys = {url: key for url, key in kept["api_keys"].items() if isinstance(url, str) and isinstance(key, str)}
        return Logins(kept["url"] if kept["url"] in keys else None, keys)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Logins(None, {})


def remember(url: str, key: str) -> Path:
    """Keep the key of a server, which becomes the usual one. Raises OSError."""
    return _write(Logins(url, {**read().api_keys, url: key}))


def forget(url: str) -> bool:
    """Drop the key of a server; whether there was one. Raises OSError."""
    known = read()
    if url not in known.api_keys:
        return False
    rest = {other: key for other, key in known.api_keys.items() if other != url}
    _write(Logins(known.url if known.url in rest else next(iter(rest), None), rest))
    return True


def _write(logins: Logins) -> Path:
    path = place()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # Which only the user can read.
    try:
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(logins._asdict(), file, indent=1)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return path
