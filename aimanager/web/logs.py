"""The Logs tab of a run: its first screen, more lines as one scrolls, hits of a search, and all of it as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flask import Response, g, jsonify, request, url_for
from markupsafe import Markup

from ..errors import Invalid
from ..http.auth import requires
from ..http.streaming import streamed
from ..services import console as service
from ..store.console import NO_RANK, STREAMS, Line, Only
from ..wire.times import to_datetime
from . import ansi
from .blueprint import web

FIRST_LINES = 200  # That the page comes with: some screens.
MOST_LINES = 1000
LONGEST_WHOLE = 1_000_000


@web.get("/app/runs/<id:run_id>/logs")
@requires("public_or_read")
def log_lines(run_id: int) -> Response:
    """Lines after one or before one, as rows of HTML by their numbers."""
    extent = service.extent(g.principal, run_id)
    limit = min(_number("limit") or FIRST_LINES, MOST_LINES)
    before, after, only = _number("before"), _number("after"), read_only()
    if before is not None:
        some = service.before(g.principal, run_id, max(before, 1), limit, only)
    else:
        some = service.after(g.principal, run_id, after or 0, limit, only)
    whole = request.args.get("whole") == "1"
    rows = [[number, row(number, line, LONGEST_WHOLE if whole else ansi.LONGEST_SHOWN)] for number, line in some.lines]
    return jsonify(
        {
            "rows": rows,
            "first": some.first,
            "last": some.last,
            "lastLine": extent.last_line,
            "settled": extent.settled,
            "leftOut": extent.left_out,
        }
    )


@web.get("/app/runs/<id:run_id>/logs/hits")
@requires("public_or_read")
def log_hits(run_id: int) -> Response:
    """The numbers of the lines that have a text, as far as one look goes."""
    only = read_only(with_text=True)
    if not only.text:
        raise Invalid.field("q", "q must not be empty", source="query")
    after = _number("after")
    before = None if after is not None else _number("before") or 1
    hits = service.hits(g.principal, run_id, only, before=before, after=after)
    return jsonify({"lines": list(hits.lines), "first": hits.first, "last": hits.last})


@web.get("/app/runs/<id:run_id>/logs.txt")
@requires("public_or_read")
def log_text(run_id: int) -> Response:
    """All lines as a file, without their colours; with `times=1` each begins with its time."""
    pieces = service.every_line(g.principal, run_id, read_only())
    left_out = service.extent(g.principal, run_id).left_out
    answer = streamed(_as_text(pieces, request.args.get("times") == "1", left_out), "text/plain", whole=False)
    answer.headers["Content-Disposition"] = f'attachment; filename="run-{run_id}.log"'
    return answer


def are_there(run_id: int) -> bool:
    return service.extent(g.principal, run_id).last_line > 0


def tab_of(run_id: int) -> dict[str, Any]:
    """What the tab is drawn with."""
    extent = service.extent(g.principal, run_id)
    only = read_only()
    some = service.before(g.principal, run_id, extent.last_line + 1, FIRST_LINES, only)
    return {
        "extent": extent,
        "rows": Markup("").join(row(number, line) for number, line in some.lines),
        "first": some.first,
        "only": only,
        "q": request.args.get("q", ""),
        "wrap": request.args.get("wrap") != "0",
        "times": request.args.get("times") == "1",
    }


def row(number: int, line: Line, most: int = ansi.LONGEST_SHOWN) -> Markup:
    """A line with its number, its time and its rank."""
    text, left_out = ansi.rendered(line.text, most)
    moment = to_datetime(line.time)
    stream = Markup(' data-stream="stderr"') if STREAMS[line.stream] == "stderr" else ""
    rank = (
        "" if line.rank == NO_RANK else Markup('<span class="log-rank" title="Rank {0}">{0}</span>').format(line.rank)
    )
    more = (
        Markup('<button type="button" class="log-more">{:,} more characters</button>').format(left_out)
        if left_out
        else ""
    )
    return _ROW.format(
        number, stream, moment.isoformat(timespec="milliseconds"), moment.strftime("%H:%M:%S"), rank, text, more
    )


_ROW = Markup(
    '<div class="log-line" id="L{0}"{1}><a class="log-number" href="#L{0}" tabindex="-1">{0}</a>'
    '<time datetime="{2}Z">{3}</time>{4}<span class="log-text">{5}</span>{6}</div>'
)


def read_only(with_text: bool = False) -> Only:
    """Which lines the address asks for; a stream or rank that cannot be is all."""
    stream = request.args.get("stream")
    rank = _number("rank")
    text = request.args.get("q", "")[:1000] if with_text else None
    return Only(stream if stream in STREAMS else None, rank, text or None)


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _as_text(pieces: Iterator[Sequence[tuple[int, Line]]], times: bool, left_out: int) -> Iterator[bytes]:
    for lines in pieces:
        yield "".join(_text_of(line, times) for _, line in lines).encode()
    if left_out:
        yield f"[{left_out:,} more lines were not kept: the run had as much console output as is kept of one]\n".encode()


def _text_of(line: Line, times: bool) -> str:
    stamp = f"{to_datetime(line.time).isoformat(timespec='milliseconds')}Z " if times else ""
    return f"{stamp}{ansi.plain(line.text)}\n"


@web.app_template_global("log_address")
def log_address(run_id: int, name: str) -> str:
    """Where the lines, hits or the file are, of the streams and ranks at hand."""
    wanted: dict[str, Any] = {key: request.args[key] for key in ("stream", "rank") if request.args.get(key)}
    return url_for(f"web.{name}", run_id=run_id, **wanted)
