"""What a terminal would show of what a program writes: a line that was written over keeps its last state only.

Progress bars go back to the beginning of their line (`\\r`), or some lines up (`ESC [ A`), and write again. Here each
process of a run has a screen of its own lines. Colours are kept as they come (`ESC [ ... m`), and a colour that goes on
into the next line is said again there, so that each line can be read by itself. Other escape sequences are dropped.

Text that follows a return to the beginning of the line takes the line's place, however short it is: programs that leave
something of the old text behind do not mean to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

LONGEST_GROWN = 100_000  # Characters of a line that is written part by part: what comes then is a line of its own.
_PIECE = 4096  # Characters of a part.
HEIGHT = 200  # A line may be written over while it is one of the last so many of its run.
LONGEST_COLOURS = 200  # Characters of escape sequences that are said again.

# CSI, OSC (which ends with BEL or ST), other strings, other two-byte sequences, and a sequence that has no end.
_TOKENS = re.compile(
    r"\x1b\[(?P<arguments>[0-9:;<=>?]*)[ -/]*(?P<command>[@-~])"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[P^_X][^\x1b]*(?:\x1b\\)?|\x1b[ -/]*[0-~]?|\x1b"
    r"|(?P<back>\x08+)|(?P<begin>\r+)"
)
# Colours that begin before some text and are taken back behind it: they reach nobody else, and stay as they are.
_PLAIN = r"[^\x1b\r\x08]"
_COLOURED = re.compile(rf"{_PLAIN}*(?:(?:\x1b\[[1-9][0-9;]{{0,15}}m){{1,8}}{_PLAIN}+\x1b\[0?m{_PLAIN}*)*")
_COLOURS = re.compile(r"[0-9;:]*\Z")


class Rows(Protocol):
    """The lines of a run, of which those of one screen can be found and written over."""

    def append(self, text: str) -> int: ...
    def text(self, number: int) -> str: ...
    def replace(self, number: int, text: str) -> None: ...
    def before(self, number: int | None) -> int | None: ...


@dataclass(slots=True)
class Cursor:
    """Where a process goes on writing.

    `rows` are the numbers of the lines from the cursor's on, none when it stands below the last line; `over` says that
    the next text takes the place of what its line has; `colours` are the escape sequences that hold now.
    """

    rows: list[int] = field(default_factory=list)
    over: bool = False
    colours: str = ""

    @property
    def is_plain(self) -> bool:
        return not self.rows and not self.colours

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def is_plain(text: str) -> bool:
    """Whether a whole line, written by a cursor that has no state, is a new one as it is and leaves none."""
    if not may_be_special(text):
        return True
    return len(text) <= LONGEST_GROWN and _COLOURED.fullmatch(text) is not None


def may_be_special(text: str) -> bool:
    """Whether there is anything in a line, or in many of them, that does more than to show itself."""
    return "\x1b" in text or "\r" in text or "\b" in text


def write(rows: Rows, cursor: Cursor, text: str, partial: bool) -> None:
    """Write a line, or the part of one with which it goes on; the cursor is left where the next one begins."""
    screen = _Screen(rows, cursor)
    for kind, content in _operations(text):
        getattr(screen, kind)(content)
    screen.settle()
    if not partial:
        screen.down("1", new_line=True)


def _operations(text: str) -> Iterator[tuple[str, str]]:
    """What a text does to the screen: the name of a method, and its argument."""
    end = 0
    for token in _TOKENS.finditer(text):
        if token.start() > end:
            yield "put", text[end : token.start()]
        end = token.end()
        if token["begin"]:
            yield "begin", ""
        elif token["back"]:
            yield "back", token["back"]
        elif (command := token["command"]) in _COMMANDS:
            yield _COMMANDS[command], token["arguments"]
    if end < len(text):
        yield "put", text[end:]


_COMMANDS = {
    "m": "colour",
    "A": "up",
    "F": "up",
    "B": "down",
    "E": "down",
    "K": "erase",
    "J": "erase_below",
    "G": "begin",
}


class _Screen:
    """The operations on the screen of one process. What its current line has is gathered in parts, so that a line of many
    escape sequences costs no more than its length."""

    def __init__(self, rows: Rows, cursor: Cursor) -> None:
        self._rows, self._cursor = rows, cursor
        self._parts: list[str] = []
        self._length = 0
        self._changed = False
        self._look()

    def put(self, text: str) -> None:
        cursor = self._cursor
        if not cursor.rows:
            cursor.rows, cursor.over = [self._rows.append("")], True
        if cursor.over:
            self._parts, self._length = [cursor.colours] if cursor.colours else [], len(cursor.colours)
            cursor.over = False
        elif self._length + len(text) > LONGEST_GROWN and self._parts:
            self.down("1", new_line=True)
            self.put(text)
            return
        self._parts += [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
        self._length, self._changed = self._length + len(text), True

    def begin(self, _: str) -> None:
        self._cursor.over = True

    def back(self, strokes: str) -> None:
        """Back by some characters, which are gone: who goes back writes over them."""
        left = 0 if self._cursor.over else len(strokes)
        while self._parts and left:
            last = self._parts.pop()
            self._length, self._changed = self._length - len(last), True
            if len(last) > left and not last.startswith("\x1b"):
                self._parts.append(last[:-left])
                self._length += len(last) - left
                return
            left -= 0 if last.startswith("\x1b") else len(last)

    def colour(self, arguments: str) -> None:
        if not _COLOURS.match(arguments):
            return
        cursor, sequence = self._cursor, f"\x1b[{arguments}m"
        # A sequence that begins with a 0 takes back all before it.
        if arguments.partition(";")[0].strip("0") == "":
            cursor.colours = ""
        if arguments.strip("0;"):
            cursor.colours += sequence
        while len(cursor.colours) > LONGEST_COLOURS:
            cursor.colours = cursor.colours[cursor.colours.find("\x1b", 1) :] if "\x1b" in cursor.colours[1:] else ""
        if cursor.rows and not cursor.over:
            self.put(sequence)

    def up(self, arguments: str) -> None:
        cursor = self._cursor
        self.settle()
        for _ in range(min(_count(arguments), HEIGHT - len(cursor.rows))):
            above = self._rows.before(cursor.rows[0] if cursor.rows else None)
            if above is None:
                break
            cursor.rows.insert(0, above)
        cursor.over = True
        self._look()

    def down(self, arguments: str, new_line: bool = False) -> None:
        cursor = self._cursor
        self.settle()
        if new_line and not cursor.rows:
            self._rows.append("")
        del cursor.rows[: _count(arguments)]
        cursor.over = bool(cursor.rows)
        self._look()

    def erase(self, arguments: str) -> None:
        """All of the line, or what is right of the cursor: there is something only when it stands at the beginning."""
        cursor = self._cursor
        if cursor.rows and (cursor.over or arguments in {"1", "2"}):
            self._parts, self._length, self._changed, cursor.over = [], 0, True, True

    def erase_below(self, arguments: str) -> None:
        """Down to the end; the screen as a whole is not cleared, for what was said stays to be read."""
        if arguments in {"", "0"}:
            self.erase("")
            for number in self._cursor.rows[1:]:
                self._rows.replace(number, "")

    def settle(self) -> None:
        """Bring the current line to where it is kept."""
        if self._changed:
            self._rows.replace(self._cursor.rows[0], "".join(self._parts))
            self._changed = False

    def _look(self) -> None:
        """Read the line in which the cursor stands."""
        old = self._rows.text(self._cursor.rows[0]) if self._cursor.rows else ""
        self._parts, self._length = [old] if old else [], len(old)


def _count(arguments: str) -> int:
    return min(int(arguments), HEIGHT) or 1 if arguments.isascii() and arguments.isdigit() else 1
