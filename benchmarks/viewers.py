"""A thousand viewers of one run on one worker, ten broadcasts a second; the measurement itself is `fanout`."""

from __future__ import annotations

from . import fanout
from .figure import Figure


def figures() -> list[Figure]:
    measured = fanout.main()
    folded = measured["messages expected"] - measured["messages"]
    return [
        Figure("1,000 viewers, 10 broadcasts/s: arrival p99", measured["arrival p99"], "ms", 250),
        Figure("1,000 viewers: the API meanwhile, p99", measured["API p99"], "ms", 200),
        Figure("1,000 viewers: memory of the worker", measured["memory"], "MB", 200),
        Figure("1,000 viewers: messages folded into a later one", folded),
    ]
