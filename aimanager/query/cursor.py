"""What belongs at the end of a query that is still being typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .fields import Term, field_of
from .tree import Field

_TOKEN = re.compile(
    r"""(?P<word>(?:(?:config|metrics)\.)?"(?:[^"\\]|\\.)*(?:"(?:\.\w*)?|\Z)|[^\s<>=!~"(),]+)"""
    r"""|(?P<op><=|>=|!=|!~|==|[<>=~!])|(?P<mark>[(),])""",
    re.S,
)
Wanted = Literal["condition", "operator", "value", "and", "nothing"]


@dataclass(frozen=True)
class Cursor:
    """`word` is what was typed of it so far, from the letter `start`, counted from 0.

    `wanted` is a condition, an operator of `field` (or a further condition, for a name may be a word), a value that `field` is
    compared with by `op`, or what comes after a condition: `and`, `or` or the next one.
    """

    start: int
    word: str
    wanted: Wanted
    name: str = ""
    op: str = ""

    @property
    def field(self) -> Field:
        """What the name before the cursor means."""
        return field_of(Term(self.name, 0, 0))


def cursor(before: str) -> Cursor:
    """What belongs behind this part of a query."""
    tokens = list(_TOKEN.finditer(before))
    last = tokens[-1] if tokens and tokens[-1].end() == len(before) else None
    word = last.group() if last and (last["word"] or last["op"] == "!") else ""
    wanted: Wanted = "condition"
    name, op, in_list, negated = "", "", False, False
    for token in tokens[:-1] if word else tokens:
        text = " ".join(token.group().lower().split())
        if wanted == "value":
            wanted = "nothing" if in_list else "and"
        elif token["mark"] == "," and in_list:
            wanted = "value"
        elif token["mark"] == "(" and op == "in" and not in_list:
            wanted, in_list = "value", True
        elif token["mark"]:
            wanted, in_list, op = "condition" if text == "(" else "and", False, ""
        elif wanted == "operator" and (token["op"] or text == "has"):
            wanted, op = "value", "=" if text == "==" else text
        elif (wanted == "operator" or negated) and text == "in":
            wanted, op = "nothing", "in"
        elif wanted == "operator" and text == "exists":
            wanted = "and"
        elif token["op"] or text in ("and", "or", "not"):
            negated = wanted == "operator" and text == "not"
            wanted = "condition"
            continue
        else:
            wanted, name, op = "operator", token.group(), ""
        negated = False
    return Cursor(len(before) - len(word), word, wanted, name, op)
