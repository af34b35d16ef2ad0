"""What is going on: the projects, and the work in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Response, g, render_template, request, url_for

from ..errors import Invalid
from ..http.auth import requires
from ..models import Project, Run
from ..services import projects, runs
from ..services.projects import Card
from ..services.run_list import table
from .blueprint import web
from .forms import errors_of, see, text
from .htmx import page_or_fragment
from .spark import Spark, spark

MOST_SPARKS = 50  # Further down a list nobody looks at curves, and each costs a look into the store.


@dataclass(frozen=True)
class HomeCard:
    """A row of the home page."""

    project: Project
    runs: int
    running: int
    last_activity: datetime
    newest_run: Run | None
    newest_state: str
    spark: Spark | None


@web.get("/")
@requires("public_or_read")
def home() -> Response:
    """The caller's projects, or with `?visibility=public` everybody's public ones."""
    return page_or_fragment("home/index.html", "home/_cards.html", errors={}, form={}, **_overview())


@web.post("/projects/new")
@requires("write")
def create_project() -> Response | tuple[str, int]:
    is_public = request.form.get("is_public") == "1"
    try:
        project, _ = projects.create(g.principal, text("name"), text("description"), is_public)
    except Invalid as error:
        errors = errors_of(error, "name", "description")
        return render_template("home/index.html", errors=errors, form=request.form, **_overview()), 400
    return see(url_for("web.project", project_id=project.id))


def _overview() -> dict[str, object]:
    visibility = "public" if request.args.get("visibility") == "public" else "mine"
    words = request.args.get("q", "").strip()[:200]
    limit = min(max(request.args.get("limit", 100, int), 1), 1000)
    found = [
        card for card in projects.overview(g.principal, visibility)
        if words.casefold() in f"{card.project.name}\n{card.project.description}".casefold()
    ]  # fmt: skip
    cards = [_card(card, place < MOST_SPARKS) for place, card in enumerate(found[:limit])]
    cards.sort(key=lambda card: card.last_activity, reverse=True)
    latest = _latest(found) if visibility == "mine" else []
    return {
        "cards": cards, "total": len(found), "q": words, "visibility": visibility, "limit": limit, "latest": latest,
    }  # fmt: skip


def _latest(cards: Sequence[Card]) -> list[dict[str, object]]:
    """The newest runs of the shown projects, whichever they belong to."""
    names = {card.project.id: card.project.name for card in cards}
    newest = [run for run in runs.list_runs(g.principal, limit=50).items if run.project_id in names][:10]
    return [
        {"run": run, "project": names[run.project_id], "state": runs.state_of(run, table.heard_at(run.id))}
        for run in newest
    ]


def _card(card: Card, with_spark: bool) -> HomeCard:
    run, state, heard_at = card.newest, "", None
    if run:
        heard_at = table.heard_at(run.id)
        state = runs.state_of(run, heard_at)
    return HomeCard(
        project=card.project, runs=card.runs, running=card.running,
        last_activity=max(filter(None, (card.active_at, heard_at))), newest_run=run, newest_state=state,
        spark=spark(g.principal, run.id) if run and with_spark else None,
    )  # fmt: skip
