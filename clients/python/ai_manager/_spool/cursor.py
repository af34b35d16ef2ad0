"""How far the server has what a spool holds."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ai_manager._spool.record import Head

NAME = "cursor"
_IDENTITIES = uuid.UUID("6f0c1f5e-3f3d-4f0c-9a55-0d2f6f3c7e11")


@dataclass
class Cursor:
    """Where the next window begins and which number it has; and the run as the server knows it.

    It is a short cut, not the truth: without it everything that the segments still hold is sent again, in the same
    batches with the same numbers, and the server knows them.
    """

    segment: int = 0
    offset: int = 0
    origin: str = ""  # The client in the head of that segment.
    client: str = ""  # The one under whose name batches go: the same, until the server refused one.
    index: int = 0  # Windows with points so far, as the origin counts.
    base: int = 0  # The index at which this client began to number.
    depth: int = 0  # How often batches had to be halved.
    lines: int = 0  # Batches of console output of this segment that the server has.
    halved: str = ""  # Which batches of console output of this window went in halves: numbers and parts.
    lines_depth: int = 0  # How often those of this window are halved from the start.
    lines_name: str = ""  # What tells their client from the usual one, after the server lost count.
    run_id: int | None = None
    stopped: str = ""  # Why nothing more is sent, if so.
    folder: Path | None = field(default=None, compare=False)  # Where it is kept, if so.

    @property
    def number(self) -> int:
        """The number of the next batch."""
        return self.index + 1 - self.base

    def enter(self, segment: int, head: Head, offset: int) -> None:
        """Go on in another segment."""
        if head.client != self.origin:
            self.origin = self.client = head.client
            self.index, self.base = head.before, 0
        self.segment, self.offset = segment, offset
        self.lines, self.lines_name = 0, ""

    def pass_window(self, end: int, had_points: bool, lines: int) -> None:
        """The server has the window, with so many batches of console output."""
        self.offset = end
        self.index += had_points
        self.lines += lines
        if self.halved:  # From now on none is made that would have to be.
            self.lines_depth += 1 + max(len(batch.partition("/")[2]) for batch in self.halved.split())
            self.halved = ""

    def batch_of_lines(self, before: int, part: str = "") -> dict[str, str | int]:
        """Client and number of a batch of console output, with so many before it in the window: counted in each segment.

        A part of one is named by the halves that lead to it, "0" the first and "1" the second. The first part has the number.
        """
        client, number = derived(self.origin, f"lines {self.segment} {self.lines_name}"), self.lines + before + 1
        if "1" in part:
            return {"client": derived(client, f"part {part} of {number}"), "seq": 1}
        return {"client": client, "seq": number}

    def is_halved(self, before: int, part: str) -> bool:
        """Whether a batch of console output, or a part of one, goes in halves."""
        return f"{self.lines + before + 1}/{part}" in self.halved.split()

    def halve(self, before: int, part: str) -> None:
        """Let it go in halves, whoever sends it. Said before any of them is sent."""
        self.halved = f"{self.halved} {self.lines + before + 1}/{part}".lstrip()

    def begin_lines_anew(self, before: int) -> None:
        """Number them from 1 under another name."""
        self.lines_name = f"from {self.lines + before} {self.lines_name}"[:200]
        self.lines = -before

    def begin_anew(self) -> None:
        """Number from 1 under another name, which follows from this one: a second reader comes to the same."""
        self.client = derived(self.client, f"from {self.index}")
        self.base = self.index

    def save(self) -> None:
        """Keep it; where that fails, more is sent again some day, and known by its number."""
        if self.folder is None:
            return
        temporary = self.folder / f"{NAME}.{os.getpid()}"
        with contextlib.suppress(OSError):
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump({name: getattr(self, name) for name in _saved()}, file)
            os.replace(temporary, self.folder / NAME)

    @classmethod
    def load(cls, folder: Path) -> Cursor:
        """What was saved, or the beginning."""
        try:
            saved: Any = json.loads((folder / NAME).read_text(encoding="utf-8"))
            known: dict[str, Any] = {name: type(getattr(cls, name)) for name in _saved()}
            values = {name: value for name, value in saved.items() if name in known}
            kinds = {**known, "run_id": (int, type(None))}
            if all(isinstance(value, kinds[name]) for name, value in values.items()):
                return cls(**values, folder=folder)
        except (OSError, ValueError, AttributeError):
            pass
        return cls(folder=folder)


def _saved() -> list[str]:
    return [one.name for one in fields(Cursor) if one.name != "folder"]


def derived(client: str, words: str) -> str:
    """A client's further name, always the same for the same words."""
    return str(uuid.uuid5(_IDENTITIES, f"{client} {words}"))
