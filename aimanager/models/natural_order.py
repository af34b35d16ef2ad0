"""Texts in the order in which people count: run-9 before run-10, and capitals beside small letters."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(\d+)")
MOST = 200  # Letters that are looked at: as many as a name has.


def key(text: str) -> str:
    """Orders, compared letter by letter, as the text does with its numbers taken as numbers, however long they are.

    A number becomes a mark below every letter, how many digits it has, and these.
    """
    parts = _NUMBER.split(text[:MOST].casefold())
    for i in range(1, len(parts), 2):
        digits = parts[i].lstrip("0")
        parts[i] = f"\x01{len(digits):03}{digits}"
    return "".join(parts)
