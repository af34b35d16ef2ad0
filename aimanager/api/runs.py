from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, g

from ..errors import Invalid, Taken
from ..extensions import hub, parts
from ..http.auth import requires
from ..http.fast_path import fast
from ..http.rate_limits import budget
from ..http.route_docs import idempotent, refuses
from ..http.streaming import streamed
from ..models import Run
from ..services import definitions as metric_definitions
from ..services import lineage, metrics, run_state
from ..services import runs as service
from ..services.paging import Page
from ..services.run_list import direction, filters, pages
from ..services.run_list import order as orders
from . import formats
from .decorators import body, headers_of, query, returns
from .idempotency import body_fingerprint, idempotency_key
from .queries import RunPlace, RunQuery
from .requests import DefinitionsIn, ForkIn, Nothing, RewindIn, RunChanges, RunIn, changes_of
from .responses import (
    Definitions,
    EnvironmentOut,
    Heartbeat,
    RunListed,
    RunOut,
    RunStarted,
    definitions_out,
    resumed_out,
    run_out,
)

runs = Blueprint("runs", __name__, url_prefix="/runs")


@runs.get("/")
@requires("public_or_read")
@refuses(404)
@query(RunQuery)
@returns(RunListed, many=True)
def index(listing: RunQuery) -> Any:
    """List all runs for the current user, or those of one project; newest first.

    Runs of one project can be sorted by `created`, `name`, `tags`, `duration`, `status`, by `metric:NAME` (its last value;
    `metric:NAME.min`, `metric:NAME.max`) or `config.KEY`; those without that come last. `filter` takes words and
    conditions: `loss.min < 0.1`, `config.optimizer.lr = 0.001`, `status = stale`. `X-Next-Cursor` of the answer is the next page's `after`, and missing on the last one.
    With `summaries=1` each run also has `metrics`, the summaries of all its metrics.
    """
    if listing.by_cursor:
        page = _by_cursor(listing)
    else:
        page = pages.newest(g.principal, listing.project_id, listing.skip, listing.limit)
    runs_out = [run_out(run) for run in page.items]
    if not listing.summaries:
        return Page(runs_out, page.total, page.next_cursor)
    parts = formats.runs_as_json(runs_out, metrics.summaries([run["id"] for run in runs_out]))
    answer = streamed(parts, "application/json", whole=len(runs_out) <= metrics.RUNS_AT_ONCE)
    answer.headers.update(headers_of(page))
    return answer


def _by_cursor(listing: RunQuery) -> Page[Run]:
    if listing.project_id is None:
        raise Invalid.field("project_id", "project_id is needed with sort, order, filter and after", source="query")
    if listing.skip:
        raise Invalid.field("skip", "skip cannot be used with sort, order, filter and after", source="query")
    direction.within(listing.project_id)  # For the best of a metric in what is read next.
    descending = listing.order == "desc" or (listing.order is None and listing.sort in ([], ["created"]))
    order, where = orders.read_keys(listing.sort or ["created"], descending), filters.read(listing.filter or "")
    return pages.page(g.principal, listing.project_id, order, where, listing.after, listing.limit)


@runs.post("/")
@requires("write")
@refuses(404)
@idempotent
@query(RunPlace)
@body(RunIn)
@returns(RunStarted, 201, also={200: "The run that has the key goes on"})
def create(place: RunPlace, new: RunIn) -> Any:
    """Create a new run in the project that `project_id` names, or resume the one that has the `key`.

    An `Idempotency-Key` header makes a retry harmless: it is answered with the run that the first one made.
    A run that is resumed keeps its name and notes; the config that is sent is merged into its own by key, and tags are
    added.
    """
    once = _once()
    if new.resume != "never" and new.key is None:
        raise Invalid.field("key", "key is needed to resume a run")
    named = None if new.resume == "never" else new.key
    if named and (run := lineage.find(g.principal, place.project_id, named, must=new.resume == "must")):
        return _resumed(run, new, once), 200
    try:
        run = service.create(
            g.principal,
            place.project_id,
            new.name,
            new.config,
            new.tags or (),
            new.notes,
            once,
            new.total_steps,
            new.key,
        )
    except Taken:
        # Another process of the same job may have been faster.
        faster = lineage.find(g.principal, place.project_id, named, must=False) if named else None
        if faster is None:
            raise
        return _resumed(faster, new, once), 200
    return run_out(run)


def _resumed(run: Run, new: RunIn, once: tuple[str, str] | None) -> Any:
    """The answer for a run that has the key."""
    if new.resume == "join" or service.is_repeated(run, once):
        return resumed_out(run, service.last_step(run.id))
    return resumed_out(*lineage.resume(g.principal, run.id, new.config, new.tags or (), new.total_steps))


def _once() -> tuple[str, str] | None:
    """What tells a retry of this request from another one."""
    key = idempotency_key()
    return None if key is None else (key, body_fingerprint().hex())


@runs.get("/<id:run_id>")
@requires("public_or_read")
@returns(RunOut)
def show(run_id: int) -> Any:
    """Get a specific run."""
    return run_out(service.get(run_id, g.principal))


@runs.get("/<id:run_id>/environment")
@requires("public_or_read")
@returns(EnvironmentOut)
def environment(run_id: int) -> Any:
    """Get where a run's script ran and how it ended, as far as the script said so."""
    run = service.get(run_id, g.principal)
    return {"environment": run.environment, "exit": run.exit}


@runs.post("/<id:run_id>/resume")
@requires("write")
@body(Nothing)
@returns(RunStarted)
def resume(_nothing: Nothing, run_id: int) -> Any:
    """Go on with a run: it is running again, its end is forgotten, and its charts have a mark where it goes on."""
    return resumed_out(*lineage.resume(g.principal, run_id))


@runs.post("/<id:run_id>/fork")
@requires("write")
@idempotent
@body(ForkIn)
@returns(RunOut, 201)
def fork(sent: ForkIn, run_id: int) -> Any:
    """Make a new run that has the points of this one up to a step, and goes on from there.

    It has a copy of the points: what becomes of this run does not change it. An `Idempotency-Key` header makes a retry
    harmless: it is answered with the run that the first one made.
    """
    return run_out(lineage.fork(g.principal, run_id, sent.step, sent.name, sent.config, sent.tags, _once()))


@runs.post("/<id:run_id>/rewind")
@requires("write")
@idempotent
@body(RewindIn)
@returns(RunStarted)
def rewind(sent: RewindIn, run_id: int) -> Any:
    """Take the points of greater steps away from a run.

    The run as it was stays in an archived one, whose `parent_id` is this run. The status stays as it is. An `Idempotency-Key`
    header makes a retry harmless: it takes nothing away that was logged after the first one.
    """
    return resumed_out(*lineage.rewind(g.principal, run_id, sent.step, _once()))


@runs.get("/<id:run_id>/definitions")
@requires("public_or_read")
@returns(Definitions)
def definitions(run_id: int) -> Any:
    """Get what scripts have said of the metrics of the run's project."""
    return definitions_out(metric_definitions.of_run(g.principal, run_id))


@runs.put("/<id:run_id>/definitions")
@requires("write")
@refuses(409)
@body(DefinitionsIn)
@returns(Definitions)
def define(said: DefinitionsIn, run_id: int) -> Any:
    """Say which way metrics get better (`goal`) and what they are drawn against (`x`), for all runs of the project.

    What is left out stays; null takes it back. Without a goal it is guessed from the name. The answer has all of the project.
    """
    facts = {name: one.model_dump(exclude_unset=True) for name, one in said.root.items()}
    return definitions_out(metric_definitions.define(g.principal, run_id, facts))


@runs.put("/<id:run_id>")
@requires("write")
@body(RunChanges)
@returns(RunOut)
def update(sent: RunChanges, run_id: int) -> Any:
    """Update a run; fields that are left out stay as they are, those that nobody may change are taken unchanged.

    A final status sets `ended_at`.
    """
    changes = changes_of(sent, run_out(service.get(run_id, g.principal, "write")))
    return run_out(service.update(g.principal, run_id, **changes))


@runs.post("/<id:run_id>/heartbeat")
@fast
@requires("write")
@budget("ingest")
@returns(Heartbeat)
def heartbeat(run_id: int) -> Any:
    """Say that a run is alive though it logs nothing just now. It costs no point and changes nothing of the run.

    A run whose client sends heartbeats is shown as stale after three missed ones, any other after 30 minutes of silence.
    The answer says how soon the server wants the next batch and the next heartbeat; a batch of points is one, too.
    """
    place = service.heartbeat(g.principal, run_id)
    pause = parts().flush_pacing.after_heartbeat(run_id, g.principal.user_id, hub.watched(run_id))
    return {
        "flush_after_ms": pause,
        "heartbeat_after_ms": run_state.HEARTBEAT_EVERY // timedelta(milliseconds=1),
        "stop_requested": place.stop_requested,
    }


@runs.post("/<id:run_id>/stop")
@requires("write")
@refuses(409)
@returns(RunOut)
def stop(run_id: int) -> Any:
    """Ask a run to stop: the answer to its script's next batch or heartbeat says so, and the script decides.

    A run that has ended is a 409. The request is forgotten when the run ends or goes on.
    """
    return run_out(service.request_stop(g.principal, run_id))


@runs.delete("/<id:run_id>")
@requires("write")
@returns(None, 204)
def delete(run_id: int) -> None:
    """Delete a run and its points."""
    service.delete(g.principal, run_id)
