"""Lines of a console as HTML: colours are classes, and those beyond the sixteen of the palette `data-` attributes, which a
script sets, as a page may not say a style itself. Everything else is text, and what cannot be seen is a sign that can."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

LONGEST_SHOWN = 5_000  # Characters; the rest comes when one asks for it.

_SEQUENCE = re.compile(r"\x1b\[([0-9;:]*)m|\x1b")
# C0 controls have pictures of their own in Unicode; for C1 and for what turns the reading direction there is a common one.
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) != "\t"} | {0x7F: "\u2421"}
_PICTURES |= dict.fromkeys(range(0x80, 0xA0), "\ufffd")
_STYLES = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 9: "strike"}
_ENDS = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 29: ("strike",)}
_STEPS = (0, 95, 135, 175, 215, 255)


@dataclass(frozen=True)
class Look:
    """How text looks: colours are a number of the palette, or `#rrggbb`."""

    ink: int | str | None = None
    ground: int | str | None = None
    inverse: bool = False
    styles: frozenset[str] = frozenset()


def rendered(text: str, most: int = LONGEST_SHOWN) -> tuple[Markup, int]:
    """A line as HTML, and how many of its characters were left out."""
    parts, room, left_out = [], most, 0
    for look, piece in _pieces(text):
        shown = piece[:room]
        room, left_out = room - len(shown), left_out + len(piece) - len(shown)
        if shown:
            parts.append(_span(look, shown.translate(_PICTURES)))
    return Markup("").join(parts), left_out


def plain(text: str) -> str:
    """A line without its colours."""
    return _SEQUENCE.sub("", text) if "\x1b" in text else text


def _pieces(text: str) -> Iterator[tuple[Look, str]]:
    if "\x1b" not in text:
        yield Look(), text
        return
    look, end = Look(), 0
    for sequence in _SEQUENCE.finditer(text):
        if sequence.start() > end:
            yield look, text[end : sequence.start()]
        end = sequence.end()
        if sequence[1] is not None:
            look = _changed(look, sequence[1])
    if end < len(text):
        yield look, text[end:]


def _changed(look: Look, arguments: str) -> Look:
    # 38:2:r:g:b and 38;2;r;g;b mean the same. Nobody says more than some; a longer one is no colour.
    codes = [int(code) if code else 0 for code in re.split("[;:]", arguments[:200])]
    at = 0
    while at < len(codes):
        code = codes[at]
        if code in (38, 48):
            colour, at = _extended(codes, at + 1)
            look = replace(look, ink=colour) if code == 38 else replace(look, ground=colour)
            continue
        look = _with(look, code)
        at += 1
    return look


def _with(look: Look, code: int) -> Look:
    if code == 0:
        return Look()
    if code in _STYLES:
        return replace(look, styles=look.styles | {_STYLES[code]})
    if code in _ENDS:
        return replace(look, styles=look.styles.difference(_ENDS[code]))
    if code in (7, 27):
        return replace(look, inverse=code == 7)
    for base, bright in ((30, 0), (90, 8)):
        if base <= code < base + 8:
            return replace(look, ink=code - base + bright)
        if base + 10 <= code < base + 18:
            return replace(look, ground=code - base - 10 + bright)
    if code == 39:
        return replace(look, ink=None)
    return replace(look, ground=None) if code == 49 else look


def _extended(codes: Sequence[int], at: int) -> tuple[int | str | None, int]:
    """A colour of 256 or of 24 bits, and where the next code is."""
    kind = codes[at] if at < len(codes) else None
    if kind == 5 and at + 1 < len(codes):
        return _of_256(min(codes[at + 1], 255)), at + 2
    if kind == 2 and at + 3 < len(codes):
        red, green, blue = (min(code, 255) for code in codes[at + 1 : at + 4])
        return f"#{red:02x}{green:02x}{blue:02x}", at + 4
    return None, len(codes)


def _of_256(number: int) -> int | str:
    if number < 16:
        return number
    if number >= 232:
        grey = 8 + 10 * (number - 232)
        return f"#{grey:02x}{grey:02x}{grey:02x}"
    red, rest = divmod(number - 16, 36)
    return f"#{_STEPS[red]:02x}{_STEPS[rest // 6]:02x}{_STEPS[rest % 6]:02x}"


def _span(look: Look, text: str) -> Markup:
    if look == Look():
        return escape(text)
    classes = [f"t-{style}" for style in sorted(look.styles)]
    attributes = []
    ink, ground = (look.ground, look.ink) if look.inverse else (look.ink, look.ground)
    if look.inverse and ink is None and ground is None:
        classes.append("t-inverse")
    for kind, colour in (("ink", ink), ("ground", ground)):
        if isinstance(colour, int):
            classes.append(f"t-{kind}-{colour}")
        elif colour:
            classes.append(f"t-{kind}")
            attributes.append(Markup(' data-{}="{}"').format(kind, colour))
    return Markup('<span class="{}"{}>{}</span>').format(" ".join(classes), Markup("").join(attributes), text)
