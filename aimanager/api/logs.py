"""The console output of a run, in and out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g

from ..errors import Invalid
from ..http.auth import requires
from ..http.rate_limits import budget
from ..http.route_docs import refuses
from ..services import console as service
from ..store.console import NO_RANK, STREAMS, Line, Lines, Only
from .batches import LogsIn
from .decorators import body, query, returns
from .idempotency import body_fingerprint
from .queries import LogsQuery
from .responses import LogsKept, LogsOut

logs = Blueprint("logs", __name__, url_prefix="/runs")


@logs.post("/<id:run_id>/logs")
@requires("write")
@refuses(409)
@budget("ingest")
@body(LogsIn, any_text=True)
@returns(LogsKept)
def create(sent: LogsIn, run_id: int) -> Any:
    """Keep lines of a run's console output.

    `client` and `seq` make a retry harmless, as with bulk logging; the numbers are counted apart from those of points. What was
    written over, as by progress bars, is kept in its last state. Of each run so much text is kept (1 GiB by default); lines
    that come after that are counted in `left_out`, and it is no use to send more.
    """
    if (sent.client is None) != (sent.seq is None):
        raise Invalid.field("seq", "client and seq must be sent together")
    lines, partial = sent.entries.batch()
    fingerprint = body_fingerprint() if sent.client is not None else None
    kept = service.record(g.principal, run_id, Lines(lines, partial, sent.client, sent.seq, fingerprint))
    number = len(lines.texts)
    stored = number - kept.left_out
    return {
        "message": f"Kept {stored} lines" if not kept.left_out else _FULL.format(stored, number),
        "last_line": kept.last_line,
        "left_out": kept.left_out,
    }


_FULL = "Kept {} of {} lines: the run has as much console output as is kept of one"


@logs.get("/<id:run_id>/logs")
@requires("public_or_read")
@query(LogsQuery)
@returns(LogsOut)
def index(wanted: LogsQuery, run_id: int) -> Any:
    """List lines of a run's console output, in order.

    `after=-100` is the last hundred lines. Each answer is of one look at a bounded stretch, from `first` to `last`: go on with
    `after` = `last` until it is `last_line`. To follow a run ask again with `after` = `settled`: later lines may still be
    written over, as progress bars do.
    """
    extent = service.extent(g.principal, run_id)
    only = Only(wanted.stream, wanted.rank, wanted.q)
    if wanted.before is not None:
        some = service.before(g.principal, run_id, wanted.before, wanted.limit, only)
    else:
        after = max(0, extent.last_line + wanted.after) if wanted.after < 0 else wanted.after
        some = service.after(g.principal, run_id, after, wanted.limit, only)
    return {
        "lines": [line_out(number, line) for number, line in some.lines],
        "first": some.first,
        "last": some.last,
        "last_line": extent.last_line,
        "settled": extent.settled,
        "left_out": extent.left_out,
    }


def line_out(number: int, line: Line) -> dict[str, Any]:
    """A line as the API has it; `rank` only where it has one."""
    out = {"line": number, "stream": STREAMS[line.stream], "time": line.time / 1_000_000, "text": line.text}
    return out if line.rank == NO_RANK else out | {"rank": line.rank}
