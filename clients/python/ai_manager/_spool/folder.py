"""Where spools are, and one spool's folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ai_manager._spool.lease import Lease, is_alive

FORMAT = 1
FACTS, OWNER, SENDER, REJECTED = "run.json", "owner", "sender", "rejected"
LAST_LINES = "last-lines"  # What a process that died printed at the end.


def root() -> Path:
    """The folder of all spools: AI_MANAGER_SPOOL_DIR, else in the user's state directory."""
    chosen = os.environ.get("AI_MANAGER_SPOOL_DIR")
    if chosen:
        return Path(chosen).expanduser()
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(state) / "ai-manager" / "spool"


class Folder:
    """A spool's folder: its facts, who writes it and who sends it."""

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.path = path
        self.facts = facts
        self.owner: Lease | None = None  # Held by the process that writes.
        self.sender: Lease | None = None  # Held by the process that sends.

    @classmethod
    def create(cls, facts: dict[str, Any], sends: bool) -> Folder:
        """A new folder that only this user can read, with this process as its owner. Raises OSError."""
        place = root()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Those of the same run are sent in the order of their names.
        now = time.time()
        when = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{int(now % 1 * 1e6):06d}"
        path = place / f"{when}-{uuid.uuid4().hex[:12]}"
        path.mkdir(mode=0o700)
        folder = cls(path, {"format": FORMAT, **facts})
        folder.owner = Lease.take(path / OWNER)
        if sends:
            folder.sender = Lease.take(path / SENDER)
        folder.save()
        return folder

    @classmethod
    def open(cls, path: Path) -> Folder | None:
        """A spool of this user, None when it is none that this version can read."""
        try:
            if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
                return None  # A folder that others may write could hold what they want to have sent.
            facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            return None
        return cls(path, facts)

    def save(self) -> None:
        """Write the facts; readers see the old ones or the new ones. Raises OSError."""
        temporary = self.path / f"{FACTS}.{os.getpid()}"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(self.facts, file)
        os.replace(temporary, self.path / FACTS)

    @property
    def is_written(self) -> bool:
        """Whether a process still writes here."""
        return is_alive(self.path / OWNER)

    @property
    def is_sent(self) -> bool:
        """Whether a process still sends from here."""
        return is_alive(self.path / SENDER)

    def take(self) -> bool:
        """Become the one who sends; False when another process is. Raises OSError."""
        self.sender = Lease.take(self.path / SENDER)
        return self.sender is not None

    def touch(self) -> None:
        """Show that this process lives."""
        for lease in (self.owner, self.sender):
            if lease:
                lease.touch()

    def release(self) -> None:
        """Write and send no more."""
        for lease in (self.owner, self.sender):
            if lease:
                lease.release()

    def reject(self, name: str, body: bytes, reason: str) -> None:
        """Keep a batch that the server will never take, for whoever wants to know why."""
        with contextlib.suppress(OSError):
            place = self.path / REJECTED
            place.mkdir(mode=0o700, exist_ok=True)
            for suffix, content in (("body", body), ("txt", reason.encode("utf-8", "replace"))):
                with open(
                    os.open(place / f"{name}.{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
                ) as file:
                    file.write(content)

    @property
    def has_records(self) -> bool:
        """Whether something is left to send."""
        return any(self.path.glob("*.spool"))

    @property
    def has_rejected(self) -> bool:
        return (self.path / REJECTED).is_dir()

    def remove(self) -> None:
        """Everything is delivered. Refused batches stay, and the facts with them."""
        self.release()
        if self.has_rejected:
            for path in self.path.glob("*.spool"):
                with contextlib.suppress(OSError):
                    path.unlink()
            return
        shutil.rmtree(self.path, ignore_errors=True)


def folders(place: Path | None = None) -> Iterator[Folder]:
    """Every spool of this user on this machine, oldest first."""
    place = place or root()
    try:
        paths = sorted(path for path in place.iterdir() if stat.S_ISDIR(path.lstat().st_mode))
    except OSError:
        return
    for path in paths:
        folder = Folder.open(path)
        if folder is not None:
            yield folder
