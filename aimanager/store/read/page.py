"""Some of a metric's points by id: what is skipped is counted, not read."""

from __future__ import annotations

import numpy as np

from ...db.prepared import LEAST, MOST
from ..base import DamagedPoints
from ..chunks.codec import Damaged
from ..chunks.frame import Line, join
from . import chunk_index
from .reader import NOTHING, Reader


def page(reader: Reader, metric: int, skip: int, limit: int) -> Line:
    """The points from one place on. Raises DamagedPoints."""
    tail = reader.tail({metric}).get(metric, NOTHING)
    try:
        chunks = chunk_index.within(reader.connection, reader.run, metric, "step", LEAST, MOST)
    except Damaged as error:
        raise DamagedPoints(reader.run, metric, 0, str(error)) from error
    chunks = chunks[np.argsort(chunks["id_lo"], kind="stable")]
    has_tail = len(tail.ids) > 0
    at = int(np.searchsorted(chunks["id_lo"], tail.ids[0])) if has_tail else len(chunks)
    # The chunks, and among them the tail as one more.
    lo, hi, rows = (
        np.insert(chunks[name], [at] * has_tail, value)
        for name, value in (("id_lo", tail.ids[:1]), ("id_hi", tail.ids[-1:]), ("rows", [len(tail.ids)] * has_tail))
    )
    before = np.append(0, np.cumsum(rows, dtype=np.int64))
    # Where nothing is left of what began earlier, so that all before it are skipped or all after it too late.
    clear = np.append(True, lo[1:] > np.maximum.accumulate(hi)[:-1])
    begins = np.flatnonzero(clear[: len(lo)])
    if not len(begins) or skip >= before[-1]:
        return NOTHING
    first = begins[np.searchsorted(before[begins], skip, "right") - 1]
    later = begins[before[begins] >= skip + limit]
    end = later[0] if len(later) else len(lo)
    chosen = np.delete(np.arange(len(lo)), [at] * has_tail)  # The place of each chunk among all.
    places = chunk_index.places(chunks[(chosen >= first) & (chosen < end)])
    lines = [reader.decoded(metric, places)] if places else []
    lines += [tail] * bool(has_tail and first <= at < end)
    start = skip - int(before[first])
    return join(lines).take(slice(start, start + limit))
