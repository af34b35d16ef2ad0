"""What the charts draw: downsampled columns of several metrics in one answer.

The unit of x in the address is the page's: the step, milliseconds since 1970 for "time", seconds for "relative".
"""

from __future__ import annotations

import gzip
import math

from flask import Response, g, request

from ..errors import Invalid
from ..http.auth import requires
from ..services import charts as service
from .blueprint import web

MOST_NAMES = 50
MOST_POINTS = 2000
MICROSECONDS = {"step": 1, "time": 1_000, "relative": 1_000_000}


@web.get("/app/runs/<id:run_id>/charts")
@requires("public_or_read")
def charts(run_id: int) -> Response:
    """Also says up to which id the points are in, so that the page knows which live ones come after them."""
    names = request.args.getlist("name")[:MOST_NAMES]
    x = request.args.get("x", "step")
    if x not in MICROSECONDS:
        raise Invalid.field("x", "x must be step, time or relative", source="query")
    points = min(max(request.args.get("points", 1000, int), 10), MOST_POINTS)
    drawn = service.draw(g.principal, [run_id], names, points=points, x=x, lo=_bound("min", x), hi=_bound("max", x))
    last_id = min((one.last_id for one in drawn), default=0)
    return _compressed(service.packed(drawn, last_id, also=service.ALSO))


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
    return value * MICROSECONDS[x]


def _compressed(body: bytes) -> Response:
    """Columns of numbers that follow each other shrink to half for less than it costs to send them."""
    answer = Response(body, mimetype=service.MEDIA_TYPE)
    answer.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"]:
        answer.set_data(gzip.compress(body, 1))
        answer.content_encoding = "gzip"
    return answer
