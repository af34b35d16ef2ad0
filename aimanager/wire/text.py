"""Which characters text may have. Each rule returns the first character that breaks it, or None.

`not_text` holds for all text that comes in, whatever it means: NUL, which not every database stores, and halves of
surrogate pairs, which no encoding writes. A line of text (a name, a tag) has nothing that cannot be printed; prose may have
line breaks and tabs, and letters of any direction.
"""

from __future__ import annotations

import re
import unicodedata

# Characters that turn the reading direction make one name look like another.
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
_PROSE = frozenset("\n\r\t")
# Letters by their category, but nothing is drawn for them.
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
# Escaped backslashes and whole pairs stay, what is left of surrogates is a half.
_SURROGATES = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def not_text(text: str) -> str | None:
    """The first NUL or surrogate."""
    match = _NOT_TEXT.search(text)
    return match[0] if match else None


def unprintable(line: str) -> str | None:
    """The first character that a line of text cannot have."""
    if line.isprintable():
        return None
    return next((c for c in line if c in _DIRECTIONS or unicodedata.category(c) in _CONTROL), None)


def unprintable_in_prose(prose: str) -> str | None:
    """The first character that text of several lines cannot have."""
    if prose.isprintable():
        return None
    return next((c for c in prose if c not in _PROSE and unicodedata.category(c) in {"Cc", "Cs"}), None)


def is_blank(text: str) -> bool:
    """Whether nothing can be seen of it: spaces of any kind, format characters, fillers."""
    return all(c.isspace() or c in _FILLERS or unicodedata.category(c) == "Cf" for c in text)


def has_nul(json: bytes) -> bool:
    """Whether any string of a valid JSON document, names of fields included, has a NUL, which only an escape can write."""
    return b"\\u0000" in json and _ESCAPED_NUL.search(json) is not None


def mended(json: bytes) -> bytes:
    """A JSON document that can be read: what is not UTF-8, and each half of a surrogate pair, is U+FFFD in it."""
    try:
        json.decode()
    except UnicodeDecodeError:
        json = json.decode("utf-8", "replace").encode()
    return _SURROGATES.sub(lambda match: match[1] or b"\\ufffd", json) if b"\\ud" in json.lower() else json


def name_of(character: str) -> str:
    """`U+0000`."""
    return f"U+{ord(character):04X}"
