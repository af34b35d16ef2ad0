"""Ids of runs in an address or a form: `3,7-9`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from ..errors import Invalid


def read(name: str, text: str, most: int) -> list[int]:
    """The ids in their order, each once. Raises Invalid about the field of this name, also for more than `most`."""
    ids: dict[int, None] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        first, dash, last = part.partition("-")
        if not _is_id(first) or (dash and not _is_id(last)):
            raise Invalid.field(name, f"{name} must be ids such as 3,7-9")
        end = int(last) if dash else int(first)
        if len(ids) + end - int(first) >= most:
            raise Invalid.field(name, f"{name} must be at most {most} ids")
        ids |= dict.fromkeys(range(int(first), end + 1))
    return list(ids)


def in_words(ids: Iterable[int]) -> str:
    """As `read` takes them, in their order; more than two that follow each other are a range."""
    runs = [list(group) for _, group in groupby(enumerate(ids), lambda pair: pair[1] - pair[0])]
    return ",".join(
        f"{run[0][1]}-{run[-1][1]}" if len(run) > 2 else ",".join(str(number) for _, number in run) for run in runs
    )


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18
