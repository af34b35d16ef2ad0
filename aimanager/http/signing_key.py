"""The key that signs our tokens: generated at the first start, readable by the owner only."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import time
from pathlib import Path

from sqlalchemy.engine import make_url

from ..config import ConfigurationError, Settings

log = logging.getLogger(__name__)


def secret_key(settings: Settings) -> str:
    """The key from the settings, or the one in the data directory. Raises ConfigurationError on a damaged one."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.data_dir / "secret.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(handle, "w") as file:
        key = secrets.token_urlsafe(48)
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


def audience(settings: Settings, key: str) -> str:
    """Whom our tokens are for. Two servers that were given the same key by mistake still do not take each other's."""
    database = make_url(settings.database_url)
    place = f"{database.host} {database.port} {database.database}"
    return f"ai-manager:{hashlib.blake2b(place.encode(), key=key.encode()[:64], digest_size=12).hexdigest()}"


def _read(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        log.warning("%s could be read by others; it is now for its owner only", path.name)
        path.chmod(0o600)
    # Whoever made the file a moment ago may still be writing.
    deadline = time.monotonic() + 2
    while not (key := path.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.01)
    if len(key) < 32:
        raise ConfigurationError(
            f"{path} is too short to be a key: delete it to have a new one made (all log in again)."
        )
    return key
