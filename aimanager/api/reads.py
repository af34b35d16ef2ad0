"""Points out: pages of them, whole histories, summaries, charts."""

from __future__ import annotations

from typing import Any

from flask import Response, g

from ..errors import Damaged, NotFound
from ..http.auth import requires
from ..http.route_docs import refuses
from ..http.streaming import streamed
from ..services import charts, group_charts
from ..services import metrics as service
from ..services.paging import Page
from ..store.shapes import PIECE
from . import columns, formats
from .bodies import FRAME
from .decorators import query, returns
from .metrics import metrics
from .queries import ChartQuery, GroupQuery, HistoryQuery, PointQuery
from .responses import ChartAnswer, GroupChartsOut, History, MetricOut, SummaryOut


@metrics.get("/<id:run_id>")
@requires("public_or_read")
@query(PointQuery)
@returns(MetricOut, many=True)
def index(parameters: PointQuery, run_id: int) -> Any:
    """Get metrics for a run, by timestamp."""
    points = service.points(g.principal, run_id, parameters.metric_name, parameters.skip, parameters.limit)
    return Page(list(columns.point_rows(run_id, points)), points.total)


@metrics.get("/<id:run_id>/history/<name:metric_name>")
@requires("public_or_read")
@query(HistoryQuery)
@returns(History, media=[FRAME, formats.CSV, formats.ARROW])
def history(parameters: HistoryQuery, run_id: int, metric_name: str) -> Any:
    """Get metric history for a specific metric.

    By `format`, else by `Accept`: JSON; the frame of columns that bulk ingest takes; CSV with a line for each point; an
    Arrow stream.
    """
    points = service.history(g.principal, run_id, metric_name)
    name = parameters.format or formats.preferred(formats.TYPES)
    return streamed(formats.HISTORY[name](points), formats.TYPES[name], whole=points.total <= PIECE)


@metrics.get("/<id:run_id>/export")
@requires("public_or_read")
@returns(None, media=[formats.CSV])
def export(run_id: int) -> Any:
    """Get all points of a run as CSV, metric by metric, each by timestamp."""
    lines = formats.histories_as_csv(service.histories(g.principal, run_id))
    return streamed(lines, formats.CSV, whole=False)


@metrics.get("/<id:run_id>/summary")
@requires("public_or_read")
@returns(SummaryOut, many=True)
def summary(run_id: int) -> Any:
    """Get summary statistics for all metrics in a run; minimum, maximum and mean are over finite values."""
    return [columns.summary(row) for row in service.summary(g.principal, run_id)]


@metrics.get("/<id:run_id>/chart")
@requires("public_or_read")
@query(ChartQuery)
@returns(ChartAnswer, media=[charts.MEDIA_TYPE])
def chart(parameters: ChartQuery, run_id: int) -> Any:
    """Get series for drawing: at most `points` buckets each, none of which hides a spike.

    One name of one run is answered with its chart. Several names (`name=a&name=b`) or runs (`run=8&run=9`) are answered
    with a list, in which metrics that a run never logged are left out, and one that is damaged says so. With `x=metric:NAME`
    each value is drawn over the value that the other metric has at the same step.
    """
    drawn = charts.draw(g.principal, [run_id, *parameters.run], parameters.name, **parameters.window())
    alone = len(parameters.name) == 1 and not parameters.run
    only = drawn[0].chart if alone and drawn else None
    if alone and only is None:
        if not drawn:
            raise NotFound()
        raise (Damaged if drawn[0].damaged else NotFound)(drawn[0].error)
    last_id = min((one.last_id for one in drawn if one.run_id == run_id), default=0)
    if formats.preferred({"json": "application/json", "columns": charts.MEDIA_TYPE}) == "columns":
        answer = Response(charts.packed(drawn, last_id, parameters.also), mimetype=charts.MEDIA_TYPE)
        answer.vary.add("Accept")
        return answer
    if only is not None:
        return columns.chart(only)
    return {"last_id": last_id, "charts": [columns.one_of_several(one) for one in drawn]}


@metrics.get("/groups")
@requires("public_or_read")
@refuses(404)
@query(GroupQuery)
@returns(GroupChartsOut)
def group(parameters: GroupQuery) -> Any:
    """Get metrics of several runs as one line each, for drawing: mean, standard deviation, range, and how many runs count.

    All of the runs must be there and readable; metrics that none of them has are left out.
    """
    drawn = group_charts.draw(g.principal, [parameters.run_ids], parameters.name, **parameters.window())
    last_ids = {str(run_id): last_id for run_id, last_id in drawn.last_ids.items()}
    return {"last_ids": last_ids, "charts": [columns.group_chart(one) for one in drawn.charts]}
