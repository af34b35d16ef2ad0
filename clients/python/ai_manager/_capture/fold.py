"""What a stream printed, as lines: a progress bar that redraws itself becomes one line now and then."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from ai_manager._values import whole

REACH = 64  # Rows that the cursor can come back to; hardly a progress display is taller.
LONGEST = 65_536  # Characters of a line that has no end; then it goes on in the next.
EVERY = 10.0  # Seconds between two lines of a row that keeps changing.
QUIET = 2.0  # Seconds without a change after which a row is shown as it is.
LONGEST_SEQUENCE = 256  # Characters of an escape sequence that may still wait for its end.

# What moves the cursor or erases. Colours are no such thing: they stay in the text.
_COLOUR = r"\[[0-9;:]*m"
_MOVES = re.compile(rf"\x1b(?!{_COLOUR})")
_TOKEN = re.compile(
    r"\n|\r+|\x08+|\x07"
    r"|\x1b\[(?P<values>[0-9;:?<=>]*)(?P<kind>[@-ln-~])"  # A control sequence that is no colour.
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # A title or a link.
    r"|\x1b[ -/]*[0-Z\\^-~]"  # Any other sequence.
    rf"|\x1b(?!{_COLOUR})"  # A broken one.
)
_UNFINISHED = re.compile(r"\r\Z|\x1b(?:\[[0-9;:?<=>]*|\][^\x07\x1b]*\x1b?|[ -/]*)?\Z")
_UNPRINTABLE = bytes({*range(32), 127} - set(b"\a\b\t\n\r\x1b"))

Line = tuple[
    float, str
]  # When it was printed, in seconds since 1970, and a text: one line, or several printed at once.


class _Row:
    """A row of the screen: what it says, and what of it was shown when."""

    __slots__ = ("changed_at", "redrawn", "shown", "shown_at", "text")

    def __init__(self, text: str, now: float, shown: str | None = None) -> None:
        self.text = text
        self.changed_at = self.shown_at = now
        self.shown = shown
        self.redrawn = False

    @property
    def is_news(self) -> bool:
        """Whether there is something to show; a bar that was wiped away is nothing, an empty line is."""
        return self.text != self.shown and (not self.redrawn or not self.text.isspace() and self.text != "")

    def show(self, now: float) -> Line:
        self.shown, self.shown_at = self.text, now
        return self.changed_at, self.text.rstrip() if self.redrawn else self.text

    def cut(self) -> None:
        """What was shown before its newline came is not shown again: what follows is a line of its own."""
        self.text = self.shown = ""


class Fold:
    """Follows the cursor of one stream over its last rows.

    A row is shown when the cursor goes on below it. While it changes, by a carriage return, a backspace, an erase or a
    cursor-up, it is shown every ten seconds, and when it is quiet.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._unfinished = ""
        self._rows = [_Row("", 0.0)]
        self._at = 0  # The row of the cursor.
        self._home = False  # Whether text replaces the row, because the cursor went back to its start.
        self._moved = False  # Whether the cursor was anywhere but at the end since everything was shown.

    def feed(self, data: bytes | str, now: float) -> list[Line]:
        """The lines that some more output, printed at `now`, leaves finished."""
        if isinstance(data, str):
            data = whole(data).encode()
        text = self._unfinished + self._decode(data.translate(None, _UNPRINTABLE))
        cut = _UNFINISHED.search(text, max(0, len(text) - LONGEST_SEQUENCE))
        self._unfinished = text[cut.start() :] if cut else ""
        text = (text[: cut.start()] if cut else text).replace("\r\n", "\n")
        if self._moved or any(mark in text for mark in "\r\b\a") or ("\x1b" in text and _MOVES.search(text)):
            return list(self._moving(text, now))
        return self._plain(text, now)

    def tick(self, now: float) -> list[Line]:
        """The rows whose time has come though the cursor did not go on: bars, and lines without an end."""
        lines = []
        for place, row in enumerate(self._rows):
            if place >= self._at:
                due = row.text and (row.shown is None and now - row.changed_at >= QUIET)
            else:
                due = now - row.changed_at >= QUIET
            if (due or (row.text and now - row.shown_at >= EVERY)) and row.is_news:
                lines.append(row.show(now))
                if place == self._at and not row.redrawn:
                    row.cut()
        return lines

    def close(self, now: float) -> list[Line]:
        """Everything that was not shown yet, for the stream has ended."""
        lines = list(self._moving(self._decode(b"", True), now))
        self._unfinished = ""
        return lines + [row.show(now) for row in self._rows if row.text and row.is_news]

    def _plain(self, text: str, now: float) -> list[Line]:
        """Nothing but text and newlines, as nearly all output is: it leaves as one piece, so that much of it is no burden."""
        row = self._rows[-1]
        finished, newline, last = text.rpartition("\n")
        if not newline:
            return list(self._write(text, now))
        is_cut, finished = row.shown == "" and not row.text, row.text + finished
        passed = [_Row(line, now, line) for line in finished.rsplit("\n", REACH)[-REACH:]]
        self._rows = [*self._rows[:-1], *passed][-REACH:] + [_Row(last, now)]
        self._at = len(self._rows) - 1
        if is_cut and not finished:
            return []
        return [(now, finished[1:] if is_cut and finished[0] == "\n" else finished)]

    def _moving(self, text: str, now: float) -> Iterator[Line]:
        """Text and newlines among what moves the cursor and erases."""
        self._moved = True
        position = 0
        for token in _TOKEN.finditer(text):
            yield from self._write(text[position : token.start()], now)
            position = token.end()
            mark = token.group()
            if mark == "\n":
                yield from self._newline(now)
            elif mark[0] == "\r":
                self._home = True
            elif mark[0] == "\b":
                self._put(self._rows[self._at].text[: -len(mark)], now)
            elif token["kind"]:
                self._control(token["kind"], token["values"], now)
        yield from self._write(text[position:], now)
        self._moved = self._home or self._at < len(self._rows) - 1 or any(row.redrawn for row in self._rows)

    def _write(self, text: str, now: float) -> Iterator[Line]:
        if not text:
            return
        row = self._rows[self._at]
        if self._home:
            self._put(text, now)
        else:
            row.text += text
            row.changed_at = now
        self._home = False
        if len(row.text) > LONGEST:
            yield row.show(now)
            row.cut()
            row.redrawn = False

    def _put(self, text: str, now: float) -> None:
        """Replace what the cursor's row says."""
        row = self._rows[self._at]
        row.redrawn = row.redrawn or bool(row.text)
        row.text, row.changed_at = text, now

    def _newline(self, now: float) -> Iterator[Line]:
        """Below the last row everything above is done; below another one the display is being redrawn."""
        self._at += 1
        self._home = self._at < len(self._rows)
        if not self._home:
            for row in self._rows:
                if row.is_news:
                    yield row.show(now)
                row.redrawn = False
            self._rows = [*self._rows[-REACH:], _Row("", now)]
            self._at = len(self._rows) - 1

    def _control(self, kind: str, values: str, now: float) -> None:
        first = values.split(";")[0]
        count = max(1, int(first)) if first.isdecimal() and len(first) < 5 else 1
        last = len(self._rows) - 1
        if kind in "AF":
            self._at, self._home = max(0, self._at - count), True
        elif kind in "BE":
            self._at, self._home = min(last, self._at + count), True
        elif kind in "Hf":
            self._at, self._home = min(last, count - 1), True
        elif kind == "G":
            self._home = True
        elif kind == "K" and (first == "2" or self._home and first in ("", "0")):
            self._put("", now)
        elif kind == "J" and first in ("", "0"):
            del self._rows[self._at + 1 :]
            if self._home:
                self._put("", now)
