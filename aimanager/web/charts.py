"""What the charts draw: downsampled columns of several metrics, of one run or of many, in one answer.

The unit of x in the address is the page's: the step, milliseconds since 1970 for "time", seconds for "relative",
and what the other metric is in for "metric:<name>".
"""

from __future__ import annotations

import gzip
import math
from typing import Any

from flask import Response, g, request

from ..errors import Invalid
from ..http.auth import requires
from ..http.streaming import streamed
from ..services import chart_export
from ..services import charts as service
from ..services import group_charts as group_service
from .blueprint import web

MOST_RUNS = 100
MOST_RUNS_OF_GROUPS = 500
MOST_GROUPS = 50
MOST_NAMES = 50
MOST_POINTS = 2000
MOST_BUCKETS = 500_000  # Of all charts of an answer: ten megabytes before compression.
MICROSECONDS = {"step": 1, "time": 1_000, "relative": 1_000_000}


@web.get("/app/charts")
@requires("public_or_read")
def charts_of_runs() -> Response:
    """One entry for each run and metric that exists; `last_ids` says up to which id the points of a run are in, so that the
    page knows which live ones come after them. With very many lines each gets fewer points than were asked for."""
    run_ids, names = _some_runs(), _names()
    window = _window(len(run_ids) * len(names))
    drawn = service.draw(g.principal, run_ids, names, **window)
    return _compressed(service.packed_of_runs(drawn, run_ids, also=service.ALSO))


@web.get("/app/charts/groups")
@requires("public_or_read")
def charts_of_groups() -> Response:
    """Groups of runs (`groups=1,2,3;4,5`) as one line each, with its deviation, range and count of runs: one entry for each
    group and metric that exists. `last_ids` is as for runs."""
    groups = [_run_ids(text) for text in request.args.get("groups", "").split(";")]
    if len(groups) > MOST_GROUPS or sum(map(len, groups)) > MOST_RUNS_OF_GROUPS:
        words = f"groups must be at most {MOST_GROUPS}, of at most {MOST_RUNS_OF_GROUPS} runs together"
        raise Invalid.field("groups", words, source="query")
    names = _names()
    window = _window(len(groups) * len(names))
    return _compressed(group_service.packed(group_service.draw(g.principal, groups, names, **window)))


@web.get("/app/charts.csv")
@requires("public_or_read")
def charts_csv() -> Response:
    """All points of charts, as a file."""
    run_ids, names = _some_runs(), _names()
    answer = streamed(chart_export.as_csv(g.principal, run_ids, names), "text/csv", whole=False)
    answer.headers["Content-Disposition"] = f'attachment; filename="{chart_export.file_name(names)}.csv"'
    return answer


def _some_runs() -> list[int]:
    run_ids = _run_ids(request.args.get("runs", ""))
    if len(run_ids) > MOST_RUNS:
        raise Invalid.field("runs", f"runs must be at most {MOST_RUNS}", source="query")
    return run_ids


def _run_ids(text: str) -> list[int]:
    """The runs of an address, `1,2,3`, each once."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise Invalid.field("runs", "runs must be numbers of runs with commas between them", source="query")
    return list(dict.fromkeys(map(int, parts)))


def _names() -> list[str]:
    names = list(dict.fromkeys(request.args.getlist("name")))
    if not 1 <= len(names) <= MOST_NAMES:
        raise Invalid.field("name", f"name must be given once to {MOST_NAMES} times", source="query")
    return names


def _window(lines: int) -> dict[str, Any]:
    """What part of the points is drawn, and how finely, if there are so many lines."""
    x = request.args.get("x", "step")
    if x not in MICROSECONDS and not x.startswith(service.AGAINST):
        raise Invalid.field("x", "x must be step, time, relative or metric:<name>", source="query")
    points = min(max(request.args.get("points", 1000, int), 10), MOST_POINTS, MOST_BUCKETS // max(lines, 1))
    return {"points": points, "x": x, "lo": _bound("min", x), "hi": _bound("max", x)}


def _bound(name: str, x: str) -> float | None:
    text = request.args.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Invalid.field(name, f"{name} must be a number", source="query")
    return value * MICROSECONDS.get(x, 1)


def _compressed(body: bytes) -> Response:
    """Columns of numbers that follow each other shrink to half for less than it costs to send them."""
    answer = Response(body, mimetype=service.MEDIA_TYPE)
    answer.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"]:
        answer.set_data(gzip.compress(body, 1))
        answer.content_encoding = "gzip"
    return answer
