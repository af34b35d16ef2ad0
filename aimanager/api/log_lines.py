"""Lines of console output as they are sent: checked column by column, because there are many.

A model for each line costs more than all else that is done with it. Only a request in which something is wrong, or
unusual, is looked at line by line, and that says what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..services.console import LONGEST_LINE, MOST_LINES
from ..store.console import NO_RANK, STREAMS, Batch
from .fields import LATEST

_NEEDED = {"stream", "time", "text"}
_FIELDS = _NEEDED | {"rank", "partial"}
_NUMBERS = {stream: number for number, stream in enumerate(STREAMS)}


class Entries(NamedTuple):
    """What each entry of a request has, in columns; `partial` are the places of those that go on in the next one."""

    streams: list[str]
    times: list[float]
    texts: list[str]
    ranks: list[int | None]
    partial: frozenset[int]

    def batch(self) -> tuple[Batch, frozenset[int]]:
        """The lines, and the places of those that go on. A text with line breaks is several lines; a break at its end is that
        of the line itself."""
        streams = [_NUMBERS[stream] for stream in self.streams]
        ranks = [NO_RANK if rank is None else rank for rank in self.ranks]
        times = [round(time * 1_000_000) for time in self.times]
        if not any("\n" in text for text in self.texts):
            return Batch(streams, ranks, times, self.texts), self.partial
        lines, partial = Batch.of(()), set()
        for place, (stream, rank, time, text) in enumerate(zip(streams, ranks, times, self.texts, strict=True)):
            texts = text.split("\n")
            if len(texts) > 1 and not texts[-1]:
                texts.pop()
            elif place in self.partial:
                partial.add(len(lines.texts) + len(texts) - 1)
            n = len(texts)
            lines.extend(Batch([stream] * n, [rank] * n, [time] * n, texts))
        return lines, frozenset(partial)


def in_columns(sent: Any, check: Callable[[Any], list[Any]]) -> Entries:
    """Entries as columns; `check` looks at each of them and says what is wrong."""
    if _is_sound(sent):
        return Entries(
            [one["stream"] for one in sent],
            [one["time"] for one in sent],
            [one["text"] for one in sent],
            [one.get("rank") for one in sent],
            frozenset(place for place, one in enumerate(sent) if one.get("partial")),
        )
    lines = check(sent)
    return Entries(
        [line.stream for line in lines],
        [line.time for line in lines],
        [line.text for line in lines],
        [line.rank for line in lines],
        frozenset(place for place, line in enumerate(lines) if line.partial),
    )


def _is_sound(sent: Any) -> bool:
    if type(sent) is not list or len(sent) > MOST_LINES or set(map(type, sent)) != {dict}:
        return False
    if not all(_FIELDS.issuperset(fields) and _NEEDED.issubset(fields) for fields in set(map(tuple, sent))):
        return False
    texts, times = [one["text"] for one in sent], [one["time"] for one in sent]
    streams, ranks = [one["stream"] for one in sent], [one.get("rank", 0) for one in sent]
    return (
        set(map(type, texts)) == set(map(type, streams)) == {str}
        and set(map(type, times)) == {float}
        and set(map(type, ranks)) == {int}
        and {type(one.get("partial", False)) for one in sent} == {bool}
        and _NUMBERS.keys() >= set(streams)
        and max(map(len, texts)) <= LONGEST_LINE
        and all(0 <= time <= LATEST for time in times)
        and 0 <= min(ranks) <= max(ranks) < 2**31
    )
