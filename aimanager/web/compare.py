"""What made the difference? Runs side by side: their config and metrics, their curves, and how one follows the other."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

from flask import Response, g, render_template, request, url_for

from ..errors import Invalid
from ..http.auth import requires
from ..services import definitions, runs, search
from ..services.compare import table
from ..services.compare.importance import FEWEST, FEWEST_FOREST, importance
from ..services.compare.runs import MOST
from ..services.run_list import states
from . import figures
from .blueprint import LIMITS, web
from .cards import drawn_run, sections_of
from .compare_state import Comparison, run_ids
from .htmx import fragment_wanted, page_or_fragment
from .template_filters import iso, plain, short

AXES = ("step", "time", "relative")
MOST_FOUND = 8  # Runs that a search offers to compare with.
MOST_CELLS = 20_000  # Of one page; what is beyond is found by its name.


@web.get("/app/compare")
@requires("public_or_read")
def compare() -> Response:
    """The page, or the part of it that changed."""
    comparison = Comparison.of_request()
    wanted = fragment_wanted()
    found, hidden = _table(comparison)
    return page_or_fragment(
        "compare/show.html", "compare/_values.html", "compare/_parallel.html", "compare/_scatter.html",
        "compare/_importance.html", "charts/_charts.html",
        comparison=comparison, runs=comparison.runs, table=found, hidden_rows=hidden, most=MOST,
        here=comparison.address(), projects=list({one.project.id: one.project for one in comparison.runs}.values()),
        duplicates=_duplicates(comparison), by_category=figures.by_category,
        important=_importance(comparison) if wanted == "importance" else None, fewest=FEWEST,
        fewest_forest=FEWEST_FOREST, socket=_socket(comparison),
        sections=sections_of(comparison.metrics), own_axes=_own_axes(comparison), drawn_runs=[drawn_run(one.run, one.state) for one in comparison.runs],
        charts_url=comparison.address(), charts_empty="compare/_no_charts.html",
        x=x if (x := request.args.get("x")) in AXES else "step", log=request.args.get("log") == "1",
    )  # fmt: skip


@web.get("/app/compare/with")
@requires("public_or_read")
def compare_with() -> str:
    """Runs to be compared with those of `runs`: the newest of their project, or with `q` those that have it in name or tags."""
    ids = run_ids(request.args.get("runs", ""))[: MOST - 1]
    runs.check_all(ids, g.principal)
    asked = request.args.get("q", "").strip()[: LIMITS["search"]]
    if asked or not ids:
        found = list(search.everything(g.principal, asked, MOST_FOUND + len(ids)).runs)
    else:
        newest = runs.recent(runs.project_of(ids[0], g.principal), MOST_FOUND + len(ids))
        state = states.states(newest)
        found = [search.FoundRun(run, "", state[run.id]) for run in newest]
    others = [one for one in found if one.run.id not in ids][:MOST_FOUND]
    each = [(one, ",".join(map(str, [*ids, one.run.id]))) for one in others]
    return render_template("compare/_found.html", found=each, asked=asked)


@web.get("/app/compare.csv")
@requires("public_or_read")
def compare_csv() -> Response:
    """All keys, whatever the page leaves out: a row a key, a column a run."""
    comparison = Comparison.of_request()
    found = table.table(comparison.runs, comparison.of, comparison.base)
    text = io.StringIO()
    write = csv.writer(text).writerow
    write(["kind", "key", *(_text(f"{one.run.name} (#{one.id})") for one in comparison.runs)])
    for row in found.rows:
        kind = f"metric ({comparison.of})" if row.kind == "metric" else row.kind
        write([kind, _text(row.key), *(_csv(cell.value) for cell in row.cells)])
    answer = Response(text.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = "attachment; filename=comparison.csv"
    return answer


@web.get("/app/compare/figure")
@requires("public_or_read")
def compare_figure() -> Response:
    """A figure for the browser to draw: `kind=parallel` or `kind=scatter`."""
    comparison = Comparison.of_request()
    if not comparison.runs:
        raise Invalid.field("runs", "runs must name the runs to be drawn", source="query")
    kind = request.args.get("kind")
    if kind == "parallel":
        body = figures.parallel(comparison.runs, comparison.axes, comparison.axis_colour, _run_url)
    elif kind == "scatter":
        body = figures.scatter(
            comparison.runs, comparison.x, comparison.y, comparison.colour, comparison.boxes, _run_url
        )  # fmt: skip
    else:
        raise Invalid.field("kind", "kind must be parallel or scatter", source="query")
    return Response(body, mimetype="application/json")


def _run_url(run_id: int) -> str:
    return url_for("web.run", run_id=run_id)


def _table(comparison: Comparison) -> tuple[table.Table, int]:
    """The rows that a page holds, and how many it does not."""
    found = table.table(
        comparison.runs, comparison.of, comparison.base, not comparison.everything, comparison.search
    )  # fmt: skip
    most = MOST_CELLS // max(1, len(comparison.runs))
    return replace(found, rows=found.rows[:most]), max(0, len(found.rows) - most)


def _duplicates(comparison: Comparison) -> set[str]:
    """The names that several runs have."""
    names = [one.run.name for one in comparison.runs]
    return {name for name in names if names.count(name) > 1}


def _importance(comparison: Comparison) -> Any:
    return importance(comparison.config, comparison.metric) if comparison.metric else None


def _own_axes(comparison: Comparison) -> dict[str, str]:
    """Projects may say different things of a metric: of several none is heard."""
    projects = {one.project.id for one in comparison.runs}
    ids = [one.id for one in comparison.runs]
    return definitions.axes_of(projects.pop(), ids, comparison.metrics) if len(projects) == 1 else {}


def _socket(comparison: Comparison) -> str | None:
    """Where the page hears of its runs: at their project, or at the home page's socket, which needs a login."""
    projects = {one.project.id for one in comparison.runs}
    if len(projects) == 1:
        return f"/ws/projects/{projects.pop()}"
    return "/ws/home" if projects and g.principal.signed_in else None


def _csv(value: Any) -> str:
    if hasattr(value, "total_seconds"):
        return plain(value.total_seconds())
    if hasattr(value, "isoformat"):
        return iso(value)
    return _text(value) if isinstance(value, str) else plain(value)


def _text(text: str) -> str:
    """A text that a spreadsheet takes for a text: one that begins like a formula gets an apostrophe."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@web.app_template_filter("signed")
def signed(text: str) -> str:
    """A number in words with its sign: `+1.5`, `−0.2`."""
    return text if text.startswith("−") else f"+{text}"


@web.app_template_filter("percent")
def percent(value: float) -> str:
    """`+4.5 %`; large ones without a fraction."""
    if abs(value) >= 1e6:
        return f"{signed(short(value))} %"
    return f"{value:+,.{1 if abs(value) < 100 else 0}f} %".replace("-", "−")


@web.app_template_filter("two")
def two(value: float) -> str:
    """With two digits behind the point, as far as such a number can be trusted."""
    return f"{value:.2f}".replace("-", "−")
