"""The console output of runs: keep, list, find."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Conflict, NotFound, Unavailable
from ..extensions import console as store
from ..extensions import live_bus
from ..principal import Principal
from ..store import OutOfTurn, RunDeleted, StoreUnavailable
from ..store.console import Console, Extent, Hits, Kept, Line, Lines, Only, Some
from . import runs

LONGEST_LINE = 1_000_000  # Characters.
MOST_LINES = 10_000  # Of a request.
_AT_ONCE = 5_000


def record(principal: Principal, run_id: int, sent: Lines) -> Kept:
    """Keep lines once, however often they arrive, and wake the run's viewers."""
    project_id = runs.project_of(run_id, principal, "write")
    try:
        kept = store.append(run_id, project_id, sent)
    except RunDeleted:
        raise NotFound() from None
    except OutOfTurn as error:
        reason = "was stored with other lines" if error.reason == "changed" else "is out of turn"
        raise Conflict(f"Batch {sent.seq} of this client {reason}; the number expected is {error.expected}") from None
    except StoreUnavailable:
        raise Unavailable("The lines could not be stored just now, please send them again") from None
    if not kept.repeated:
        live_bus.publish(f"run-logs:{run_id}")
    return kept


def extent(principal: Principal, run_id: int) -> Extent:
    """How much there is."""
    runs.project_of(run_id, principal)
    return store.extent(run_id)


def after(principal: Principal, run_id: int, line: int, limit: int, only: Only) -> Some:
    """Lines after one, the first of them."""
    runs.project_of(run_id, principal)
    return store.forward(run_id, line, limit, only)


def before(principal: Principal, run_id: int, line: int, limit: int, only: Only) -> Some:
    """Lines before one, the last of them, in order."""
    runs.project_of(run_id, principal)
    return store.backward(run_id, line, limit, only)


def hits(principal: Principal, run_id: int, only: Only, before: int | None = None, after: int | None = None) -> Hits:
    """Where the wanted lines are, as far as one look goes."""
    runs.project_of(run_id, principal)
    return store.hits(run_id, only, after=after, before=before)


def every_line(principal: Principal, run_id: int, only: Only) -> Iterator[list[tuple[int, Line]]]:
    """All wanted lines, some thousands at a time; those that come meanwhile are not among them."""
    end = extent(principal, run_id).last_line
    # They may be read after the request's context, which the proxy needs, has ended.
    source: Console = store._get_current_object()  # type: ignore[attr-defined]
    return _every_line(source, run_id, end, only)


def _every_line(source: Console, run_id: int, end: int, only: Only) -> Iterator[list[tuple[int, Line]]]:
    last = 0
    while last < end:
        some = source.forward(run_id, last, _AT_ONCE, only)
        if some.last == last:  # The run was deleted.
            return
        yield [(number, line) for number, line in some.lines if number <= end]
        last = some.last
